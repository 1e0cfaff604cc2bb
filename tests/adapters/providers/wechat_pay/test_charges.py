"""Payment codes: the call is the charge, so little is believed and nothing is guessed."""

import json
from datetime import timedelta

import pytest

from adapters.providers.wechat_pay.answers import CHARGE_ANSWERS, Next
from domain.method import Method
from domain.money import Money
from domain.outcome import AwaitingPayer, Closed, Declined, NotFound, Paid, Payee, Unknown
from domain.status import PaymentStatus
from tests.adapters.providers.wechat_pay.desk import (
    APPID,
    MCHID,
    ORDER_NO,
    a_payment,
    an_order,
    signature_headers,
)

CHARGE = "POST /v3/pay/transactions/codepay"
QUERY = f"GET /v3/pay/transactions/out-trade-no/{ORDER_NO}?mchid={MCHID}"
REVERSE = f"POST /v3/pay/transactions/out-trade-no/{ORDER_NO}/reverse"
NOT_THERE = (404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"})
REVERSED = (200, {"appid": APPID, "mchid": MCHID, "out_trade_no": ORDER_NO})
UNSIGNED: dict[str, str] = {}
PROBE = signature_headers(b"") | {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"}


@pytest.fixture
def payment():
    return a_payment(method=Method.WECHAT_CODE, payee=Payee(MCHID, APPID))


def test_a_code_without_password_is_paid_at_once(run, account, desk, payment):
    desk.says(200, an_order(trade_type="MICROPAY"))

    paid = run(account.payments.start(payment))

    assert isinstance(paid, Paid)
    assert (paid.amount, paid.payee) == (Money(8888), Payee(MCHID, APPID))
    assert desk.asked() == [CHARGE]
    assert desk.heard[0].content == b'{"stored":"bytes"}'


@pytest.mark.parametrize("code", ["USERPAYING", "USER_PAYING"])
def test_a_payer_who_types_a_password_is_awaited(run, account, desk, payment, code):
    desk.says(202, {"code": code, "message": "需要用户输入支付密码"})

    assert run(account.payments.start(payment)) == AwaitingPayer()
    assert desk.asked() == [CHARGE]


def test_a_charge_that_is_answered_as_unpaid_awaits_the_payer(run, account, desk, payment):
    desk.says(200, an_order("USERPAYING"))

    assert run(account.payments.start(payment)) == AwaitingPayer()


def test_every_code_has_a_consequence_at_the_charge(run, account, desk, payment):
    expected = {
        Next.REFUSED: Declined,
        Next.REFUSED_FOR_NOW: Declined,
        Next.PAYING: AwaitingPayer,
        Next.ASK: Declined,  # the query finds nothing
        Next.ABSENT: Unknown,
        Next.LATER: Unknown,
        Next.UNKNOWN: Unknown,
    }
    for code, step in CHARGE_ANSWERS.items():
        desk.script.clear()
        desk.says(400, {"code": code, "message": "…"}).says(*NOT_THERE)

        outcome = run(account.payments.start(payment))

        assert isinstance(outcome, expected[step]), code
        if isinstance(outcome, Declined):
            assert outcome.failure.retryable is (step is Next.REFUSED_FOR_NOW), code
    assert set(CHARGE_ANSWERS.values()) == set(expected)


@pytest.mark.parametrize(
    "code",
    ["AUTHCODEEXPIRE", "AUTH_CODE_EXPIRED", "AUTH_CODE_ERROR", "AUTH_CODE_INVALID", "NOT_ENOUGH"],
)
def test_another_code_or_card_may_do(run, account, desk, payment, code):
    desk.says(403, {"code": code})

    declined = run(account.payments.start(payment))

    assert isinstance(declined, Declined)
    assert declined.failure.retryable
    assert desk.asked() == [CHARGE]


@pytest.mark.parametrize("proof", [UNSIGNED, PROBE], ids=["unsigned", "a probe"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, an_order()),
        (202, {"code": "USERPAYING"}),
        (403, {"code": "NOT_ENOUGH"}),
        (400, {"code": "PARAM_ERROR"}),
    ],
)
def test_only_signed_answers_tell_about_a_charge(run, account, desk, payment, status, body, proof):
    desk.says(status, body, headers=proof)

    assert isinstance(run(account.payments.start(payment)), Unknown)


@pytest.mark.parametrize("code", ["OUT_TRADE_NO_USED", "ORDERPAID", "ORDERREVERSED", "TRADE_ERROR"])
@pytest.mark.parametrize(
    ("state", "expected"),
    [("SUCCESS", Paid), ("REVOKED", Closed), ("NOTPAY", AwaitingPayer), ("PAYERROR", Declined)],
)
def test_a_number_in_use_is_asked_about(run, account, desk, payment, code, state, expected):
    desk.says(403, {"code": code}).says(200, an_order(state))

    assert isinstance(run(account.payments.start(payment)), expected)
    assert desk.asked() == [CHARGE, QUERY]


def test_an_answer_about_another_order_proves_nothing(run, account, desk, payment):
    desk.says(200, an_order(out_trade_no="d1SOMEBODYELSES"))

    assert isinstance(run(account.payments.start(payment)), Unknown)


def test_a_bank_that_refused_leaves_the_payer_another_try(run, account, desk, payment):
    desk.says(200, an_order("PAYERROR", trade_state_desc="支付失败(其他原因)"))

    declined = run(account.payments.query(payment))

    assert isinstance(declined, Declined)
    assert declined.failure.retryable
    assert declined.failure.message == "支付失败(其他原因)"


# Taking back


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (an_order("REVOKED", transaction_id="4200001"), Closed(reversed=True)),
        (an_order("REVOKED"), Closed()),
        (an_order("CLOSED"), Closed()),
        (an_order("USERPAYING"), AwaitingPayer()),
        (an_order("NOTPAY"), AwaitingPayer()),
    ],
)
def test_a_charge_is_taken_back_and_its_state_tells(run, account, desk, payment, order, expected):
    desk.says(*REVERSED).says(200, order)

    assert run(account.payments.close(payment)) == expected
    assert desk.asked() == [REVERSE, QUERY]
    assert json.loads(desk.heard[0].content) == {"appid": APPID, "mchid": MCHID}


