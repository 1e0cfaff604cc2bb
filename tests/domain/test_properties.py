"""No news, in any order and however often, breaks what a payment and its refunds promise."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields
from datetime import datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import DomainError
from domain.events import IncidentKind
from domain.method import Method
from domain.money import ZERO, Money
from domain.outcome import Outcome, Paid, RefundOutcome
from domain.payment import Payment
from domain.refund import Refund
from tests.builders import NOON, OWED, a_payment, a_refund, paid, refunded
from tests.domain.news import INSTANTS, is_proof, is_right, payment_news, refund_news

#: Making a counterexample small takes minutes; finding none takes seconds.
pytestmark = pytest.mark.timeout(300)

#: What the same news may change when it comes again.
RHYTHM = {"checks", "next_check_at"}


def facts(order: Payment | Refund) -> dict[str, object]:
    """Everything that is known of an order, apart from when it is asked about."""
    return {f.name: deepcopy(getattr(order, f.name)) for f in fields(order) if f.name not in RHYTHM}


@contextmanager
def one_event_per_move(order: Payment | Refund, kind: str) -> Iterator[None]:
    """Around one piece of news: a move is legal, final where it must be, and announced once."""
    before = deepcopy(order)
    yield
    fresh = order.events[len(before.events) :]
    if order.status == before.status:
        assert not fresh
        assert order.sequence == before.sequence
        return
    assert before.status != "succeeded"
    assert order.status != "created"
    [event] = fresh
    assert event.type == f"basepay.{kind}.{order.status}"
    assert event.sequence == order.sequence == before.sequence + 1
    success = order.status == "succeeded"
    assert event.late == (success and before.status in ("closed", "failed"))


class OnePaymentAndItsRefunds(RuleBasedStateMachine):
    """The provider says anything at any time; the app asks for refunds and retries them."""

    payment: Payment
    refunds: list[Refund]

    @initialize(
        method=st.sampled_from([Method.WECHAT_NATIVE, Method.ALIPAY_QR, Method.WECHAT_CODE]),
        charged=st.sampled_from([OWED, Money(1)]),
        was_paid=st.sampled_from([True, True, False]),
    )
    def order(self, method: Method, charged: Money, *, was_paid: bool) -> None:
        self.payment = a_payment(method=method, charged_amount=charged)
        self.refunds = []
        if was_paid:  # or refunds, which need a success first, would hardly be reached
            self.payment.learn(paid(amount=charged), at=NOON)

    @rule(data=st.data(), at=INSTANTS)
    def provider_tells_of_the_payment(self, data: st.DataObject, at: datetime) -> None:
        news = data.draw(payment_news(self.payment))
        was = deepcopy(self.payment)
        with one_event_per_move(self.payment, "payment"):
            self.payment.learn(news, at=at)

        self._believes_proofs_only(was, news)
        self._asks_on_while_open(at)
        self._stays_the_same_when_told_again(news, at)

    def _believes_proofs_only(self, was: Payment, news: Outcome) -> None:
        now = self.payment
        if isinstance(news, Paid) and is_right(news, was):
            assert now.status == "succeeded"
        elif was.status != "succeeded":
            assert now.status != "succeeded"
        if was.status != "succeeded" and now.status == "succeeded":
            assert now.late == (was.status in ("closed", "failed"))
        else:
            assert now.late == was.late
        mismatched = isinstance(news, Paid) and not is_right(news, was)
        if mismatched and was.status != "succeeded":
            assert now.parked
            assert now.status == was.status
        assert now.excess_amount == was.excess_amount

    def _asks_on_while_open(self, at: datetime) -> None:
        due = self.payment.next_check_at
        if self.payment.status == "created":
            assert due is not None
            assert due > at
        else:
            assert due is None

    def _stays_the_same_when_told_again(self, news: Outcome, at: datetime) -> None:
        known = facts(self.payment)
        again = deepcopy(self.payment)
        again.learn(news, at=at)
        assert facts(again) == known

    @rule(at=INSTANTS)
    def app_asks_to_close(self, at: datetime) -> None:
        with one_event_per_move(self.payment, "payment"):
            self.payment.ask_to_close(at)

        assert not self.payment.closing or self.payment.status == "created"

    @rule(fen=st.sampled_from([OWED.fen, OWED.fen // 2, 1, OWED.fen + 1]), at=INSTANTS)
    def app_asks_for_a_refund(self, fen: int, at: datetime) -> None:
        if self._granted(Money(fen), at):
            id = f"ref_{len(self.refunds):02}"
            self.refunds.append(a_refund(id=id, amount=Money(fen), created_at=at))

    @precondition(lambda self: self.refunds)
    @rule(data=st.data(), at=INSTANTS)
    def provider_tells_of_a_refund(self, data: st.DataObject, at: datetime) -> None:
        refund = data.draw(st.sampled_from(self.refunds))
        for news in data.draw(st.lists(refund_news(refund), min_size=1, max_size=3)):
            self._refund_learns(refund, news, at)

    def _refund_learns(self, refund: Refund, news: RefundOutcome, at: datetime) -> None:
        was = deepcopy(refund)
        excess, reports = self.payment.excess_amount, len(self.payment.reports)
        with one_event_per_move(refund, "refund"):
            refund.learn(news, at=at)
        self.payment.shift_refund(
            reserved=refund.reserved - was.reserved, refunded=refund.refunded - was.refunded
        )

        self._believes_refund_proofs_only(was, refund, news)
        if self.payment.excess_amount != excess:
            assert is_proof(news, was)
            assert excess < self.payment.excess_amount
            [report] = self.payment.reports[reports:]
            assert report.kind is IncidentKind.REFUND_EXCEEDS_PAYMENT
        waits = refund.open or bool(refund.reserved)
        assert (refund.next_check_at is not None) == waits
        assert refund.next_check_at is None or refund.next_check_at > at
        known = facts(refund)
        again = deepcopy(refund)
        again.learn(news, at=at)
        assert facts(again) == known

    @precondition(lambda self: self.payment.status == "succeeded")
    @rule(fen=st.sampled_from([OWED.fen, OWED.fen // 2, 1]), at=INSTANTS)
    def provider_refunds_by_itself(self, fen: int, at: datetime) -> None:
        refund = a_refund(id=f"ref_{len(self.refunds):02}", amount=Money(fen))
        refund.learn(refunded(amount=refund.amount), at=at)
        self.refunds.append(refund)
        excess, reports = self.payment.excess_amount, len(self.payment.reports)
        self.payment.shift_refund(reserved=ZERO, refunded=refund.refunded)

        beyond = self._gone() - self.payment.amount
        assert self.payment.excess_amount == max(beyond, excess, key=lambda money: money.fen)
        assert len(self.payment.reports) - reports == (excess < beyond)

    def _believes_refund_proofs_only(self, was: Refund, now: Refund, news: RefundOutcome) -> None:
        if is_proof(news, was):
            assert now.status == "succeeded"
        elif was.status != "succeeded":
            assert now.status != "succeeded"
        if was.parked and not is_proof(news, was):
            assert now.status == was.status

    @precondition(lambda self: self.refunds)
    @rule(data=st.data(), at=INSTANTS)
    def app_tries_a_refund_again(self, data: st.DataObject, at: datetime) -> None:
        refund = data.draw(st.sampled_from(self.refunds))
        known = facts(refund)
        if refund.status != "failed" or refund.abnormal:
            with pytest.raises(ValueError, match="retried"):
                refund.retry(at)
            assert facts(refund) == known
        elif self._granted(refund.amount, at):
            refund.retry(at)
            assert refund.status == "created"
            assert refund.next_check_at == at
            assert refund.events == known["events"]

    def _granted(self, amount: Money, at: datetime) -> bool:
        known = facts(self.payment)
        left = self.payment.amount - self._gone()
        try:
            self.payment.reserve(amount, at=at)
        except DomainError:
            assert facts(self.payment) == known
            return False
        assert self.payment.status == "succeeded"
        assert amount <= left
        return True

    def _gone(self) -> Money:
        return sum((r.reserved + r.refunded for r in self.refunds), start=ZERO)

    @invariant()
    def sums_agree(self) -> None:
        held = sum((r.reserved for r in self.refunds), start=ZERO)
        proven = sum((r.refunded for r in self.refunds), start=ZERO)
        assert self.payment.reserved_amount == held
        assert self.payment.refunded_amount == proven
        assert held + proven <= self.payment.amount + self.payment.excess_amount
        assert self.payment.refundable() >= ZERO

    @invariant()
    def sequences_count_the_moves(self) -> None:
        orders: list[Payment | Refund] = [self.payment, *self.refunds]
        for order in orders:
            numbers = [event.sequence for event in order.events]
            assert numbers == list(range(2, 2 + len(numbers)))
            assert order.sequence == 1 + len(numbers)

    @invariant()
    def people_are_called_once(self) -> None:
        kinds = Counter(report.kind for report in self.payment.reports)
        kinds.pop(IncidentKind.REFUND_EXCEEDS_PAYMENT, None)
        assert set(kinds.values()) <= {1}
        for refund in self.refunds:
            mismatches = [r for r in refund.reports if r.kind is IncidentKind.REFUND_MISMATCH]
            assert len(mismatches) <= 1


TestOnePaymentAndItsRefunds = OnePaymentAndItsRefunds.TestCase
TestOnePaymentAndItsRefunds.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
