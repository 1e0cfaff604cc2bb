"""An app's order and the one payment that may win it."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Order:
    """One `order_no` of one app: its latest payment, and the first that succeeded here."""

    app: str
    order_no: str
    current: str  # id of the latest payment
    winner: str | None = None
    version: int = 0

    def won_by(self, payment_id: str) -> bool:
        """Let `payment_id` win if nobody has; True if it is the winner."""
        if self.winner is None:
            self.winner = payment_id
        return self.winner == payment_id
