"""Refunds at WeChat Pay: what each answer means, and what proves nothing."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.providers.wechat_pay.answers import REFUND_ANSWERS, Next
from domain.money import Money
from domain.outcome import (
    FoundRefund,
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
from tests.adapters.providers.wechat_pay.desk import (
    ORDER_NO,
    REFUND_NO,
    a_payment,
    a_refund,
    refund_object,
    signature_headers,
)

UNSIGNED: dict[str, str] = {}
ACCEPTED_AT = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
QUERY = f"GET /v3/refund/domestic/refunds/{REFUND_NO}"
NOT_THERE = (404, {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"})


@pytest.fixture(params=["refund", "query_refund"])
def question(request, account):
    return getattr(account.refunds, request.param)


def test_a_refund_is_prepared_once_to_the_last_byte(account):
    payment = a_payment(charged_amount=Money(1))
    refund = a_refund(reason="茶凉了🍵", charged_amount=Money(1))

    request = account.refunds.prepare_refund(refund, payment)

    assert json.loads(request) == {
        "out_trade_no": ORDER_NO,
        "out_refund_no": REFUND_NO,
        "reason": "茶凉了",
        "notify_url": "https://pay.example.com/callbacks/wechat/wechat-main",
        "amount": {"refund": 1, "total": 1, "currency": "CNY"},
    }
    assert account.refunds.prepare_refund(refund, payment) == request


def test_the_stored_bytes_are_sent(run, account, desk):
    desk.says(200, refund_object("PROCESSING"))

    run(account.refunds.refund(a_refund(), a_payment()))

    assert desk.asked() == ["POST /v3/refund/domestic/refunds"]
    assert desk.heard[0].content == b'{"stored":"refund"}'


STATUSES: dict[str, RefundOutcome] = {
    "SUCCESS": Refunded(
        Money(500), datetime(2026, 3, 10, 5, 0, 5, tzinfo=UTC), "5030001", ACCEPTED_AT
    ),
    "PROCESSING": RefundAccepted("5030001", ACCEPTED_AT),
    "CLOSED": RefundClosed(),
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_its_meaning(run, desk, question, status):
    desk.says(200, refund_object(status))

    assert run(question(a_refund(), a_payment())) == STATUSES[status]


def test_money_that_could_not_reach_the_payer_needs_a_person(run, desk, question):
    desk.says(200, refund_object("ABNORMAL"))

    outcome = run(question(a_refund(), a_payment()))

    assert isinstance(outcome, RefundAbnormal)
    assert outcome.provider_refund_id == "5030001"


def test_every_refund_code_has_a_consequence(run, account, desk):
    expected = {
        Next.REFUSED: RefundRefused,
        Next.REFUSED_FOR_NOW: RefundRefused,
        Next.LATER: RefundPostponed,
        Next.ASK: RefundRefused,  # the query finds nothing
        Next.ABSENT: Unknown,
        Next.UNKNOWN: Unknown,
    }
    for code, step in REFUND_ANSWERS.items():
        desk.script.clear()
        desk.says(403, {"code": code, "message": "…"}).says(*NOT_THERE)

        outcome = run(account.refunds.refund(a_refund(), a_payment()))

        assert isinstance(outcome, expected[step]), code
    assert set(REFUND_ANSWERS.values()) == set(expected)


@pytest.mark.parametrize(
    "code", ["NOT_ENOUGH", "NOTENOUGH", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"]
)
def test_what_passes_is_postponed_and_not_refused(run, account, desk, code):
    desk.says(429, {"code": code, "message": "稍后"})

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    assert outcome == RefundPostponed(f"{code} 稍后")


@pytest.mark.parametrize("code", ["FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"])
def test_a_pause_that_is_ordered_is_for_the_whole_account(run, account, desk, code):
    desk.says(429, {"code": code}, beside={"Retry-After": "30"})

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("code", ["USER_ACCOUNT_ABNORMAL", "PARAM_ERROR", "INVALID_REQUEST"])
def test_an_unsigned_refusal_does_not_end_a_refund(run, account, desk, code):
    desk.says(403, {"code": code}, headers=UNSIGNED)

    assert isinstance(run(account.refunds.refund(a_refund(), a_payment())), Unknown)


def test_a_refund_that_stands_after_all_is_told(run, account, desk):
    desk.says(400, {"code": "INVALID_REQUEST"}).says(200, refund_object("SUCCESS"))

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    assert isinstance(outcome, Refunded)
    assert desk.asked()[1] == QUERY


def test_a_number_wechat_pay_does_not_know(run, account, desk):
    desk.says(*NOT_THERE)

    assert run(account.refunds.query_refund(a_refund(), a_payment())) == RefundNotFound()


# Refunds that we never asked for


@pytest.mark.parametrize("status", STATUSES)
def test_a_foreign_refund_is_found_with_its_amount(run, account, desk, status):
    desk.says(200, refund_object(status, out_refund_no="MP-1"))

    found = run(account.refunds.look_up("MP-1", a_payment()))

    assert found == FoundRefund(Money(500), STATUSES[status])


def test_a_foreign_number_is_asked_for_in_every_spelling(run, account, desk):
    number = "MP|1*@/../x?y=茶"
    desk.says(200, refund_object(out_refund_no=number))

    assert isinstance(run(account.refunds.look_up(number, a_payment())), FoundRefund)
    (request,) = desk.heard
    expected = "/v3/refund/domestic/refunds/MP%7C1%2A%40%2F..%2Fx%3Fy%3D%E8%8C%B6"
    assert request.url.raw_path == expected.encode()


def test_a_foreign_refund_that_wechat_pay_does_not_know(run, account, desk):
    desk.says(*NOT_THERE)

    assert run(account.refunds.look_up("MP-1", a_payment())) == RefundNotFound()


@pytest.mark.parametrize(
    "told",
    [
        refund_object(out_refund_no="MP-1", out_trade_no="d1SOMEBODYELSES"),
        refund_object(out_refund_no="MP-2"),
        refund_object("TELEPORTED", out_refund_no="MP-1"),
    ],
)
def test_a_refund_of_another_order_is_not_the_payments(run, account, desk, told):
    desk.says(200, told)

    assert isinstance(run(account.refunds.look_up("MP-1", a_payment())), Unknown)


@pytest.mark.parametrize("said", [(200, refund_object(out_refund_no="MP-1")), NOT_THERE])
def test_an_unsigned_answer_finds_nothing(run, account, desk, said):
    desk.says(*said, headers=UNSIGNED)

    assert isinstance(run(account.refunds.look_up("MP-1", a_payment())), Unknown)


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("silent"), httpx.ReadError("cut")]
)
def test_a_broken_line_tells_us_nothing(run, desk, question, fault):
    desk.breaks(fault)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize(
    "proof",
    [
        UNSIGNED,
        signature_headers(b"other"),
        signature_headers(b"") | {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"},
    ],
    ids=["unsigned", "over other bytes", "a probe"],
)
@pytest.mark.parametrize("said", [(200, refund_object("SUCCESS")), NOT_THERE])
def test_an_answer_in_doubt_is_unknown(run, desk, question, said, proof):
    desk.says(*said, headers=proof)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize(
    "told",
    [
        refund_object("TELEPORTED"),
        refund_object(out_refund_no="d1OTHER"),
        refund_object(out_trade_no="d1OTHER"),
        refund_object(success_time=None),
        refund_object(amount={"refund": "500"}),
        refund_object(refund_id=""),
    ],
)
def test_a_refund_that_makes_no_sense_is_unknown(run, desk, question, told):
    desk.says(200, told)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"{" * 9999])
@pytest.mark.parametrize("status", [200, 202, 404, 500, 502])
def test_an_unreadable_answer_is_unknown_even_when_signed(run, desk, question, status, body):
    desk.says(status, body)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)
