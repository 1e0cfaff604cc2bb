"""Refunds at Alipay: what each answer means, and what proves nothing."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.providers.alipay.answers import GATEWAY_ANSWERS, REFUND_ANSWERS, Next
from adapters.providers.alipay.refunds import SETTLED_AFTER
from domain.money import Money
from domain.outcome import (
    FoundRefund,
    Refunded,
    RefundNotFound,
    RefundPostponed,
    RefundRefused,
    Unknown,
)
from tests.adapters.providers.alipay.desk import (
    NOW,
    ORDER_NO,
    REFUND_NO,
    SILENCE,
    a_payment,
    a_refund,
    refund_done,
    refund_found,
)

QUERY = "alipay.trade.fastpay.refund.query"
OLD = a_refund(created_at=NOW - SETTLED_AFTER)


@pytest.fixture(params=["refund", "query_refund"])
def question(request, account):
    return getattr(account.refunds, request.param)


def test_a_refund_is_prepared_once_to_the_last_byte(account):
    refund = a_refund(reason="茶凉了 & 🍵", charged_amount=Money(105))

    request = account.refunds.prepare_refund(refund, a_payment())

    assert json.loads(request) == {
        "out_trade_no": ORDER_NO,
        "refund_amount": "1.05",
        "out_request_no": REFUND_NO,
        "refund_reason": "茶凉了",
    }
    assert account.refunds.prepare_refund(refund, a_payment()) == request


def test_money_that_moved_in_this_call_is_refunded(run, account, desk):
    desk.says(refund_done("Y", gmt_refund_pay="2026-01-15 15:30:00"))

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    assert outcome == Refunded(Money(500), datetime(2026, 1, 15, 7, 30, tzinfo=UTC))
    assert desk.asked() == ["alipay.trade.refund"]
    assert desk.contents() == [{"stored": "refund"}]


def test_a_refund_without_a_time_happened_now(run, account, desk, clock):
    clock.at = NOW + timedelta(hours=1)
    desk.says(refund_done("Y"))

    assert run(account.refunds.refund(a_refund(), a_payment())).refunded_at == clock.at


@pytest.mark.parametrize("fund_change", ["N", None, "?"])
@pytest.mark.parametrize(
    ("found", "expected"),
    [(refund_found(), Refunded), (SILENCE, RefundNotFound), ({"code": "20000"}, Unknown)],
)
def test_without_a_fund_change_only_the_refund_query_tells(
    run, account, desk, fund_change, found, expected
):
    desk.says(refund_done(fund_change)).says(found)

    assert isinstance(run(account.refunds.refund(a_refund(), a_payment())), expected)
    assert desk.asked()[1] == QUERY
    assert desk.contents()[1] == {
        "out_trade_no": ORDER_NO,
        "out_request_no": REFUND_NO,
        "query_options": ["gmt_refund_pay"],
    }


def test_every_refund_code_has_a_consequence(run, account, desk):
    expected = {
        Next.REFUSED: RefundRefused,
        Next.REFUSED_FOR_NOW: RefundRefused,
        Next.LATER: RefundPostponed,
        Next.ASK: RefundRefused,  # long after the first sending, and the query finds nothing
        Next.UNKNOWN: Unknown,
    }
    for code, step in REFUND_ANSWERS.items():
        desk.script.clear()
        desk.refuses(f"ACQ.{code}").says(SILENCE)

        assert isinstance(run(account.refunds.refund(OLD, a_payment())), expected[step]), code
    assert set(REFUND_ANSWERS.values()) == set(expected)


@pytest.mark.parametrize("code", [c for c in GATEWAY_ANSWERS if c != "10000"])
def test_what_the_gateway_refuses_is_ours_to_mend_and_not_the_end(run, account, desk, code):
    desk.refuses("isv.something", code=code).says(SILENCE)

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    step = GATEWAY_ANSWERS[code]
    postponed = step in (Next.LATER, Next.REFUSED_FOR_NOW)
    assert isinstance(outcome, RefundPostponed if postponed else Unknown)


def test_a_refund_too_many_is_followed_by_silence(run, question, desk):
    desk.refuses("isv.app-call-limited", code="40005")

    assert run(question(a_refund(), a_payment())).retry_after == timedelta(seconds=5)


def test_a_poor_merchant_is_not_a_refusal(run, account, desk):
    desk.refuses("ACQ.SELLER_BALANCE_NOT_ENOUGH")

    outcome = run(account.refunds.refund(a_refund(), a_payment()))

    assert outcome == RefundPostponed("ACQ.SELLER_BALANCE_NOT_ENOUGH 错误/…")


@pytest.mark.parametrize("code", [c for c, step in REFUND_ANSWERS.items() if step is Next.ASK])
def test_a_refund_that_stands_after_all_is_told(run, account, desk, code):
    desk.refuses(f"ACQ.{code}").says(refund_found())

    assert isinstance(run(account.refunds.refund(a_refund(), a_payment())), Refunded)


def test_just_after_the_first_sending_a_refusal_proves_nothing(run, account, desk):
    desk.refuses("ACQ.TRADE_HAS_CLOSE").says(SILENCE)

    assert isinstance(run(account.refunds.refund(a_refund(), a_payment())), Unknown)


def test_a_refund_that_is_found_has_its_own_amount(run, account, desk):
    desk.says(refund_found())

    outcome = run(account.refunds.query_refund(a_refund(), a_payment()))

    assert outcome == Refunded(Money(500), datetime(2026, 1, 15, 7, 30, tzinfo=UTC))


def test_silence_about_a_refund_is_not_found(run, account, desk):
    desk.says(SILENCE)

    assert run(account.refunds.query_refund(a_refund(), a_payment())) == RefundNotFound()


@pytest.mark.parametrize("number", ["RF-MADE-ON-THEIR-SITE", ORDER_NO])
def test_a_refund_that_basepay_did_not_make_is_looked_up(run, account, desk, number):
    desk.says(refund_found(out_request_no=number))

    found = run(account.refunds.look_up(number, a_payment()))

    done = Refunded(Money(500), datetime(2026, 1, 15, 7, 30, tzinfo=UTC))
    assert found == FoundRefund(Money(500), done)
    assert desk.asked() == [QUERY]
    assert desk.contents()[0]["out_request_no"] == number


@pytest.mark.parametrize(
    ("node", "expected"),
    [(SILENCE, RefundNotFound), (refund_found(), Unknown), ({"code": "20000"}, Unknown)],
)
def test_a_number_that_nobody_knows_finds_nothing(run, account, desk, node, expected):
    desk.says(node)

    assert isinstance(run(account.refunds.look_up("RF-ANOTHER", a_payment())), expected)


@pytest.mark.parametrize(
    "node",
    [
        refund_found(refund_status="REFUND_PROCESSING"),
        refund_found(out_request_no="d1OTHER"),
        refund_found(out_trade_no="d1OTHER"),
        refund_found(refund_amount=""),
        refund_found(refund_amount="NaN"),
        refund_found(refund_amount=5),
        refund_found(gmt_refund_pay="soon"),
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"},
        {"code": "40004", "sub_code": "TRADE_NOT_EXIST"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "20000"},
    ],
)
def test_a_refund_query_that_makes_no_sense_is_unknown(run, account, desk, node):
    desk.says(node)

    assert isinstance(run(account.refunds.query_refund(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize(
    "node", [refund_done(out_trade_no="d1OTHER"), refund_done(gmt_refund_pay="soon"), SILENCE]
)
def test_a_refund_answer_that_makes_no_sense_is_unknown(run, account, desk, node):
    desk.says(node)

    assert isinstance(run(account.refunds.refund(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize("owner", [None, "somebody"])
@pytest.mark.parametrize(
    "node",
    [
        refund_done("Y"),
        refund_found(),
        SILENCE,
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_ALLOW_REFUND"},
        {"code": "40002", "sub_code": "isv.invalid-app-id"},
    ],
)
def test_what_alipay_did_not_sign_is_unknown(run, desk, question, node, owner):
    desk.says(node, owner=owner)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("silent"), httpx.ReadError("cut")]
)
def test_a_broken_line_tells_us_nothing(run, desk, question, fault):
    desk.breaks(fault)

    assert isinstance(run(question(a_refund(), a_payment())), Unknown)
