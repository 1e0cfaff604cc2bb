from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from domain.events import IncidentKind
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
    Unknown,
)
from domain.refund import Initiator
from domain.schedule import JITTER
from domain.status import RefundStatus
from tests.builders import NOON, a_refund, later, refunded

BANK = Failure("provider", "USER_ACCOUNT_ABNORMAL", "The card is cancelled.")

#: What each class of outcome makes of a refund in each status; `failed` is a refused one.
ENDS: dict[type, tuple[RefundOutcome, str, str, str]] = {
    # outcome                          created      failed       closed
    RefundAccepted: (RefundAccepted(), "created", "failed", "closed"),
    Refunded: (refunded(), "succeeded", "succeeded", "succeeded"),
    RefundPostponed: (RefundPostponed("NOT_ENOUGH"), "created", "failed", "closed"),
    RefundRefused: (RefundRefused(BANK), "failed", "failed", "closed"),
    RefundAbnormal: (RefundAbnormal(BANK), "failed", "failed", "closed"),
    RefundClosed: (RefundClosed(), "closed", "closed", "closed"),
    RefundNotFound: (RefundNotFound(), "created", "failed", "closed"),
    Unknown: (Unknown("time-out"), "created", "failed", "closed"),
}


def test_every_refund_outcome_has_its_row() -> None:
    assert set(ENDS) == set(get_args(RefundOutcome))


@pytest.mark.parametrize(("kind", "status"), list(product(ENDS, RefundStatus)))
def test_every_outcome_is_handled_from_every_status(kind: type, status: RefundStatus) -> None:
    news, *ends = ENDS[kind]
    refund = a_refund(status=status)

    refund.learn(news, at=NOON)

    expected = dict(zip(("created", "failed", "closed"), ends, strict=True))
    assert refund.status == expected.get(status, "succeeded")


def test_a_refused_refund_frees_its_money_and_may_be_tried_again() -> None:
    refund = a_refund(checks=9)

    refund.learn(RefundRefused(BANK), at=NOON)

    failure = refund.failure
    assert failure == Failure("refused", BANK.provider_code, BANK.message, retryable=True)
    assert refund.reserved == ZERO
    refund.retry(NOON, share=refund.charged_amount)
    assert refund.status == "created"
    assert (refund.checks, refund.next_check_at) == (0, NOON)
    assert refund.failure is None


def test_an_abnormal_refund_holds_its_money_calls_a_person_and_is_asked_about() -> None:
    refund = a_refund()

    refund.learn(RefundAbnormal(BANK), at=NOON)

    assert refund.failure == Failure("abnormal", BANK.provider_code, BANK.message)
    assert refund.reserved == refund.amount
    assert [report.kind for report in refund.reports] == [IncidentKind.REFUND_ABNORMAL]
    assert refund.next_check_at is not None
    with pytest.raises(ValueError, match="retried"):
        refund.retry(NOON, share=refund.charged_amount)


def test_once_accepted_a_refusal_concerns_the_repetition() -> None:
    refund = a_refund()
    refund.learn(RefundAccepted("5000000001"), at=NOON)

    refund.learn(RefundRefused(BANK), at=NOON)

    assert refund.status == "created"
    assert refund.provider_refund_id == "5000000001"


def test_an_acceptance_that_was_only_guessed_is_learned_later() -> None:
    refund = a_refund()
    refund.learn(refunded(), at=later(days=1))  # a callback does not tell it
    assert refund.accepted_at == later(days=1)

    refund.learn(refunded(accepted_at=NOON), at=later(days=2))

    assert refund.accepted_at == NOON  # it decides in which day's bill the refund stands


def test_the_first_acceptance_stays() -> None:
    refund = a_refund()
    refund.learn(RefundAccepted(), at=NOON)

    refund.learn(refunded(accepted_at=later(hours=1)), at=later(hours=2))

    assert refund.accepted_at == NOON
    assert refund.succeeded_at == NOON


@pytest.mark.parametrize("amount", [Money(999), Money(1000, "USD")])
def test_a_wrong_proof_parks_the_refund_until_a_right_one_comes(amount: Money) -> None:
    refund = a_refund()

    for news in (refunded(amount=amount), refunded(amount=amount)):
        refund.learn(news, at=NOON)
    for contradiction in (RefundClosed(), RefundRefused(BANK), RefundAbnormal(BANK)):
        refund.learn(contradiction, at=NOON)

    assert refund.status == "created"
    assert refund.reserved == refund.amount
    assert refund.next_check_at is not None
    day = timedelta(days=1)
    assert abs(refund.next_check_at - NOON - day) <= day * JITTER
    assert [report.kind for report in refund.reports] == [IncidentKind.REFUND_MISMATCH]
    refund.learn(refunded(), at=NOON)
    assert refund.status == "succeeded"
    assert (refund.reserved, refund.refunded) == (ZERO, refund.amount)