def test_what_we_saw_paid_and_is_revoked_has_gone_back(run, account, desk, payment):
    """Whether the answer still tells of the transaction is not documented."""
    desk.says(200, an_order("REVOKED"))
    payment.status = PaymentStatus.SUCCEEDED

    assert run(account.payments.query(payment)) == Closed(reversed=True)


def test_while_the_payer_types_nothing_is_taken_back(run, account, desk, payment):
    desk.says(202, {"code": "USERPAYING", "message": "正在支付中不能发起撤销"})
    desk.says(200, an_order("USERPAYING"))

    assert run(account.payments.close(payment)) == AwaitingPayer()


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
@pytest.mark.parametrize(
    ("status", "body", "proof"),
    [
        (*REVERSED, None),
        (*REVERSED, UNSIGNED),
        (500, {"code": "SYSTEM_ERROR"}, None),
        (502, b"<html>", UNSIGNED),
        (400, {"code": "TEAPOT"}, None),
        (403, {"code": "TRADE_ERROR"}, UNSIGNED),
    ],
)
def test_money_that_may_be_on_its_way_back_is_not_paid(
    run, account, desk, payment, status, body, proof, state
):
    desk.says(status, body, headers=proof).says(200, an_order(state))

    assert isinstance(run(account.payments.close(payment)), Unknown)


@pytest.mark.parametrize("code", ["TRADE_ERROR", "INVALID_REQUEST", "USERPAYING", "NO_AUTH"])
def test_money_that_was_clearly_not_taken_back_is_paid(run, account, desk, payment, code):
    desk.says(403, {"code": code}).says(200, an_order("SUCCESS"))

    assert isinstance(run(account.payments.close(payment)), Paid)


def test_a_charge_that_never_arrived_can_not_be_taken_back(run, account, desk, payment):
    desk.says(*NOT_THERE).says(*NOT_THERE)

    assert run(account.payments.close(payment)) == NotFound()


def test_too_many_reversals_wait_without_asking(run, account, desk, payment):
    desk.says(429, {"code": "RATELIMIT_EXCEEDED"}, beside={"Retry-After": "30"})

    outcome = run(account.payments.close(payment))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=30)
    assert desk.asked() == [REVERSE]


def test_a_prepaid_order_is_closed_and_never_reversed(run, account, desk):
    desk.says(204, b"").says(200, an_order("CLOSED"))

    run(account.payments.close(a_payment()))

    assert not any("reverse" in each for each in desk.asked())
