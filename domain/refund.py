"""A refund: money of one payment on its way back, an order of its own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from domain.events import REFUND_EVENTS, Event, IncidentKind, Report
from domain.money import ZERO, Money
from domain.outcome import (
    Failure,
    RefundAbnormal,
    RefundAccepted,
    RefundClosed,
    Refunded,
    RefundNotFound,
    RefundOutcome,
    RefundPostponed,
    RefundRefused,
    Unasked,
    Unknown,
)
from domain.schedule import Situation, next_check
from domain.status import REFUND_MOVES, RefundStatus

#: A curable refusal (merchant balance, rate limit) that lasts this long needs a person.
STUCK_AFTER = timedelta(hours=1)

#: A sending may be under way, or done and unseen by the provider's own query, for so long.
UNSEEN_FOR = timedelta(seconds=60)

REFUSED, ABNORMAL = "refused", "abnormal"


class Initiator(StrEnum):
    """Who wanted the money back."""

    APP = "app"
    OPERATOR = "operator"
    BASEPAY = "basepay"  # the second success of an order
    PROVIDER = "provider"  # started on the provider's own site


@dataclass(slots=True, kw_only=True)
class Refund:
    """One refund order. Its number at the provider never changes, so a retry can't pay twice."""

    id: str
    app: str
    refund_no: str
    payment_id: str
    order_no: str
    account: str
    amount: Money
    charged_amount: Money  # what really moves; differs under the 1-fen switch only
    reason: str
    initiated_by: Initiator
    provider_refund_no: str
    created_at: datetime
    request: bytes = field(default=b"", repr=False)

    status: RefundStatus = RefundStatus.CREATED
    failure: Failure | None = None
    provider_refund_id: str | None = None
    sent_at: datetime | None = None  # last sent again, and nothing proves that this one failed
    accepted_at: datetime | None = None
    succeeded_at: datetime | None = None
    stuck: bool = False
    parked: bool = False

    sequence: int = 1
    checks: int = 0
    next_check_at: datetime | None = None
    version: int = 0
    events: list[Event] = field(default_factory=list, repr=False)
    reports: list[Report] = field(default_factory=list, repr=False)

    @property
    def open(self) -> bool:
        """No final result is known yet; an abnormal one may still be completed."""
        return self.status is RefundStatus.CREATED

    @property
    def abnormal(self) -> bool:
        """The money left the merchant and could not reach the payer; not once it was closed."""
        failure = self.failure if self.status is RefundStatus.FAILED else None
        return failure is not None and failure.code == ABNORMAL

    @property
    def reserved(self) -> Money:
        """What of the payment this refund still holds back, fen."""
        return self.amount if self.open or self.abnormal else ZERO

    @property
    def refunded(self) -> Money:
        """What of the payment this refund has proven to be gone, fen."""
        return self.amount if self.status is RefundStatus.SUCCEEDED else ZERO

    @property
    def charge(self) -> Money:
        """What of the payment's charge this refund holds back or has taken."""
        return self.charged_amount if self.reserved or self.refunded else ZERO

    def learn(self, outcome: RefundOutcome, *, at: datetime) -> None:
        """Take in what the provider says. Repeats and stale news are quiet."""
        if isinstance(outcome, Unasked):  # the ask that was planned is still to come
            return
        match outcome:
            case Refunded():
                self._learn_refunded(outcome, at)
            case RefundAccepted():
                self._accepted(outcome.provider_refund_id, outcome.accepted_at or at)
            case RefundAbnormal(failure=failure):
                self._learn_failed(failure, ABNORMAL, at)
                self.provider_refund_id = outcome.provider_refund_id or self.provider_refund_id
            case RefundRefused(failure=failure, sent_at=sent_at):
                # Once it was accepted or sent anew, a refusal concerns another sending.
                if self.accepted_at is None and sent_at == self.sent_at:
                    self._learn_failed(failure, REFUSED, at)
            case RefundClosed():
                self._learn_closed(at)
            case RefundPostponed(reason=reason):
                self._report_stuck(reason, at)
            case RefundNotFound() | Unknown():
                pass  # asked again, or sent again under the same number
            case _:
                assert_never(outcome)
        self.plan_check(at)

    def plan_check(self, at: datetime) -> None:
        """Set when the sweeper asks next; only the provider's site can mend an abnormal one."""
        contradicted = self.status is RefundStatus.FAILED and self.accepted_at is not None
        waiting = self.open or self.abnormal or contradicted
        situation = Situation.PARKED if self.parked else Situation.REFUND
        due = next_check(situation, self.checks, at=at, key=self.id)
        self.next_check_at = due if waiting else None
        self.checks += 1

    def queued(self, at: datetime) -> bool:
        """Its first request is not due yet: providers want a distance between two of a payment."""
        return self.checks <= 1 and self.next_check_at is not None and at < self.next_check_at

    @property
    def unanswered(self) -> bool:
        """The provider never acknowledged it: send it again."""
        return self.open and self.accepted_at is None

    def may_show_later(self, at: datetime) -> bool:
        """A sending may have worked, though the provider's query does not show it yet."""
        return at - (self.sent_at or self.created_at) < UNSEEN_FOR

    def send_again(self, at: datetime) -> None:
        """It is being sent now. If nobody hears what comes of it, it shows by the next ask."""
        self.sent_at, self.next_check_at = at, at + UNSEEN_FOR

    def retry(self, at: datetime, *, share: Money) -> None:
        """Open a refused refund again under its own number; the caller has reserved anew.

        `share`: of the charge, as it is now: others may have taken the one it was created with.
        """
        if self.status is not RefundStatus.FAILED or self.abnormal:
            raise ValueError(f"{self.id} is {self.status} and can't be retried")
        self.status, self.failure, self.stuck = RefundStatus.CREATED, None, False
        self.charged_amount = share
        self.checks, self.next_check_at = 0, at

    def _learn_refunded(self, outcome: Refunded, at: datetime) -> None:
        if self.status is RefundStatus.SUCCEEDED:
            if outcome.accepted_at is not None:
                self._accepted(None, outcome.accepted_at)
            return
        if outcome.amount != self.charged_amount:
            self._park(f"{outcome.amount} went back, {self.charged_amount} were asked")
            return
        self._accepted(outcome.provider_refund_id, outcome.accepted_at or at)
        self.succeeded_at = outcome.refunded_at
        self._become(RefundStatus.SUCCEEDED, at)
        self.failure, self.parked = None, False

    def _accepted(self, provider_refund_id: str | None, accepted_at: datetime) -> None:
        """The earliest that was told: callbacks don't tell it, and what we guess is later."""
        self.provider_refund_id = provider_refund_id or self.provider_refund_id
        self.accepted_at = min(self.accepted_at or accepted_at, accepted_at)

    def _learn_failed(self, failure: Failure, code: str, at: datetime) -> None:
        worse = self.status is RefundStatus.FAILED and code == ABNORMAL and not self.abnormal
        if self.parked or not (worse or RefundStatus.FAILED in REFUND_MOVES[self.status]):
            return
        self.failure = Failure(code, failure.provider_code, failure.message, code == REFUSED)
        self._become(RefundStatus.FAILED, at)
        if code == ABNORMAL:
            self.reports.append(Report(IncidentKind.REFUND_ABNORMAL, failure.message))
        else:
            self._report_kept(f"{failure.provider_code} {failure.message}")

    def _learn_closed(self, at: datetime) -> None:
        if not self.parked and RefundStatus.CLOSED in REFUND_MOVES[self.status]:
            self._become(RefundStatus.CLOSED, at)
            self._report_kept("the provider closed it")

    def _report_kept(self, why: str) -> None:
        """Nobody asked for the return of a duplicate, so nobody else will look."""
        if self.initiated_by is Initiator.BASEPAY:
            text = f"{self.refund_no}: {why}"
            self.reports.append(Report(IncidentKind.DUPLICATE_NOT_REFUNDED, text))

    def _park(self, difference: str) -> None:
        if not self.parked:
            self.parked = True
            self.reports.append(Report(IncidentKind.REFUND_MISMATCH, difference))

    def _report_stuck(self, reason: str, at: datetime) -> None:
        if self.open and not self.stuck and at >= self.created_at + STUCK_AFTER:
            self.stuck = True
            self.reports.append(Report(IncidentKind.REFUND_STUCK, reason))

    def _become(self, wanted: RefundStatus, at: datetime) -> None:
        if wanted not in REFUND_MOVES[self.status]:
            return
        late = wanted is RefundStatus.SUCCEEDED and self.status is not RefundStatus.CREATED
        self.status = wanted
        self.sequence += 1
        self.events.append(Event(REFUND_EVENTS[wanted], self.sequence, at, late))