def test_a_postponed_refund_calls_a_person_once_after_an_hour() -> None:
    refund = a_refund()
    refund.learn(RefundPostponed("NOT_ENOUGH"), at=later(minutes=59))
    assert not refund.reports

    for minutes in (60, 61):
        refund.learn(RefundPostponed("NOT_ENOUGH"), at=later(minutes=minutes))

    assert [report.kind for report in refund.reports] == [IncidentKind.REFUND_STUCK]


@pytest.mark.parametrize("status", ["succeeded", "failed", "closed"])
def test_stale_news_of_a_postponement_is_quiet(status: str) -> None:
    refund = a_refund(status=RefundStatus(status))

    refund.learn(RefundPostponed("NOT_ENOUGH"), at=later(hours=2))

    assert not refund.reports


def test_a_refusal_that_turns_out_abnormal_holds_the_money_again():
    refund = a_refund()
    refund.learn(RefundRefused(Failure("refused", "NO_AUTH")), at=NOON)
    assert refund.reserved == ZERO

    refund.learn(RefundAbnormal(Failure("abnormal", "ABNORMAL", "card closed")), at=NOON)

    assert (refund.status, refund.abnormal) == (RefundStatus.FAILED, True)
    assert refund.reserved == refund.amount
    assert [report.kind for report in refund.reports] == [IncidentKind.REFUND_ABNORMAL]


def test_a_refused_refund_that_the_provider_took_is_asked_about_until_it_ends():
    refund = a_refund()
    refund.learn(RefundRefused(Failure("refused", "NO_AUTH")), at=NOON)
    assert refund.next_check_at is None

    refund.learn(RefundAccepted("50001"), at=NOON)

    assert refund.next_check_at is not None


@pytest.mark.parametrize(
    ("status", "late"), [("created", False), ("failed", True), ("closed", True)]
)
def test_a_refund_proven_after_its_end_is_a_late_success_without_a_failure(
    status: str, *, late: bool
) -> None:
    refund = a_refund(status=RefundStatus(status))

    refund.learn(refunded(), at=NOON)

    assert [event.late for event in refund.events] == [late]
    assert refund.failure is None
    assert refund.charge == refund.charged_amount


def test_a_refund_that_ended_late_without_success_is_not_late() -> None:
    refund = a_refund(status=RefundStatus.FAILED)

    refund.learn(RefundClosed(), at=NOON)

    assert [event.late for event in refund.events] == [False]


def test_a_refund_waits_in_the_queue_until_its_first_request_is_due() -> None:
    refund = a_refund()
    assert not refund.queued(NOON)
    refund.plan_check(NOON)
    refund.next_check_at = later(minutes=1)

    assert refund.queued(later(seconds=59))
    assert not refund.queued(later(minutes=1))

    refund.learn(Unknown("time-out"), at=later(minutes=1))
    assert not refund.queued(later(minutes=1))


@pytest.mark.parametrize(
    ("initiator", "kinds"),
    [
        (Initiator.BASEPAY, [IncidentKind.DUPLICATE_NOT_REFUNDED]),
        (Initiator.APP, []),
        (Initiator.OPERATOR, []),
    ],
)
def test_only_a_refund_that_nobody_asked_for_calls_a_person_when_refused(
    initiator: Initiator, kinds: list[IncidentKind]
) -> None:
    refund = a_refund(initiated_by=initiator)

    refund.learn(RefundRefused(BANK), at=NOON)

    assert [report.kind for report in refund.reports] == kinds


@pytest.mark.parametrize(
    ("news", "charge"),
    [
        (RefundAccepted(), 1),
        (refunded(amount=Money(1)), 1),
        (RefundAbnormal(BANK), 1),
        (RefundRefused(BANK), 0),
        (RefundClosed(), 0),
    ],
)
def test_a_refund_weighs_on_the_charge_while_it_may_succeed(
    news: RefundOutcome, charge: int
) -> None:
    refund = a_refund(charged_amount=Money(1))

    refund.learn(news, at=NOON)

    assert refund.charge == Money(charge)
    assert bool(refund.charge) == bool(refund.reserved + refund.refunded)


def test_a_refund_without_a_share_of_the_charge_is_proven_by_nothing() -> None:
    refund = a_refund(charged_amount=ZERO)

    refund.learn(refunded(amount=ZERO), at=NOON)

    assert refund.status == "succeeded"
    assert (refund.refunded, refund.charge) == (refund.amount, ZERO)
