"""付款码: the call is the charge; what stays unknown is taken back until that is certain."""

from datetime import datetime, timedelta

import pytest

from domain.method import ActionType, Method
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    NotFound,
    Outcome,
    Unknown,
)
from domain.payment import ACTION_LOST, CHARGE_LOST, Payment
from domain.schedule import GRACE, JITTER
from domain.status import PaymentStatus
from tests.builders import NOON, a_code_payment, a_payment, later, paid

CODE_METHODS = [Method.WECHAT_CODE, Method.ALIPAY_CODE]
RETURNED = paid(returned=True)
END = later(seconds=45)


@pytest.mark.parametrize("method", CODE_METHODS)
@pytest.mark.parametrize("news", [paid(), AwaitingPayer()])
def test_a_charge_that_the_provider_knows_asks_nothing_of_the_front_end(
    method: Method, news: Outcome
) -> None:
    payment = a_code_payment(method=method)

    payment.learn(news, at=NOON)

    assert payment.action is not None
    assert payment.action.type is ActionType.NONE
    assert not payment.action.details


def test_a_charge_of_which_nothing_was_heard_has_no_action() -> None:
    payment = a_code_payment()

    payment.learn(Unknown("time-out"), at=NOON)

    assert payment.action is None
    assert payment.status == "created"


def test_a_refused_charge_ends_at_once_with_the_reason() -> None:
    payment = a_code_payment()
    failure = Failure("declined", "NOTENOUGH", "The balance is too small.")

    payment.learn(Declined(failure), at=later(seconds=1))

    assert payment.status == "failed"
    assert payment.failure == failure
    assert payment.next_check_at is None


def test_a_payer_with_a_password_is_asked_about_every_few_seconds_to_the_very_end() -> None:
    payment, at, asks = a_code_payment(), NOON, 0

    while at < END:
        payment.learn(AwaitingPayer(), at=at)
        assert payment.next_check_at is not None
        assert payment.next_check_at - at <= timedelta(seconds=5) * (1 + JITTER)
        assert not payment.closing
        at, asks = payment.next_check_at, asks + 1

    assert at == END
    assert asks >= 7
    assert payment.should_close(END)


@pytest.mark.parametrize(
    ("method", "seconds", "possible"),
    [
        (Method.WECHAT_CODE, 0, False),
        (Method.WECHAT_CODE, 14.999, False),
        (Method.WECHAT_CODE, 15, True),
        (Method.ALIPAY_CODE, 0, True),
        (Method.WECHAT_NATIVE, 0, True),
    ],
)
def test_wechat_pay_takes_no_charge_back_before_fifteen_seconds(
    method: Method, seconds: float, *, possible: bool
) -> None:
    payment = a_code_payment(method=method)

    payment.ask_to_close(NOON)

    assert payment.should_close(later(seconds=seconds)) == possible


def test_a_charge_that_is_too_young_is_asked_about_until_it_is_old_enough() -> None:
    payment, at = a_code_payment(), NOON
    payment.ask_to_close(NOON)

    while not payment.should_close(at):
        payment.learn(AwaitingPayer(), at=at)
        assert payment.next_check_at is not None
        at = payment.next_check_at

    assert later(seconds=15) <= at <= later(seconds=30)


def test_after_the_deadline_the_reversal_is_tried_again_until_it_is_certain() -> None:
    payment, at = a_code_payment(), END

    for _ in range(50):
        payment.learn(Unknown("time-out"), at=at)
        assert payment.closing
        assert payment.should_close(at)
        assert payment.next_check_at is not None
        assert at < payment.next_check_at <= at + timedelta(seconds=66)
        at = payment.next_check_at

    payment.learn(Closed(reversed=True), at=at)
    assert payment.status == "closed"
    assert payment.next_check_at is None


@pytest.mark.parametrize("was_reversed", [True, False])
def test_a_charge_taken_back_is_closed_with_one_event(*, was_reversed: bool) -> None:
    payment = a_code_payment()

    for _ in range(3):
        payment.learn(Closed(reversed=was_reversed), at=END)

    assert payment.status == "closed"
    assert payment.reversed == was_reversed
    assert not payment.closing
    assert [event.type for event in payment.events] == ["basepay.payment.closed"]


@pytest.mark.parametrize("news", [paid(), RETURNED, AwaitingPayer(), NotFound(), Closed()])
def test_what_was_reversed_stays_closed_and_says_nothing_more(news: Outcome) -> None:
    payment = a_code_payment()
    payment.learn(Closed(reversed=True), at=END)

    payment.learn(news, at=later(minutes=1))

    assert (payment.status, payment.reversed) == (PaymentStatus.CLOSED, True)
    assert payment.sequence == 2
    assert payment.reports == []
    assert payment.provider_transaction_id is None


