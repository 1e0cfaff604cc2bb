"""Faults that testers arm, and which of them strike one exchange."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec

#: What a bill tells wrongly, `times` rows of it. Planted when the bill is made, which is when it is
#: first asked for; its own summary and hash agree with what it tells.
ROW_KINDS = frozenset(
    {
        "bill_row_added",  # `code` says what: one of ADDED
        "bill_row_dropped",
        "bill_row_altered",  # another amount
        "bill_row_duplicated",
        "bill_row_shifted",  # near midnight: told in the neighbouring day's bill
        "bill_row_garbled",  # its amount can't be read
        "bill_fee_changed",
        "bill_balance_changed",  # the balance moved by another amount than the trade bill tells
    }
)

#: What a row may be that is added: a charge under our kind of number (also without a `code`) or
#: another deployment's, a refund or a reversal of what was really paid.
ADDED = ("charge", "foreign", "refund", "reversal")

#: Faults every provider knows. A provider adds its own (`SandboxProvider.fault_kinds`).
SHARED_KINDS = frozenset(
    {
        "latency",  # wait `seconds` of wall time first
        "cut_before_effect",  # close the connection, nothing happened
        "cut_after_effect",  # close the connection, all happened
        "status",  # HTTP `status` with the provider's body
        "error",  # the provider's own error `code`
        "bad_signature",
        "missing_signature",
        "unknown_serial",
        "callback_dropped",  # this attempt never leaves
        "callback_late",  # the first attempt waits `seconds` of business time
        "callback_twice",  # two at the same moment
        "callback_reordered",  # the first attempt lets the next callback overtake
        "callback_forged",  # a stranger's copy arrives first
        "bill_late",  # its hour has come, and it is still being made
        "bill_truncated",  # the file ends in the middle
        *ROW_KINDS,
    }
)

OPERATIONS = frozenset(
    {
        "prepay",
        "charge",  # of a payment code
        "query",
        "close",
        "reverse",  # of a charge: WeChat Pay's reverse, Alipay's cancel
        "refund",
        "refund_query",
        "certificates",
        "bill",  # asked for
        "bill_download",
        "security_echo",  # WeChat Pay's self test
        "official_account",
        "callback",
    }
)

#: `callback_twice` meets callbacks only, `refund_closed` refunds only.
_NAMED_FOR_THEIR_PLACE = ("callback", "refund", "bill")

#: Where the first word of its name would send a fault to the wrong place.
_PLACES = {"bill_truncated": "bill_download"}

#: Bills are fetched when their hour has come: what is armed for a story's next call passes them by.
_AT_NOBODYS_CALL = frozenset({"bill", "bill_download"})

#: What can also happen to a callback, when it is armed for `callback` by name.
_ON_ANY_MESSAGE = frozenset({"latency", "bad_signature", "missing_signature", "unknown_serial"})


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One armed fault; `times` left, None until cleared."""

    kind: str
    provider: str | None = None
    operation: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = 1
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0  # of a 429: its Retry-After
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    code: str | None = None
    effect: bool = False  # for `status` and `error`: after the call took effect
    day: date | None = None  # of a bill's rows: in this day's bill only


#: The faults that strike one exchange, by kind.
Struck = Mapping[str, Fault]


class UnknownFault(ValueError):
    """No provider here knows this fault, operation or provider."""


class Faults:
    """The armed faults, oldest first."""

    def __init__(self, kinds: Mapping[str, frozenset[str]]) -> None:
        """`kinds`: what each provider adds to the shared kinds."""
        self._kinds = kinds
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Arm a fault; `UnknownFault` names what no provider here knows."""
        own = [kinds for name, kinds in self._kinds.items() if fault.provider in (None, name)]
        if not own:
            raise UnknownFault(f"no provider {fault.provider!r}; known: {sorted(self._kinds)}")
        known = SHARED_KINDS.union(*own)
        if fault.kind not in known:
            raise UnknownFault(f"no fault {fault.kind!r}; known: {sorted(known)}")
        if fault.operation is not None and fault.operation not in OPERATIONS:
            raise UnknownFault(f"no operation {fault.operation!r}; known: {sorted(OPERATIONS)}")
        if fault.kind == "bill_row_added" and fault.code not in (None, *ADDED):
            raise UnknownFault(f"no row to add {fault.code!r}; known: {ADDED}")
        self._armed.append(fault)

    def armed(self) -> Sequence[Fault]:
        """List what is armed, with the times left."""
        return tuple(self._armed)

    def kinds(self) -> Sequence[str]:
        """List every fault that can be armed here."""
        return sorted(SHARED_KINDS.union(*self._kinds.values()))

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def strike(self, provider: str, operation: str) -> Struck:
        """Use up one time of the oldest fault of each kind that meets this exchange."""
        struck: dict[str, Fault] = {}
        for fault in self._armed:
            if fault.kind not in struck and self._meets(fault, provider, operation):
                struck[fault.kind] = fault
        for fault in struck.values():
            self._use_up(fault)
        return struck

    def to_plant(self, provider: str, day: date) -> Sequence[Fault]:
        """List the faults for rows of this bill, oldest first."""
        return [
            fault
            for fault in self._armed
            if fault.kind in ROW_KINDS
            and fault.provider in (None, provider)
            and fault.day in (None, day)
        ]

    def planted(self, fault: Fault, rows: int) -> None:
        """Use up so many of its times; what found no row stays armed."""
        for _ in range(rows):
            fault = self._use_up(fault)

    def _meets(self, fault: Fault, provider: str, operation: str) -> bool:
        if fault.provider not in (None, provider) or fault.operation not in (None, operation):
            return False
        if fault.kind not in (SHARED_KINDS | self._kinds[provider]) - ROW_KINDS:
            return False
        if fault.kind in _PLACES:
            return operation == _PLACES[fault.kind]
        for place in _NAMED_FOR_THEIR_PLACE:
            if fault.kind.startswith(f"{place}_"):
                return operation == place
        if operation in _AT_NOBODYS_CALL and fault.operation is None:
            return False
        if operation != "callback":
            return True
        own = fault.kind in self._kinds[provider]
        return fault.operation == "callback" and (own or fault.kind in _ON_ANY_MESSAGE)

    def _use_up(self, fault: Fault) -> Fault:
        """Count one time; what is left of the fault."""
        if fault.times is None:
            return fault
        place = next(i for i, armed in enumerate(self._armed) if armed is fault)
        left = msgspec.structs.replace(fault, times=fault.times - 1)
        self._armed[place : place + 1] = [left] if left.times else []
        return left
