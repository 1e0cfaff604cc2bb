"""Closing and expiring: the wish is remembered, the provider is asked densely until it confirms."""

from datetime import datetime, timedelta

import pytest

from domain.method import Method
from domain.outcome import AwaitingPayer, Closed, Declined, Failure, NotFound, Outcome, Unknown
from domain.payment import Payment
from domain.schedule import GRACE, JITTER
from domain.status import PaymentStatus
from tests.builders import NOON, a_payment, later, paid
from tests.domain.news import CODE

EXPIRY = later(hours=2)
SILENCE: list[Outcome] = [Unknown("time-out"), AwaitingPayer(), NotFound()]


def pauses(payment: Payment, news: Outcome, *, rounds: int) -> list[timedelta]:
    """How long each ask waits for the next, from the due one on."""
    waits = []
    for _ in range(rounds):
        assert payment.next_check_at is not None
        at = payment.next_check_at
        payment.learn(news, at=at)
        assert payment.next_check_at is not None
        waits.append(payment.next_check_at - at)
    return waits


@pytest.mark.parametrize("news", SILENCE)
def test_at_expiry_an_open_payment_begins_to_close_and_is_asked_densely_again(
    news: Outcome,
) -> None:
    payment = a_payment(checks=40, next_check_at=EXPIRY)

    waits = pauses(payment, news, rounds=3)

    assert payment.closing
    assert waits == sorted(waits)
    assert waits[-1] <= timedelta(seconds=10) * (1 + JITTER)


def test_before_expiry_nobody_closes_anything_by_itself() -> None:
    payment = a_payment()

    payment.learn(AwaitingPayer(), at=EXPIRY - timedelta(microseconds=1))

    assert not payment.closing
    assert payment.next_check_at == EXPIRY


@pytest.mark.parametrize(
    ("news", "begun_at"),
    [*((news, NOON) for news in SILENCE), (Unknown("time-out"), EXPIRY)],
)
def test_a_close_that_nobody_confirms_is_not_begun_anew_each_time(
    news: Outcome, begun_at: datetime
) -> None:
    payment = a_payment()
    payment.ask_to_close(begun_at)

    waits = pauses(payment, news, rounds=12)

    assert payment.status == "created"
    assert waits[0] < timedelta(seconds=3)
    assert min(waits[6:]) > timedelta(seconds=50)


@pytest.mark.parametrize(
    ("news", "status"),
    [
        (Closed(), "closed"),
        (paid(), "succeeded"),
        (Declined(Failure("declined")), "failed"),
        (NotFound(), "closed"),
    ],
)
def test_a_close_ends_with_what_the_provider_says(news: Outcome, status: str) -> None:
    payment = a_payment()
    payment.ask_to_close(NOON)

    payment.learn(news, at=EXPIRY + GRACE)

    assert payment.status == status
    assert not payment.closing
    assert not payment.reversed
    assert payment.next_check_at is None


@pytest.mark.parametrize("method", [Method.WECHAT_NATIVE, Method.ALIPAY_QR])
def test_an_unknown_number_is_believed_gone_only_ten_minutes_after_expiry(method: Method) -> None:
    """Nobody scanned it: the provider does not know it, and yet it can be paid."""
    payment = a_payment(method=method, action=CODE)
    payment.ask_to_close(NOON)

    payment.learn(NotFound(), at=EXPIRY + timedelta(minutes=9, seconds=59))
    assert (payment.status, payment.closing) == (PaymentStatus.CREATED, True)

    payment.learn(NotFound(), at=EXPIRY + timedelta(minutes=10))
    assert payment.status == "closed"
    assert payment.failure is None  # its action was there all the time


@pytest.mark.parametrize("status", ["succeeded", "failed", "closed"])
def test_what_has_ended_is_not_asked_to_close(status: str) -> None:
    payment = a_payment(status=PaymentStatus(status))

    payment.ask_to_close(NOON)
    payment.plan_check(EXPIRY)

    assert not payment.closing
    assert payment.next_check_at is None


def test_a_parked_payment_is_not_expired_by_the_clock() -> None:
    payment = a_payment(parked=True)

    payment.plan_check(EXPIRY)

    assert not payment.closing
    assert not payment.should_close(EXPIRY)


def test_a_parked_payment_is_asked_daily_its_expiry_or_not() -> None:
    payment = a_payment(parked=True)

    payment.plan_check(NOON)

    assert payment.next_check_at is not None
    assert payment.next_check_at - NOON >= timedelta(days=1) * (1 - JITTER)
