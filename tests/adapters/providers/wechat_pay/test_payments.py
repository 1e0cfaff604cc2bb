"""Orders at WeChat Pay: what each answer means, and what proves nothing."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.answers import ORDER_ANSWERS, Next
from adapters.providers.wechat_pay.config import AppIds
from domain.errors import InvalidRequest
from domain.method import TERMS, ActionType, Method, Provider
from domain.money import Money
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    NotFound,
    Paid,
    Payee,
    Unknown,
)
from tests.adapters.providers.wechat_pay.desk import (
    APPID,
    KEY_ID,
    MCHID,
    NOW,
    ORDER_NO,
    Desk,
    a_payment,
    an_order,
    config,
    private_key,
    signature_headers,
)

CODE = {"code_url": "weixin://wxpay/bizpayurl?pr=abc"}
UNSIGNED: dict[str, str] = {}
QUERY = f"GET /v3/pay/transactions/out-trade-no/{ORDER_NO}?mchid={MCHID}"
NOT_THERE = (404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"})


def test_a_prepay_is_prepared_once_to_the_last_byte(account):
    payment = a_payment(subject="一杯🍵茶", charged_amount=Money(1))

    prepared = account.payments.prepare(payment)

    assert prepared.payee == Payee(MCHID, APPID)
    assert prepared.action is None
    assert json.loads(prepared.request) == {
        "appid": APPID,
        "mchid": MCHID,
        "description": "一杯茶",
        "out_trade_no": ORDER_NO,
        "time_expire": "2026-03-10T14:00:00+08:00",
        "notify_url": "https://pay.example.com/callbacks/wechat/wechat-main",
        "amount": {"total": 1, "currency": "CNY"},
    }
    assert account.payments.prepare(payment).request == prepared.request


@pytest.mark.parametrize("subject", ["🍵", "\n"])
def test_a_subject_of_which_nothing_can_be_shown_is_refused(account, subject):
    with pytest.raises(InvalidRequest, match="subject"):
        account.payments.prepare(a_payment(subject=subject))


def test_a_long_subject_is_cut(account):
    prepared = account.payments.prepare(a_payment(subject="茶" * 128))

    assert json.loads(prepared.request)["description"] == "茶" * 127


def test_only_methods_with_an_app_id_are_offered(account):
    apps = wechat_pay_account(config(app_ids=AppIds(app="wx1")), Desk(), None)  # type: ignore[arg-type] # no time is asked
    storeless = wechat_pay_account(config(store_out_id=None), Desk(), None)  # type: ignore[arg-type] # likewise

    assert account.methods == {m for m, t in TERMS.items() if t.provider is Provider.WECHAT}
    assert apps.methods == {Method.WECHAT_APP}
    assert account.methods - storeless.methods == {Method.WECHAT_CODE}


def test_the_stored_bytes_are_sent_signed_every_time(run, account, desk):
    desk.says(200, CODE)

    run(account.payments.start(a_payment()))
    run(account.payments.start(a_payment()))

    for request in desk.heard:
        assert (request.method, request.url.path) == ("POST", "/v3/pay/transactions/native")
        assert request.content == b'{"stored":"bytes"}'
        assert request.headers["accept"] == request.headers["content-type"] == "application/json"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["user-agent"]
        assert request.headers["wechatpay-serial"] == KEY_ID
        said = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["authorization"]))
        lines = ["POST", "/v3/pay/transactions/native", said["timestamp"], said["nonce_str"]]
        message = "\n".join([*lines, '{"stored":"bytes"}', ""]).encode()
        private_key("merchant").public_key().verify(
            base64.b64decode(said["signature"]), message, padding.PKCS1v15(), hashes.SHA256()
        )
    assert desk.heard[0].headers["authorization"] != desk.heard[1].headers["authorization"]


def test_a_prepaid_order_shows_its_code_for_as_long_as_it_lasts(run, account, desk):
    desk.says(200, CODE)

    short = run(account.payments.start(a_payment(expires_at=NOW + timedelta(hours=2))))
    long = run(account.payments.start(a_payment(expires_at=NOW + timedelta(hours=3))))

    assert short == AwaitingPayer(Action(ActionType.SHOW_QR_CODE, CODE, None))
    assert long.action.expires_at == NOW + timedelta(hours=2)
    assert short.trace == "REQ-1 200"


LINE_FAULTS = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("silent"),
    httpx.ReadError("cut"),
]


@pytest.mark.parametrize("fault", LINE_FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("question", ["start", "query", "close"])
def test_a_broken_line_tells_us_nothing(run, account, desk, question, fault):
    desk.breaks(fault)

    outcome = run(getattr(account.payments, question)(a_payment()))

    assert isinstance(outcome, Unknown)
    assert type(fault).__name__ in outcome.reason


PROBE = signature_headers(b"") | {"wechatpay-signature": "WECHATPAY/SIGNTEST/abc"}
DOUBTFUL = {
    "unsigned": UNSIGNED,
    "a probe": PROBE,
    "signed over other bytes": signature_headers(b"other"),
    "signed long ago": signature_headers(b"", at=1),
}


@pytest.mark.parametrize("proof", DOUBTFUL)
@pytest.mark.parametrize(
    ("question", "status", "body"),
    [
        ("start", 200, CODE),
        ("query", 200, an_order("SUCCESS")),
        ("query", 200, an_order("CLOSED")),
        ("query", *NOT_THERE),
        ("close", *NOT_THERE),
    ],
)
def test_an_answer_in_doubt_is_unknown(run, account, desk, question, status, body, proof):
    desk.says(status, body, headers=DOUBTFUL[proof])

    assert isinstance(run(getattr(account.payments, question)(a_payment())), Unknown)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"\xff", b"[" * 9999, b'{"code_url":""}'])
@pytest.mark.parametrize("status", [200, 204, 301, 404, 500, 503])
@pytest.mark.parametrize("question", ["start", "query", "close"])
def test_an_unreadable_answer_is_unknown_even_when_signed(
    run, account, desk, question, status, body
):
    desk.says(status, body)

    assert isinstance(run(getattr(account.payments, question)(a_payment())), Unknown)


def test_every_order_code_has_a_consequence_at_the_prepay(run, account, desk):
    seen = set()
    for code, step in ORDER_ANSWERS.items():
        desk.script.clear()
        desk.says(400, {"code": code, "message": "…"}).says(*NOT_THERE)

        outcome = run(account.payments.start(a_payment()))

        seen.add(step)
        assert step is not Next.PAYING, "nobody types a password at a prepay"
        if step in (Next.REFUSED, Next.REFUSED_FOR_NOW, Next.ASK):
            assert isinstance(outcome, Declined), code
            assert outcome.failure.provider_code == code
            assert outcome.failure.retryable is (step is Next.REFUSED_FOR_NOW)
        else:
            assert isinstance(outcome, Unknown), code
    assert seen == set(Next) - {Next.PAYING}


@pytest.mark.parametrize(
    "code", ["ORDERPAID", "ORDER_CLOSED", "OUT_TRADE_NO_USED", "INVALID_REQUEST", "TRADE_ERROR"]
)
@pytest.mark.parametrize(
    ("state", "expected"), [("SUCCESS", Paid), ("CLOSED", Closed), ("NOTPAY", AwaitingPayer)]
)
def test_a_number_in_use_is_asked_about(run, account, desk, code, state, expected):
    desk.says(400, {"code": code}).says(200, an_order(state))

    assert isinstance(run(account.payments.start(a_payment())), expected)
    assert desk.asked()[1] == QUERY


def test_an_unheard_of_code_is_unknown(run, account, desk):
    desk.says(400, {"code": "TEAPOT"})

    assert isinstance(run(account.payments.start(a_payment())), Unknown)


@pytest.mark.parametrize(
    ("status", "proof", "expected"),
    [
        (403, None, Declined),
        (403, UNSIGNED, Declined),  # nothing can have been charged at a prepay
        (403, PROBE, Unknown),
        (500, None, Declined),
        (500, UNSIGNED, Unknown),
    ],
)
def test_who_may_refuse_a_prepay(run, account, desk, status, proof, expected):
    desk.says(status, {"code": "NO_AUTH", "message": "无权限"}, headers=proof)

    assert isinstance(run(account.payments.start(a_payment())), expected)


def test_a_refused_repetition_leaves_the_code_that_the_payer_has(run, account, desk):
    desk.says(403, {"code": "NO_AUTH"})
    shown = a_payment(action=Action(ActionType.SHOW_QR_CODE, CODE))

    assert isinstance(run(account.payments.start(shown)), Unknown)


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
def test_a_paid_order_brings_its_proof(run, account, desk, state):
    promotion = [{"coupon_id": "1", "type": "NOCASH", "amount": 888}, {"type": "CASH", "amount": 1}]
    desk.says(200, an_order(state, promotion_detail=promotion))

    paid = run(account.payments.query(a_payment()))

    assert paid == Paid(
        provider_transaction_id="4200001",
        amount=Money(8888),
        paid_at=datetime(2026, 3, 10, 4, 0, 9, tzinfo=UTC),
        payee=Payee(MCHID, APPID),
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        payer_amount=Money(8000),
        settled_amount=Money(8000),
        refunding=state == "REFUND",
    )
    assert paid.trace == "REQ-1 200"
    assert desk.asked() == [QUERY]


STATES = {
    "NOTPAY": AwaitingPayer(),
    "USERPAYING": AwaitingPayer(),
    "ACCEPT": AwaitingPayer(),
    "CLOSED": Closed(),
    "REVOKED": Closed(),  # nothing was paid; else see the charges
}


@pytest.mark.parametrize("state", STATES)
def test_every_unpaid_state_has_its_meaning(run, account, desk, state):
    desk.says(200, an_order(state))

    assert run(account.payments.query(a_payment())) == STATES[state]


def test_a_bank_that_refused_is_declined(run, account, desk):
    desk.says(200, an_order("PAYERROR"))

    assert isinstance(run(account.payments.query(a_payment())), Declined)


@pytest.mark.parametrize(
    "order",
    [
        an_order("TRANSCENDED"),
        an_order(out_trade_no="d1SOMEBODYELSES"),
        an_order(transaction_id=""),
        an_order(success_time="yesterday"),
        an_order(success_time="2026-03-10T12:00:09"),
        an_order(success_time="0001-01-01T00:00:00+08:00"),
        an_order(amount={"total": 88.88}),
        an_order(amount={"total": "8888"}),
        an_order(amount={"total": 0}),
        an_order(amount={"total": 10**30}),
        {k: v for k, v in an_order().items() if k != "transaction_id"},
        {k: v for k, v in an_order().items() if k != "trade_state"},
    ],
)
def test_an_order_that_makes_no_sense_is_unknown(run, account, desk, order):
    desk.says(200, order)

    assert isinstance(run(account.payments.query(a_payment())), Unknown)


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
def test_an_order_that_wechat_pay_does_not_know(run, account, desk, code):
    desk.says(404, {"code": code})

    outcome = run(account.payments.query(a_payment()))

    assert outcome == NotFound()
    assert outcome.trace == "REQ-1 404 ORDERNOTEXIST"


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "PARAM_ERROR", "RESOURCE_NOT_EXISTS", "TEAPOT"])
def test_a_refused_query_is_unknown(run, account, desk, code):
    desk.says(404, {"code": code})

    assert isinstance(run(account.payments.query(a_payment())), Unknown)


@pytest.mark.parametrize(
    ("state", "expected"), [("CLOSED", Closed), ("NOTPAY", AwaitingPayer), ("SUCCESS", Paid)]
)
@pytest.mark.parametrize(
    ("status", "said"),
    [(204, b""), (400, {"code": "ORDER_CLOSED"}), (403, {"code": "TRADE_ERROR"}), (500, b"")],
)
def test_a_close_is_believed_only_by_the_orders_state(
    run, account, desk, status, said, state, expected
):
    desk.says(status, said).says(200, an_order(state))

    assert isinstance(run(account.payments.close(a_payment())), expected)
    assert desk.asked() == [f"POST /v3/pay/transactions/out-trade-no/{ORDER_NO}/close", QUERY]
    assert json.loads(desk.heard[0].content) == {"mchid": MCHID}
