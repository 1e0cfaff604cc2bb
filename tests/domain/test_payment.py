from datetime import datetime, timedelta
from itertools import product
from typing import get_args

import pytest

from domain.errors import (
    PaymentNotSucceeded,
    RefundExceedsPayment,
    RefundLimitReached,
    RefundWindowClosed,
)
from domain.events import IncidentKind
from domain.method import Method
from domain.money import ZERO, Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    NotFound,
    Outcome,
    Paid,
    Payee,
    Unknown,
)
from domain.payment import Payment
from domain.schedule import JITTER
from domain.status import PaymentStatus
from tests.builders import NOON, OWED, PAYEE, a_payment, later, paid

GONE = later(hours=2, minutes=10)  # expiry and grace are over

#: What each class of outcome makes of an order in each status, once expiry is long over.
ENDS: dict[type, tuple[Outcome, str, str, str]] = {
    # outcome                      created      failed       closed
    Paid: (paid(), "succeeded", "succeeded", "succeeded"),
    AwaitingPayer: (AwaitingPayer(), "created", "failed", "closed"),
    Closed: (Closed(), "closed", "failed", "closed"),
    Declined: (Declined(Failure("declined")), "failed", "failed", "closed"),
    NotFound: (NotFound(), "closed", "failed", "closed"),
    Unknown: (Unknown("time-out"), "created", "failed", "closed"),
}


def within_a_tenth(waited: timedelta, *, of: timedelta) -> bool:
    """Pauses are jittered; see test_schedule.py."""
    return abs(waited - of) <= of * JITTER


def test_every_outcome_has_its_row() -> None:
    assert set(ENDS) == set(get_args(Outcome))


@pytest.mark.parametrize(("kind", "status"), list(product(ENDS, PaymentStatus)))
def test_every_outcome_is_handled_from_every_status(kind: type, status: PaymentStatus) -> None:
    news, *ends = ENDS[kind]
    payment = a_payment(status=status)

    payment.learn(news, at=GONE)

    expected = dict(zip(("created", "failed", "closed"), ends, strict=True))
    assert payment.status == expected.get(status, "succeeded")


def test_a_proof_is_kept_with_all_it_says() -> None:
    payment = a_payment(closing=True)

    payment.learn(
        paid(payer="o-1", payer_amount=Money(8000), settled_amount=Money(8800)), at=later(minutes=1)
    )

    assert payment.provider_transaction_id == "4200000001"
    assert payment.succeeded_at == NOON
    assert payment.paid_by == "o-1"
    assert payment.payer_amount == Money(8000)
    assert payment.settled_amount == Money(8800)
    assert not payment.closing


@pytest.mark.parametrize(
    "wrong",
    [
        paid(amount=Money(8887)),
        paid(amount=Money(8888, "USD")),
        paid(payee=Payee("1900000002", PAYEE.app_id)),
        paid(payee=Payee(PAYEE.merchant_id, "wx02")),
    ],
)
def test_a_wrong_proof_parks_the_payment_until_a_right_one_comes(wrong: Paid) -> None:
    payment = a_payment(closing=True)

    for news in (wrong, wrong, Closed(), NotFound(), Declined(Failure("declined"))):
        payment.learn(news, at=GONE)

    assert payment.status == "created"
    assert [report.kind for report in payment.reports] == [IncidentKind.PAYMENT_MISMATCH]
    assert not payment.should_close(GONE)
    assert payment.next_check_at is not None
    assert within_a_tenth(payment.next_check_at - GONE, of=timedelta(days=1))
    payment.learn(paid(), at=GONE)
    assert payment.status == "succeeded"
    assert not payment.parked


def test_a_second_transaction_calls_a_person_once() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED)

    payment.learn(paid(provider_transaction_id="4200000002"), at=NOON)
    payment.learn(paid(provider_transaction_id="4200000002"), at=NOON)

    assert [report.kind for report in payment.reports] == [IncidentKind.SECOND_TRANSACTION]
    assert payment.provider_transaction_id == "4200000001"


@pytest.mark.parametrize(
    ("at", "status"),
    [(GONE - timedelta(microseconds=1), "created"), (GONE, "closed")],
)
def test_an_unknown_number_is_gone_ten_minutes_after_expiry(at: datetime, status: str) -> None:
    payment = a_payment()

    payment.learn(NotFound(), at=at)

    assert payment.status == status
    assert (payment.failure is not None) == (status == "closed")