def test_what_was_closed_without_money_still_believes_a_proof() -> None:
    payment = a_code_payment()
    payment.learn(Closed(), at=END)

    payment.learn(paid(), at=later(minutes=1))

    assert (payment.status, payment.late) == (PaymentStatus.SUCCEEDED, True)


@pytest.mark.parametrize("method", CODE_METHODS)
def test_money_that_came_back_while_we_took_it_back_was_reversed_by_us(method: Method) -> None:
    """The cancel went through, its answer was lost, and the query shows both movements."""
    payment = a_code_payment(method=method)
    payment.learn(Unknown("time-out"), at=END)

    payment.learn(RETURNED, at=later(seconds=50))

    assert (payment.status, payment.reversed) == (PaymentStatus.CLOSED, True)
    assert [event.type for event in payment.events] == ["basepay.payment.closed"]
    assert not payment.returned_elsewhere(RETURNED)


def asked_to_close(payment: Payment) -> Payment:
    payment.ask_to_close(NOON)
    return payment


@pytest.mark.parametrize(
    ("payment", "at"),
    [
        (a_code_payment(), later(seconds=44)),  # nobody asked to take it back
        (asked_to_close(a_code_payment()), later(seconds=14)),  # nor could we have
        (asked_to_close(a_payment()), NOON),  # a prepay is closed, not reversed
        (a_payment(), later(hours=3)),
        (a_code_payment(status=PaymentStatus.FAILED), later(minutes=1)),
    ],
)
def test_money_that_came_back_without_us_was_refunded_elsewhere(
    payment: Payment, at: datetime
) -> None:
    payment.learn(RETURNED, at=at)

    assert (payment.status, payment.reversed) == (PaymentStatus.SUCCEEDED, False)
    assert payment.returned_elsewhere(RETURNED) == payment.amount


@pytest.mark.parametrize("method", CODE_METHODS)
def test_a_payer_who_was_faster_than_the_reversal_has_paid(method: Method) -> None:
    payment = a_code_payment(method=method)
    payment.learn(Unknown("time-out"), at=END)

    payment.learn(paid(), at=later(seconds=50))

    assert (payment.status, payment.late) == (PaymentStatus.SUCCEEDED, False)
    assert not payment.closing


def test_a_charge_refused_and_then_proven_is_a_late_success_without_a_failure() -> None:
    payment = a_code_payment()
    payment.learn(Declined(Failure("declined", "NOTENOUGH")), at=NOON)

    payment.learn(paid(), at=later(seconds=5))

    assert (payment.status, payment.late) == (PaymentStatus.SUCCEEDED, True)
    assert payment.failure is None
    assert [event.late for event in payment.events] == [False, True]


def test_a_success_is_never_taken_back_by_us() -> None:
    payment = a_code_payment()
    payment.learn(paid(), at=later(seconds=44))

    payment.ask_to_close(END)
    payment.learn(Closed(reversed=True), at=END)

    assert (payment.status, payment.reversed) == (PaymentStatus.SUCCEEDED, False)
    assert not payment.closing
    assert not payment.should_close(later(hours=1))
    assert payment.returned_elsewhere(Closed(reversed=True)) == payment.amount


@pytest.mark.parametrize(
    ("payment", "failure"), [(a_code_payment(), CHARGE_LOST), (a_payment(), ACTION_LOST)]
)
def test_what_the_provider_never_received_is_closed_after_the_grace(
    payment: Payment, failure: Failure
) -> None:
    payment.learn(NotFound(), at=payment.expires_at + GRACE - timedelta(seconds=1))
    assert payment.status == "created"

    payment.learn(NotFound(), at=payment.expires_at + GRACE)

    assert payment.status == "closed"
    assert payment.failure == failure
    assert not payment.closing


@pytest.mark.parametrize("method", CODE_METHODS)
def test_a_charge_once_seen_is_not_lost_when_it_goes(method: Method) -> None:
    payment = a_code_payment(method=method)
    payment.learn(AwaitingPayer(), at=NOON)

    payment.learn(NotFound(), at=END + GRACE)

    assert payment.status == "closed"
    assert payment.failure is None


def test_what_the_payer_shows_at_the_till_does_not_show_here() -> None:
    payment = a_payment(method=Method.WECHAT_CODE, payer={"auth_code": "130000000000000001"})

    assert "130000000000000001" not in repr(payment)
