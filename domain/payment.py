"""A payment: one attempt to take one amount for one order, from prepay to its final status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from domain.errors import (
    PaymentNotSucceeded,
    RefundExceedsPayment,
    RefundLimitReached,
    RefundWindowClosed,
)
from domain.events import PAYMENT_EVENTS, Event, IncidentKind, Report
from domain.method import TERMS, ActionType, Method, Provider, Terms
from domain.money import ZERO, Money
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    NotFound,
    Outcome,
    Paid,
    Payee,
    Unasked,
    Unknown,
)
from domain.schedule import GRACE, Situation, next_check
from domain.status import PAYMENT_MOVES, PaymentStatus

#: WeChat Pay allows 50 refunds of one payment; Alipay names no number.
REFUND_LIMITS: dict[Provider, int] = {Provider.WECHAT: 50}
REFUND_WINDOW = timedelta(days=365)

ACTION_LOST = Failure("action_lost", message="The provider never answered the prepay.")
CHARGE_LOST = Failure("charge_lost", message="The provider never received the charge.")


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment order. Only `learn` moves its status, and only the provider's word ends it."""

    id: str
    app: str
    order_no: str
    account: str
    method: Method
    amount: Money  # what is owed
    charged_amount: Money  # what is charged; less than `amount` under the 1-fen switch only
    subject: str
    provider_order_no: str
    created_at: datetime
    expires_at: datetime
    payer: Mapping[str, str] = field(default_factory=dict, repr=False)  # an auth_code is money
    client_ip: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payee: Payee = field(default=Payee(None, None))
    request: bytes = field(default=b"", repr=False)  # exactly what the provider is sent

    status: PaymentStatus = PaymentStatus.CREATED
    action: Action | None = None
    failure: Failure | None = None
    provider_transaction_id: str | None = None
    paid_by: str | None = None  # the payer as the provider names them
    payer_amount: Money | None = None
    settled_amount: Money | None = None
    succeeded_at: datetime | None = None
    closing: bool = False  # asked to close; the provider has not confirmed yet
    late: bool = False
    reversed: bool = False
    parked: bool = False  # a mismatch was seen: neither expired nor closed by itself
    superseded_by: str | None = None
    duplicate_of: str | None = None

    refunded_amount: Money = ZERO  # proven by the provider
    reserved_amount: Money = ZERO  # granted and still able to succeed
    refunded_charge: Money = ZERO  # of the charge: the shares of all these refunds
    excess_amount: Money = ZERO  # what providers proved beyond the paid sum
    refund_count: int = 0
    next_refund_at: datetime | None = None  # when the provider takes the next refund request

    sequence: int = 1
    checks: int = 0
    next_check_at: datetime | None = None
    version: int = 0  # 0: never stored
    events: list[Event] = field(default_factory=list, repr=False)
    reports: list[Report] = field(default_factory=list, repr=False)

    @property
    def terms(self) -> Terms:
        """What this payment's method asks for and gives."""
        return TERMS[self.method]

    @property
    def open(self) -> bool:
        """No final result is known yet."""
        return self.status is PaymentStatus.CREATED

    def should_close(self, at: datetime) -> bool:
        """It was asked to close or has expired, and neither a mismatch nor haste holds it back."""
        wanted = self.closing or at >= self.expires_at
        possible = at >= self.created_at + self.terms.reversible_after
        return self.open and not self.parked and wanted and possible

    def being_taken_back(self, at: datetime) -> bool:
        """We may be reversing this charge just now, or may have done so without hearing of it."""
        return self.terms.charges_at_once and self.should_close(at)

    def learn(self, outcome: Outcome, *, at: datetime) -> None:
        """Take in what the provider says. Repeats and stale news are quiet."""
        if isinstance(outcome, Unasked):  # the ask that was planned is still to come
            return
        match outcome:
            case Paid():
                self._learn_paid(outcome, at)
            case AwaitingPayer(action=action):
                self.action = action or self._action_of_charge() or self.action
            case Closed(reversed=was_reversed):
                self._learn_closed(was_reversed, at)
            case Declined(failure=failure):
                self._learn_declined(failure, at)
            case NotFound():
                self._learn_not_found(at)
            case Unknown():
                pass  # the sweeper asks again; nothing is assumed meanwhile
            case _:
                assert_never(outcome)
        self.plan_check(at)

    def plan_check(self, at: datetime) -> None:
        """Set when the sweeper asks next; final orders are left alone."""
        if not self.open:
            self.next_check_at = None
            return
        if at >= self.expires_at and not self.parked:
            self.ask_to_close(at)
        ends_at = None if self.parked else self.expires_at
        self.next_check_at = next_check(
            self._situation(), self.checks, at=at, key=self.id, ends_at=ends_at
        )
        self.checks += 1

    def ask_to_close(self, at: datetime) -> None:
        """Remember the wish; the close itself happens at the provider first."""
        if self.open and not self.closing:
            self.closing, self.checks, self.next_check_at = True, 0, at

    def refundable(self) -> Money:
        """What may still be granted, in fen; never below zero."""
        left = self.amount - self.refunded_amount - self.reserved_amount
        return max(left, ZERO, key=lambda money: money.fen)

    def share_of(self, amount: Money) -> Money:
        """What of the charge goes back with `amount`; the last refund settles the rest exactly.

        The whole `amount` unless the 1-fen switch made the charge smaller.
        """
        back = self.refunded_amount + self.reserved_amount + amount
        due = Money(self.charged_amount.fen * back.fen // self.amount.fen) - self.refunded_charge
        return max(due, ZERO, key=lambda money: money.fen)

    def worth_of(self, charge: Money) -> Money:
        """What of the order goes back with a part of the charge; the opposite of `share_of`."""
        back = self.refunded_charge + charge
        worth = Money(self.amount.fen * back.fen // self.charged_amount.fen)
        return worth - self.refunded_amount - self.reserved_amount

    def returned_elsewhere(self, outcome: Outcome) -> Money:
        """What the provider proves to have gone back beyond all refunds that we know of."""
        match outcome:
            case Paid(returned=True):
                ours = outcome.provider_transaction_id == self.provider_transaction_id
                proven = ours and not self._difference(outcome)
            case Closed(reversed=True):
                proven = True
            case _:
                proven = False
        return self.refundable() if proven and self.status is PaymentStatus.SUCCEEDED else ZERO

    def reserve(self, amount: Money, *, share: Money, at: datetime, again: bool = False) -> None:
        """Set `amount` and its share of the charge aside for a refund.

        `again`: for one that was refused before. Raises what forbids it.
        """
        if amount <= ZERO:
            raise ValueError(f"a refund of {amount} is none")
        if self.status is not PaymentStatus.SUCCEEDED or self.succeeded_at is None:
            raise PaymentNotSucceeded(self.id, self.status)
        if at > self.succeeded_at + REFUND_WINDOW:
            raise RefundWindowClosed(self.id, REFUND_WINDOW.days)
        limit = REFUND_LIMITS.get(self.terms.provider)
        if limit is not None and self.refund_count >= limit and not again:
            raise RefundLimitReached(self.id, limit)
        if self.refundable() < amount:
            raise RefundExceedsPayment(self.id, amount.fen, self.refundable().fen)
        self.reserved_amount += amount
        self.refunded_charge += share
        self.refund_count += not again

    def take_refund_turn(self, at: datetime, spacing: timedelta) -> datetime:
        """The instant at which one more refund request may go out; later ones queue behind it."""
        turn = max(at, self.next_refund_at or at)
        self.next_refund_at = turn + spacing
        return turn

    def shift_refund(self, *, reserved: Money, refunded: Money, charge: Money) -> None:
        """Follow a refund that moved; what providers prove is never refused."""
        self.reserved_amount += reserved
        self.refunded_amount += refunded
        self.refunded_charge += charge
        excess = self.reserved_amount + self.refunded_amount - self.amount
        if self.excess_amount < excess:
            self.excess_amount = excess
            text = f"{excess.fen} fen more than paid are refunded or under way"
            self.reports.append(Report(IncidentKind.REFUND_EXCEEDS_PAYMENT, text))

    def _situation(self) -> Situation:
        if self.parked:
            return Situation.PARKED
        if self.terms.charges_at_once:
            return Situation.TAKING_BACK if self.closing else Situation.TILL
        return Situation.ENDING if self.closing else Situation.PAYER

    def _action_of_charge(self) -> Action | None:
        """A charge that the provider knows asks nothing of the front end."""
        return Action(ActionType.NONE, {}) if self.terms.charges_at_once else None

    def _learn_paid(self, paid: Paid, at: datetime) -> None:
        if self.status is PaymentStatus.SUCCEEDED:
            self._same_transaction(paid)
            return
        if self.reversed:  # an older proof: the money has gone straight back since
            return
        difference = self._difference(paid)
        if difference:
            self._park(IncidentKind.PAYMENT_MISMATCH, difference)
            return
        if paid.returned and self.being_taken_back(at):
            self._learn_closed(was_reversed=True, at=at)  # by us; that answer was lost
            return
        self.late = not self.open
        self.parked = self.closing = False
        self.failure = None
        self.action = self._action_of_charge() or self.action
        self.succeeded_at = paid.paid_at
        self.provider_transaction_id = paid.provider_transaction_id
        self.paid_by = paid.payer
        self.payer_amount, self.settled_amount = paid.payer_amount, paid.settled_amount
        self._become(PaymentStatus.SUCCEEDED, at)
        if paid.refunding and not paid.returned:
            text = "refunded elsewhere, wholly or in part: its callback or the bill will tell"
            self.reports.append(Report(IncidentKind.EXTERNAL_REFUND, text))

    def _difference(self, paid: Paid) -> str:
        if paid.amount != self.charged_amount:
            return f"{paid.amount} were paid, {self.charged_amount} were charged"
        if self.payee.contradicts(paid.payee):
            return f"paid to {paid.payee}; the order is for {self.payee}"
        return ""

    def _park(self, kind: IncidentKind, difference: str) -> None:
        if not self.parked:
            self.parked = True
            self.reports.append(Report(kind, difference))

    def _same_transaction(self, paid: Paid) -> None:
        if paid.provider_transaction_id != self.provider_transaction_id:
            text = f"{paid.provider_transaction_id} besides {self.provider_transaction_id}"
            self._park(IncidentKind.SECOND_TRANSACTION, text)

    def _learn_closed(self, was_reversed: bool, at: datetime) -> None:
        if self.open and not self.parked:
            self.reversed = was_reversed
            self.closing = False
            self._become(PaymentStatus.CLOSED, at)

    def _learn_declined(self, failure: Failure, at: datetime) -> None:
        if self.open and not self.parked:
            self.failure, self.closing = failure, False
            self._become(PaymentStatus.FAILED, at)

    def _learn_not_found(self, at: datetime) -> None:
        if not self.open or self.parked or at < self.expires_at + GRACE:
            return
        if self.action is None:
            self.failure = CHARGE_LOST if self.terms.charges_at_once else ACTION_LOST
        self.closing = False
        self._become(PaymentStatus.CLOSED, at)

    def _become(self, wanted: PaymentStatus, at: datetime) -> None:
        if wanted not in PAYMENT_MOVES[self.status]:
            return
        self.status = wanted
        self.sequence += 1
        self.events.append(Event(PAYMENT_EVENTS[wanted], self.sequence, at, self.late))
