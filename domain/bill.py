"""A provider's daily statement, row by row, in one form for both providers. Amounts are fen."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import IntEnum, StrEnum

#: Bill days are days of Shanghai: eight hours ahead, without summer time since 1991.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


class BillKind(StrEnum):
    """Which statement of a day."""

    TRADE = "trade"  # what was paid and refunded
    FUNDS = "funds"  # what moved on the merchant's balance


class MovementKind(IntEnum):
    """What moved; charges sort before what takes them back."""

    CHARGE = 1
    REVERSAL = 2  # of a code payment, all of it and at once
    REFUND = 3


#: What a bill row and a movement of ours have in common: our number of the payment at the
#: provider, what moved, and our number of the refund there ("" unless it is a refund).
Key = tuple[str, MovementKind, str]


@dataclass(slots=True, unsafe_hash=True)
class BillRow:
    """One charge, reversal or refund as the trade bill tells it.

    Nobody changes one; but there are millions, and a frozen one takes five times as long to make.
    """

    line: int  # in the file, from 1
    order_no: str  # the merchant's number at the provider
    kind: MovementKind
    refund_no: str  # the merchant's number of the refund; "" for a charge or reversal
    fen: int  # of the order, or asked to be refunded; never negative
    at: datetime  # aware
    fee_fen: int = 0  # what the provider keeps; negative: gives back
    settled_fen: int | None = None  # what the merchant gets or loses, before fees
    provider_id: str = ""  # the provider's own number of the transaction
    provider_refund_id: str = ""
    funds_no: str = ""  # under which the fund-flow bill books it
    raw: str = field(default="", repr=False)

    @property
    def key(self) -> Key:
        return self.order_no, self.kind, self.refund_no

    @property
    def signed_fen(self) -> int:
        """In favour of the merchant: what came in, or less than nothing."""
        return self.fen if self.kind is MovementKind.CHARGE else -self.fen


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that can't be understood; a finding, not a crash."""

    line: int
    reason: str
    raw: str = field(repr=False)


class FundKind(StrEnum):
    """What a movement of the balance was for; the providers' own lists are open."""

    TRADE = "trade"
    FEE = "fee"
    REFUND = "refund"
    FEE_RETURN = "fee_return"
    REFUND_CLOSED = "refund_closed"  # the money of a refund came back to the merchant
    OTHER = "other"  # withdrawals, top-ups, transfers


@dataclass(frozen=True, slots=True)
class FundRow:
    """One movement of the merchant's balance as the fund-flow bill tells it."""

    line: int
    funds_no: str  # the provider's number of what it was for
    kind: FundKind
    fen: int  # signed, in favour of the merchant
    at: datetime
    name: str = ""  # in the provider's own words
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BillTotals:
    """What the bill says of itself, and was found true of its readable rows.

    In the terms of those: `charged_fen` sums `fen` of the charges, `refunded_fen` of the others,
    `fee_fen` sums `fee_fen`; `rows` counts the unreadable too.
    """

    rows: int
    charged_fen: int = 0
    refunded_fen: int = 0  # reversals included
    fee_fen: int = 0
    unreadable: int = 0


class BillRejected(Exception):
    """The bill contradicts its hash, its own summary or the account: nothing in it is used."""
