"""One account and day of ours against the provider's bill: every row falls in exactly one class.

Words: our side is made of movements (a charge, its reversal, an accepted refund), the provider's of
bill rows. Both streams come sorted by key, and are read once.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Self

from domain.bill import BillRow, Key, MovementKind, UnreadableRow


class Class(StrEnum):
    """Where a movement or a bill row ends; for a row the first that fits, in this order."""

    UNREADABLE_ROW = "unreadable_row"
    FOREIGN = "foreign"  # another deployment's; informational
    DUPLICATE_IN_BILL = "duplicate_in_bill"
    MISSING_LOCALLY = "missing_locally"  # 长款: the provider has a charge that we don't
    UNKNOWN_REFUND = "unknown_refund"  # likewise a refund
    MISSING_AT_PROVIDER = "missing_at_provider"  # 短款: we have what the provider does not
    AMOUNT_MISMATCH = "amount_mismatch"
    STATUS_MISMATCH = "status_mismatch"  # both know it and disagree on what became of it
    FEE_MISMATCH = "fee_mismatch"
    CARRIED_OVER = "carried_over"  # near midnight: the next day's bill may have it
    MATCHED = "matched"
    FUNDS_MISMATCH = "funds_mismatch"  # third side: the balance did not move as the trade bill says


#: What a person has to look at.
DISCREPANCIES = frozenset(Class) - {Class.FOREIGN, Class.CARRIED_OVER, Class.MATCHED}


@dataclass(frozen=True, slots=True)
class Movement:
    """One charge, reversal or accepted refund as we hold it; `fen` is what really moved, > 0."""

    order_no: str  # provider_order_no
    kind: MovementKind
    refund_no: str  # provider_refund_no; "" for a charge or reversal
    fen: int
    at: datetime  # decides its bill day: success of a charge, acceptance or end of a refund
    order_id: str  # pay_… or ref_…
    method: str = ""  # of the payment; for the summary
    settled_fen: int | None = None
    test: bool = False  # charged under the 1-fen switch
    carried_from: date | None = None  # an earlier day whose bill did not have it

    @property
    def key(self) -> Key:
        return self.order_no, self.kind, self.refund_no

    @property
    def signed_fen(self) -> int:
        """In favour of the merchant: what came in, or less than nothing."""
        return self.fen if self.kind is MovementKind.CHARGE else -self.fen


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What the provider should keep of a charge: a rate, rounded half up to the fen."""

    rate: Fraction
    tolerance_fen: int = 0
    _above: int = field(init=False, repr=False, compare=False)
    _below: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        above, below = self.rate.as_integer_ratio()
        object.__setattr__(self, "_above", 2 * above)
        object.__setattr__(self, "_below", below)

    @classmethod
    def of(cls, rate: str, tolerance_fen: int = 0) -> Self:
        """`rate` as a person writes it: "0.006" or "6/1000". Raises ValueError."""
        return cls(Fraction(rate), tolerance_fen)

    def expected(self, row: BillRow) -> int:
        """The fee of this row; what takes a charge back returns its share."""
        fen = row.fen if row.settled_fen is None else row.settled_fen
        fee = (fen * self._above + self._below) // (2 * self._below)
        return fee if row.kind is MovementKind.CHARGE else -fee

    def agrees(self, row: BillRow) -> bool:
        """Providers may also keep the fee of what was taken back."""
        if row.kind is not MovementKind.CHARGE and row.fee_fen == 0:
            return True
        return abs(row.fee_fen - self.expected(row)) <= self.tolerance_fen


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person should look at, or the next day's run should know."""

    cls: Class
    movement: Movement | None = None
    row: BillRow | UnreadableRow | None = None
    nth: int = 0  # among those of equal class and key, from 0
    age: int = 0  # days from the movement's own day to this one
    expected_fee_fen: int | None = None

    @property
    def key(self) -> tuple[str, MovementKind | None, str]:
        """By which it is known again: the row's key, or the movement's if there is no row."""
        told = self.movement if self.row is None else self.row
        return ("", None, "") if told is None or isinstance(told, UnreadableRow) else told.key

    @property
    def settles(self) -> bool:
        """This day's bill has a movement of another day."""
        return self.movement is not None and self.row is not None and self.age != 0
