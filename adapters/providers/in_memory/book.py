"""What the provider in memory remembers, and how it feels."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.money import ZERO, Money
from domain.outcome import Failure, RefundOutcome

#: What the wallet behind a payment code does, by the code's last two digits; others pay at once.
ASKS_PASSWORD = "01"  # noqa: S105 - two digits, no password
REFUSALS = {
    "02": Failure("refused", "NOT_ENOUGH", "the payer's balance is too small", retryable=True),
    "03": Failure("refused", "AUTH_CODE_EXPIRED", "the code is stale: scan a fresh one"),
    "04": Failure("refused", "BANK_REFUSED", "the payer's bank refused"),
}


@dataclass(slots=True)
class Trade:
    """One order in the provider's book."""

    number: str
    amount: Money
    state: str = "open"  # open, paid, closed, reversed
    paid_at: datetime | None = None
    reversed_at: datetime | None = None
    charges: int = 0
    refunds: dict[str, "Returned"] = field(default_factory=dict)

    @property
    def reversible(self) -> bool:
        """Money came in, and nothing of it went another way back."""
        return self.state == "paid" and not self.refunds

    @property
    def given(self) -> Money:
        """What has gone back or is on its way."""
        states = ("processing", "done", "abnormal")
        return sum((r.amount for r in self.refunds.values() if r.state in states), ZERO)

    @property
    def given_back(self) -> Money:
        """What has reached the payer."""
        return sum((r.amount for r in self.refunds.values() if r.state == "done"), ZERO)


@dataclass(slots=True)
class Returned:
    """One refund in the provider's book."""

    number: str
    amount: Money
    accepted_at: datetime
    state: str = "processing"  # processing, done, abnormal, closed
    done_at: datetime | None = None


@dataclass(slots=True)
class Mood:
    """How the provider behaves just now."""

    silent: bool = False  # hears nothing, answers nothing
    swallows_answers: bool = False  # acts, but its answer is lost
    patience: timedelta | None = None  # wants to be left alone for so long
    refuses: Failure | None = None
    refund_trouble: RefundOutcome | None = None
