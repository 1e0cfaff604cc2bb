"""Faults that testers arm, and which of them strike one exchange."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

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
        "security_echo",  # WeChat Pay's self test
        "official_account",
        "callback",
    }
)

#: `callback_twice` meets callbacks only, `refund_closed` refunds only.
_NAMED_FOR_THEIR_PLACE = ("callback", "refund")

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

    def _meets(self, fault: Fault, provider: str, operation: str) -> bool:
        if fault.provider not in (None, provider) or fault.operation not in (None, operation):
            return False
        if fault.kind not in SHARED_KINDS | self._kinds[provider]:
            return False
        for place in _NAMED_FOR_THEIR_PLACE:
            if fault.kind.startswith(f"{place}_"):
                return operation == place
        if operation != "callback":
            return True
        own = fault.kind in self._kinds[provider]
        return fault.operation == "callback" and (own or fault.kind in _ON_ANY_MESSAGE)

    def _use_up(self, fault: Fault) -> None:
        if fault.times is None:
            return
        place = next(i for i, armed in enumerate(self._armed) if armed is fault)
        if fault.times > 1:
            self._armed[place] = msgspec.structs.replace(fault, times=fault.times - 1)
        else:
            del self._armed[place]
