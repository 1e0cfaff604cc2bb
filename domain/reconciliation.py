"""One account and day of ours against the provider's bill: every row falls in exactly one class.

Words: our side is made of movements (a charge, its reversal, an accepted refund), the provider's of
bill rows. Both streams come sorted by key, and are read once.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.bill import Key, MovementKind


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
