"""Money that went back without us: on the provider's own site, or by somebody's reversal."""

import pytest

from domain.events import IncidentKind
from domain.money import ZERO, Money
from domain.outcome import AwaitingPayer, Closed, Outcome, Paid, Payee
from domain.payment import Payment
from domain.status import PaymentStatus
from tests.builders import NOON, OWED, PAYEE, a_payment, later, paid

RETURNED = paid(returned=True)
REVERSED = Closed(reversed=True)


def kinds(payment: Payment) -> list[IncidentKind]:
    return [report.kind for report in payment.reports]


def a_success(**changes: object) -> Payment:
    return a_payment(status=PaymentStatus.SUCCEEDED, **changes)


@pytest.mark.parametrize("news", [RETURNED, REVERSED])
def test_a_success_that_went_back_elsewhere_stays_and_owes_the_rest_to_a_refund(
    news: Outcome,
) -> None:
    payment = a_success(refunded_amount=Money(888), reserved_amount=Money(1000))

    payment.learn(news, at=NOON)

    assert payment.status == "succeeded"
    assert payment.events == []
    assert payment.returned_elsewhere(news) == Money(7000)


@pytest.mark.parametrize(
    "explained",
    [
        {"refunded_amount": OWED},
        {"reserved_amount": OWED},
        {"refunded_amount": Money(8000), "reserved_amount": Money(888)},
        {"refunded_amount": OWED, "reserved_amount": Money(1)},
    ],
)
@pytest.mark.parametrize("news", [RETURNED, REVERSED])
def test_what_our_own_refunds_explain_did_not_go_back_elsewhere(
    explained: dict[str, Money], news: Outcome
) -> None:
    assert a_success(**explained).returned_elsewhere(news) == ZERO


@pytest.mark.parametrize("news", [paid(), paid(refunding=True), Closed(), AwaitingPayer()])
def test_only_a_proof_of_the_whole_return_says_that_money_went_back(news: Outcome) -> None:
    assert a_success().returned_elsewhere(news) == ZERO


@pytest.mark.parametrize("status", ["created", "failed", "closed"])
@pytest.mark.parametrize("news", [RETURNED, REVERSED])
def test_nothing_goes_back_that_never_came_in(status: str, news: Outcome) -> None:
    assert a_payment(status=PaymentStatus(status)).returned_elsewhere(news) == ZERO


@pytest.mark.parametrize(
    "other",
    [
        paid(returned=True, provider_transaction_id="4200000002"),
        paid(returned=True, amount=Money(1)),
        paid(returned=True, payee=Payee("1900000002", PAYEE.app_id)),
    ],
)
def test_the_return_of_another_transaction_is_not_a_refund_of_this_one(other: Paid) -> None:
    payment = a_success()

    payment.learn(other, at=NOON)

    assert payment.returned_elsewhere(other) == ZERO


@pytest.mark.parametrize("late", [False, True])
def test_a_payment_first_seen_as_paid_and_returned_succeeded_all_the_same(*, late: bool) -> None:
    payment = a_payment(status=PaymentStatus.CLOSED if late else PaymentStatus.CREATED)

    payment.learn(RETURNED, at=later(minutes=1))

    assert (payment.status, payment.late) == (PaymentStatus.SUCCEEDED, late)
    assert payment.succeeded_at == NOON
    assert [event.type for event in payment.events] == ["basepay.payment.succeeded"]
    assert payment.returned_elsewhere(RETURNED) == OWED


def test_the_provider_closing_a_success_takes_nothing_back() -> None:
    """Alipay closes a trade when all of it is refunded."""
    payment = a_success(refunded_amount=OWED, refunded_charge=OWED)

    payment.learn(Closed(), at=later(days=1))

    assert (payment.status, payment.closing, payment.reversed) == ("succeeded", False, False)
    assert payment.events == []
    assert payment.reports == []


def test_a_payment_first_seen_while_it_is_refunded_elsewhere_calls_a_person_once() -> None:
    payment = a_payment()

    for _ in range(2):
        payment.learn(paid(refunding=True), at=NOON)

    assert payment.status == "succeeded"
    assert kinds(payment) == [IncidentKind.EXTERNAL_REFUND]


def test_refunds_of_our_own_are_no_news_to_anybody() -> None:
    payment = a_success()
    payment.reserve(Money(1000), share=Money(1000), at=NOON)

    payment.learn(paid(refunding=True), at=NOON)

    assert payment.reports == []


def test_a_whole_return_is_told_by_its_refund_and_not_twice() -> None:
    """The rest becomes a refund with an incident of its own; see `returned_elsewhere`."""
    payment = a_payment()

    payment.learn(paid(returned=True, refunding=True), at=NOON)

    assert payment.returned_elsewhere(RETURNED) == OWED
    assert payment.reports == []