@pytest.mark.parametrize(
    ("payment", "closes"),
    [
        (a_payment(), False),
        (a_payment(expires_at=NOON), True),
        (a_payment(closing=True), True),
        (a_payment(closing=True, parked=True), False),
        (a_payment(expires_at=NOON, status=PaymentStatus.FAILED), False),
    ],
)
def test_open_payments_close_when_asked_or_expired(payment: Payment, closes: bool) -> None:
    assert payment.should_close(NOON) == closes


def test_asking_to_close_is_remembered_and_the_sweeper_starts_at_once() -> None:
    payment = a_payment(checks=7, next_check_at=GONE)

    payment.ask_to_close(NOON)

    assert payment.closing
    assert (payment.checks, payment.next_check_at) == (0, NOON)


@pytest.mark.parametrize("status", ["created", "failed", "closed"])
def test_only_money_that_came_in_is_refunded(status: str) -> None:
    payment = a_payment(status=PaymentStatus(status))

    with pytest.raises(PaymentNotSucceeded):
        payment.reserve(Money(1), share=Money(1), at=NOON)


def test_the_last_fen_is_granted_and_not_one_more() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED, refunded_amount=Money(8000))

    payment.reserve(Money(888), share=Money(888), at=NOON)

    assert payment.refundable() == ZERO
    with pytest.raises(RefundExceedsPayment) as refused:
        payment.reserve(Money(1), share=Money(1), at=NOON)
    assert (refused.value.asked, refused.value.left) == (1, 0)


@pytest.mark.parametrize(
    ("method", "limited"), [(Method.WECHAT_NATIVE, True), (Method.ALIPAY_QR, False)]
)
def test_wechat_pay_refunds_fifty_times_and_alipay_any_number(
    method: Method, limited: bool
) -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED, method=method)
    for _ in range(50):
        payment.reserve(Money(1), share=Money(1), at=NOON)

    if not limited:
        payment.reserve(Money(1), share=Money(1), at=NOON)
        return
    with pytest.raises(RefundLimitReached):
        payment.reserve(Money(1), share=Money(1), at=NOON)


def test_after_a_year_nothing_is_refunded() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED)
    payment.reserve(Money(1), share=Money(1), at=later(days=365))

    with pytest.raises(RefundWindowClosed):
        payment.reserve(Money(1), share=Money(1), at=later(days=365, microseconds=1))


def test_refund_requests_queue_behind_each_other() -> None:
    payment = a_payment()
    minute = timedelta(minutes=1)

    turns = [payment.take_refund_turn(NOON, minute) for _ in range(3)]

    assert turns == [NOON, later(minutes=1), later(minutes=2)]
    assert payment.take_refund_turn(later(hours=1), minute) == later(hours=1)


def test_what_providers_prove_beyond_the_paid_sum_is_believed_and_reported() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED, reserved_amount=OWED)

    payment.shift_refund(reserved=ZERO, refunded=Money(100), charge=Money(100))
    payment.shift_refund(reserved=ZERO, refunded=ZERO, charge=ZERO)

    assert payment.excess_amount == Money(100)
    assert payment.refundable() == ZERO
    assert [report.kind for report in payment.reports] == [IncidentKind.REFUND_EXCEEDS_PAYMENT]


def test_a_refund_tried_again_counts_once_towards_the_providers_limit():
    payment = a_payment(status=PaymentStatus.SUCCEEDED)
    payment.reserve(Money(100), share=Money(100), at=NOON)
    payment.shift_refund(reserved=Money(-100), refunded=ZERO, charge=Money(-100))

    payment.reserve(Money(100), share=Money(100), at=NOON, again=True)

    assert payment.refund_count == 1


def test_the_last_refund_that_the_provider_allows_may_be_tried_again():
    payment = a_payment(status=PaymentStatus.SUCCEEDED, refund_count=50)

    payment.reserve(Money(1), share=Money(1), at=NOON, again=True)

    assert payment.reserved_amount == Money(1)


@pytest.mark.parametrize("fen", [0, -1])
def test_a_refund_of_nothing_is_none(fen):
    payment = a_payment(status=PaymentStatus.SUCCEEDED)

    with pytest.raises(ValueError, match="is none"):
        payment.reserve(Money(fen), share=Money(fen), at=NOON)
