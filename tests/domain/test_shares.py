"""The 1-fen switch: what of a small charge goes back with each part of the order."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.money import ZERO, Money
from domain.outcome import (
    Failure,
    RefundAbnormal,
    RefundClosed,
    RefundOutcome,
    RefundRefused,
)
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus
from tests.builders import NOON, a_payment, a_refund, later, refunded

ONE_FEN = Money(1)
REFUSAL = RefundRefused(Failure("refused", "NO_AUTH"))
ABNORMAL = RefundAbnormal(Failure("abnormal", "USER_ACCOUNT_ABNORMAL"))


def a_sale(*, amount: int, charged: int) -> Payment:
    return a_payment(
        status=PaymentStatus.SUCCEEDED, amount=Money(amount), charged_amount=Money(charged)
    )


class Till:
    """One sale and its refunds; keeps the books of the payment as use cases must."""

    def __init__(self, payment: Payment) -> None:
        self.payment = payment
        self.refunds: list[Refund] = []

    def grants(self, amount: Money, *, at: datetime = NOON) -> Refund:
        share = self.payment.share_of(amount)
        self.payment.reserve(amount, share=share, at=at)
        id = f"ref_{len(self.refunds):02}"
        refund = a_refund(id=id, amount=amount, charged_amount=share, created_at=at)
        self.refunds.append(refund)
        return refund

    def grants_again(self, refund: Refund, *, at: datetime = NOON) -> None:
        refund.retry(at, share=self.payment.share_of(refund.amount))
        self.payment.reserve(refund.amount, share=refund.charged_amount, at=at, again=True)

    def hears(self, refund: Refund, news: RefundOutcome, *, at: datetime = NOON) -> None:
        reserved, gone, charge = refund.reserved, refund.refunded, refund.charge
        refund.learn(news, at=at)
        self.payment.shift_refund(
            reserved=refund.reserved - reserved,
            refunded=refund.refunded - gone,
            charge=refund.charge - charge,
        )

    def settles(self, refund: Refund) -> None:
        self.hears(refund, refunded(amount=refund.charged_amount))

    def charge_given_back(self) -> Money:
        return sum((refund.charge for refund in self.refunds), start=ZERO)


@pytest.mark.parametrize(
    ("parts", "shares"),
    [
        ([8888], [1]),
        ([8887, 1], [0, 1]),
        ([1, 8887], [0, 1]),
        ([4444, 4444], [0, 1]),
        ([1, 1, 8886], [0, 0, 1]),
    ],
)
def test_the_refund_that_completes_the_order_returns_the_fen(
    parts: list[int], shares: list[int]
) -> None:
    till = Till(a_sale(amount=8888, charged=1))

    assert [till.grants(Money(part)).charged_amount.fen for part in parts] == shares


def test_shares_of_a_larger_charge_follow_the_order_rounded_down() -> None:
    till = Till(a_sale(amount=300, charged=10))

    shares = [till.grants(Money(100)).charged_amount.fen for _ in range(3)]

    assert shares == [3, 3, 4]


@given(
    amount=st.integers(1, 10**10),
    parts=st.lists(st.floats(0.001, 1), min_size=1, max_size=8),
)
def test_nothing_is_shared_when_nothing_is_switched(amount: int, parts: list[float]) -> None:
    till = Till(a_sale(amount=amount, charged=amount))

    for part in parts:
        wanted = Money(max(1, int(till.payment.refundable().fen * part)))
        if wanted <= till.payment.refundable():
            assert till.payment.share_of(wanted) == wanted
            assert till.payment.worth_of(wanted) == wanted
            till.settles(till.grants(wanted))


def test_a_refused_refund_gives_its_share_to_the_next() -> None:
    till = Till(a_sale(amount=100, charged=1))
    till.settles(till.grants(Money(50)))
    refused = till.grants(Money(50))
    assert refused.charged_amount == ONE_FEN

    till.hears(refused, REFUSAL)

    assert refused.charge == ZERO
    assert till.payment.refunded_charge == ZERO
    assert till.grants(Money(50)).charged_amount == ONE_FEN


def test_a_share_is_never_less_than_nothing() -> None:
    """The fen went back with the later half; the earlier half was refused after all."""
    till = Till(a_sale(amount=100, charged=1))
    first = till.grants(Money(50))
    till.settles(till.grants(Money(50)))
    till.hears(first, REFUSAL)

    assert till.grants(Money(30)).charged_amount == ZERO
    assert till.grants(Money(20)).charged_amount == ZERO


def test_an_abnormal_refund_keeps_its_share_until_it_is_closed() -> None:
    till = Till(a_sale(amount=100, charged=1))
    held = till.grants(Money(100))

    till.hears(held, ABNORMAL)
    assert till.payment.refunded_charge == ONE_FEN

    till.hears(held, RefundClosed())
    assert till.payment.refunded_charge == ZERO


def test_a_refund_tried_again_never_pays_a_share_that_another_took() -> None:
    """Both were once the one that completes the order; each would return the fen."""
    till = Till(a_sale(amount=100, charged=1))
    first = till.grants(Money(50))
    rivals = []
    for _ in range(2):
        rival = till.grants(Money(50))
        till.hears(rival, REFUSAL)
        rivals.append(rival)
    till.hears(first, REFUSAL)

    for rival in rivals:
        till.grants_again(rival)
        till.settles(rival)

    assert [rival.charged_amount.fen for rival in rivals] == [0, 1]
    assert till.payment.refunded_charge == ONE_FEN


def test_a_refund_tried_again_returns_the_fen_if_it_now_completes_the_order() -> None:
    """Neither was, when it was created."""
    till = Till(a_sale(amount=100, charged=1))
    first = till.grants(Money(50))
    till.hears(first, REFUSAL)
    till.settles(till.grants(Money(50)))

    till.grants_again(first)

    assert first.charged_amount == ONE_FEN


def test_the_charge_returned_elsewhere_is_worth_what_of_the_order_is_left() -> None:
    till = Till(a_sale(amount=100, charged=1))
    till.settles(till.grants(Money(50)))  # without a fen
    till.grants(Money(20))

    assert till.payment.worth_of(ONE_FEN) == Money(30)


@given(amount=st.integers(1, 10_000), data=st.data())
def test_worth_is_the_opposite_of_share(amount: int, data: st.DataObject) -> None:
    """Whatever went back before, the rest of the charge is worth the rest of the order."""
    till = Till(a_sale(amount=amount, charged=data.draw(st.integers(1, amount))))
    before = data.draw(st.integers(0, amount - 1))
    if before:
        till.settles(till.grants(Money(before)))

    left = till.payment.refundable()
    assert till.payment.worth_of(till.payment.share_of(left)) == left


class OneSaleAndItsShares(RuleBasedStateMachine):
    """The app splits an order as it likes; refunds fail, hang, end and are tried again."""

    till: Till

    @initialize(amount=st.sampled_from([1, 2, 3, 7, 100, 8888]), data=st.data())
    def sale(self, amount: int, data: st.DataObject) -> None:
        charged = data.draw(st.sampled_from([1, 1, amount]) | st.integers(1, amount))
        self.till = Till(a_sale(amount=amount, charged=charged))

    @precondition(lambda self: self.till.payment.refundable() and len(self.till.refunds) < 40)
    @rule(data=st.data())
    def app_refunds(self, data: st.DataObject) -> None:
        left = self.till.payment.refundable().fen
        wanted = data.draw(st.sampled_from([1, (left + 1) // 2, left]) | st.integers(1, left))
        self._is_fair(self.till.grants(Money(wanted)))

    @precondition(lambda self: any(refund.open for refund in self.till.refunds))
    @rule(data=st.data(), news=st.sampled_from([REFUSAL, REFUSAL, ABNORMAL, RefundClosed(), None]))
    def provider_answers(self, data: st.DataObject, news: RefundOutcome | None) -> None:
        waiting = [refund for refund in self.till.refunds if refund.open]
        refund = data.draw(st.sampled_from(waiting))
        self.till.hears(refund, news or refunded(amount=refund.charged_amount))

    @precondition(lambda self: self._abnormal())
    @rule(data=st.data(), closes=st.booleans())
    def person_mends_an_abnormal_one(self, data: st.DataObject, *, closes: bool) -> None:
        refund = data.draw(st.sampled_from(self._abnormal()))
        proof = refunded(amount=refund.charged_amount)
        self.till.hears(refund, RefundClosed() if closes else proof)

    @precondition(lambda self: self._refused())
    @rule(data=st.data())
    def app_tries_again(self, data: st.DataObject) -> None:
        refund = data.draw(st.sampled_from(self._refused()))
        self.till.grants_again(refund, at=later(minutes=1))
        self._is_fair(refund)

    @rule()
    def provider_repeats_itself(self) -> None:
        for refund in self.till.refunds:
            if refund.status == "succeeded":
                self.till.settles(refund)

    def _abnormal(self) -> list[Refund]:
        return [refund for refund in self.till.refunds if refund.reserved and not refund.open]

    def _refused(self) -> list[Refund]:
        """Those that may be tried again and still fit."""
        left = self.till.payment.refundable()
        return [
            refund
            for refund in self.till.refunds
            if refund.status == "failed" and not refund.abnormal and refund.amount <= left
        ]

    def _is_fair(self, refund: Refund) -> None:
        payment = self.till.payment
        assert refund.charged_amount >= ZERO
        if payment.amount == payment.charged_amount:
            assert refund.charged_amount == refund.amount
        if not payment.refundable():
            assert self.till.charge_given_back() == payment.charged_amount

    @invariant()
    def the_charge_goes_back_at_most_once(self) -> None:
        payment = self.till.payment
        given_back = self.till.charge_given_back()
        assert payment.refunded_charge == given_back
        assert ZERO <= given_back <= payment.charged_amount

    @invariant()
    def a_fen_that_goes_back_elsewhere_is_worth_something(self) -> None:
        payment = self.till.payment
        assert payment.charged_amount != ONE_FEN or payment.worth_of(ONE_FEN) > ZERO

    @invariant()
    def a_refunded_order_has_its_whole_charge_back(self) -> None:
        payment = self.till.payment
        if payment.refunded_amount == payment.amount:
            assert payment.refunded_charge == payment.charged_amount
        assert payment.excess_amount == ZERO


TestOneSaleAndItsShares = OneSaleAndItsShares.TestCase
TestOneSaleAndItsShares.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
