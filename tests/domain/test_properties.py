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
from domain.method import TERMS, Method
from domain.money import ZERO, Money
from domain.outcome import Outcome, Paid, RefundOutcome
from domain.payment import Payment
from domain.refund import Refund
from tests.builders import (
    NOON,
    OWED,
    a_code_payment,
    a_payment,
    a_refund,
    paid,
    refunded,
)
from tests.domain.news import (
    INSTANTS,
    is_proof,
    is_reversal,
    is_right,
    payment_news,
    refund_news,
)

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
    """The provider says and does anything at any time; the app asks for refunds, and again."""

    payment: Payment
    refunds: list[Refund]

    @initialize(
        method=st.sampled_from(Method),
        charged=st.sampled_from([OWED, Money(1)]),
        was_paid=st.sampled_from([True, True, False]),
    )
    def order(self, method: Method, charged: Money, *, was_paid: bool) -> None:
        begun = a_code_payment if TERMS[method].charges_at_once else a_payment
        self.payment = begun(method=method, charged_amount=charged)
        self.refunds = []
        if was_paid:  # or refunds, which need a success first, would hardly be reached
            self.payment.learn(paid(amount=charged), at=NOON)

    @rule(data=st.data(), at=INSTANTS)
    def provider_tells_of_the_payment(self, data: st.DataObject, at: datetime) -> None:
        news = data.draw(payment_news(self.payment))
        was = deepcopy(self.payment)
        with one_event_per_move(self.payment, "payment"):
            self.payment.learn(news, at=at)

        self._believes_proofs_only(was, news, at)
        self._stays_where_it_must(was, news, at)
        self._asks_on_while_open(at)
        self._stays_the_same_when_told_again(news, at)
        self._keeps_what_went_back_elsewhere(news, at)

    def _believes_proofs_only(self, was: Payment, news: Outcome, at: datetime) -> None:
        now = self.payment
        right = isinstance(news, Paid) and is_right(news, was)
        if right and not was.reversed and not is_reversal(news, was, at):
            assert now.status == "succeeded"
        elif was.status != "succeeded":
            assert now.status != "succeeded"
        if was.status != "succeeded" and now.status == "succeeded":
            assert now.late == (was.status in ("closed", "failed"))
        else:
            assert now.late == was.late
        mismatched = isinstance(news, Paid) and not right
        if mismatched and was.status != "succeeded" and not was.reversed:
            assert now.parked
            assert now.status == was.status
        assert now.excess_amount == was.excess_amount

    def _stays_where_it_must(self, was: Payment, news: Outcome, at: datetime) -> None:
        now = self.payment
        if was.status == "succeeded":
            assert (now.status, now.reversed) == ("succeeded", False)
        if was.reversed:
            assert (now.status, now.reversed) == ("closed", True)
            assert len(now.reports) == len(was.reports)
        if now.reversed and not was.reversed:
            assert is_reversal(news, was, at)
            assert (was.status, now.status) == ("created", "closed")
        if was.parked and was.status == "created":
            assert now.status in ("created", "succeeded")

    def _keeps_what_went_back_elsewhere(self, news: Outcome, at: datetime) -> None:
        amount = self.payment.returned_elsewhere(news)
        if not amount:
            return
        assert self.payment.status == "succeeded"
        assert amount == self.payment.refundable()
        reports, excess = len(self.payment.reports), self.payment.excess_amount
        self._provider_refunds(amount, self.payment.share_of(amount), at)

        assert not self.payment.refundable()
        assert not self.payment.returned_elsewhere(news)
        assert self.payment.excess_amount == excess
        assert len(self.payment.reports) == reports

    def _asks_on_while_open(self, at: datetime) -> None:
        due = self.payment.next_check_at
        if self.payment.status == "created":
            assert due is not None
            assert due > at
            assert self.payment.closing or self.payment.parked or due <= self.payment.expires_at
        else:
            assert due is None
            assert not self.payment.closing

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
        share = self.payment.share_of(Money(fen))
        if self._granted(Money(fen), share, at):
            self._keep(Money(fen), share, at)

    def _keep(self, amount: Money, charge: Money, at: datetime) -> Refund:
        id = f"ref_{len(self.refunds):02}"
        refund = a_refund(id=id, amount=amount, charged_amount=charge, created_at=at)
        self.refunds.append(refund)
        return refund

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
            reserved=refund.reserved - was.reserved,
            refunded=refund.refunded - was.refunded,
            charge=refund.charge - was.charge,
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
    @rule(part=st.sampled_from([1, 2, OWED.fen]), at=INSTANTS)
    def provider_refunds_by_itself(self, part: int, at: datetime) -> None:
        charge = Money(max(1, self.payment.charged_amount.fen // part))
        excess, reports = self.payment.excess_amount, len(self.payment.reports)
        self._provider_refunds(self.payment.worth_of(charge), charge, at)

        beyond = self._gone() - self.payment.amount
        assert self.payment.excess_amount == max(beyond, excess, key=lambda money: money.fen)
        assert len(self.payment.reports) - reports == (excess < beyond)

    def _provider_refunds(self, amount: Money, charge: Money, at: datetime) -> None:
        refund = self._keep(amount, charge, at)
        refund.learn(refunded(amount=charge), at=at)
        self.payment.shift_refund(reserved=ZERO, refunded=refund.refunded, charge=refund.charge)

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
                refund.retry(at, share=refund.charged_amount)
            assert facts(refund) == known
        elif self._granted(refund.amount, share := self.payment.share_of(refund.amount), at):
            refund.retry(at, share=share)
            assert refund.status == "created"
            assert refund.next_check_at == at
            assert refund.events == known["events"]

    def _granted(self, amount: Money, share: Money, at: datetime) -> bool:
        known = facts(self.payment)
        left = self.payment.amount - self._gone()
        try:
            self.payment.reserve(amount, share=share, at=at)
        except DomainError:
            assert facts(self.payment) == known
            return False
        assert self.payment.status == "succeeded"
        assert amount <= left
        self._shares_fairly(share, amount)
        return True

    def _shares_fairly(self, share: Money, amount: Money) -> None:
        charged, back = self.payment.charged_amount, self.payment.refunded_charge
        assert share >= ZERO
        if charged == self.payment.amount:
            assert share == amount
        assert back <= charged or not share  # unless providers proved too much before
        assert back >= charged or self.payment.refundable()

    def _gone(self) -> Money:
        return sum((r.reserved + r.refunded for r in self.refunds), start=ZERO)

    @invariant()
    def sums_agree(self) -> None:
        held = sum((r.reserved for r in self.refunds), start=ZERO)
        proven = sum((r.refunded for r in self.refunds), start=ZERO)
        assert self.payment.reserved_amount == held
        assert self.payment.refunded_amount == proven
        assert self.payment.refunded_charge == sum((r.charge for r in self.refunds), start=ZERO)
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
