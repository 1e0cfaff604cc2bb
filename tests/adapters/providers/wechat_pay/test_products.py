"""What each way to pay asks WeChat Pay for, and what it hands to the payer's device."""

import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from wechatpayv3 import SignType, WeChatPay, WeChatPayType

from adapters.providers.wechat_pay.account import wechat_pay_account
from application.ports import Account
from domain.method import ActionType, Method
from domain.outcome import Action, AwaitingPayer, Payee, Unknown
from tests.adapters.providers.wechat_pay.conftest import StandingClock
from tests.adapters.providers.wechat_pay.desk import (
    API_V3_KEY,
    APPID,
    KEY_ID,
    MCHID,
    MINI_APPID,
    NOW,
    OPEN_APPID,
    ORDER_NO,
    Desk,
    a_payment,
    config,
    pem,
    private_key,
    public_pem,
)

OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
PREPAY_ID = "wx10112233445566778899aabbccddee0000"
H5_URL = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=1"
COMMON = {
    "mchid": MCHID,
    "description": "一杯茶",
    "out_trade_no": ORDER_NO,
    "amount": {"total": 8888, "currency": "CNY"},
}
PREPAY = COMMON | {
    "time_expire": "2026-03-10T14:00:00+08:00",
    "notify_url": "https://pay.example.com/callbacks/wechat/wechat-main",
}
OF_ONE_PAYER = {"payer": {"openid": OPENID}}

#: Per method: app id, path, what the request has besides, the payer it needs.
REQUESTS = {
    Method.WECHAT_NATIVE: (APPID, "native", PREPAY, {}),
    Method.WECHAT_JSAPI: (APPID, "jsapi", PREPAY | OF_ONE_PAYER, {"openid": OPENID}),
    Method.WECHAT_MINI_PROGRAM: (MINI_APPID, "jsapi", PREPAY | OF_ONE_PAYER, {"openid": OPENID}),
    Method.WECHAT_APP: (OPEN_APPID, "app", PREPAY, {}),
    Method.WECHAT_H5: (
        APPID,
        "h5",
        PREPAY | {"scene_info": {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}},
        {},
    ),
    Method.WECHAT_CODE: (
        APPID,
        "codepay",
        COMMON
        | {
            "payer": {"auth_code": "134567890123456789"},
            "scene_info": {"device_ip": "203.0.113.7", "store_info": {"out_id": "TEA-7"}},
        },
        {"auth_code": "134567890123456789"},
    ),
}
#: What tells where the payer is may be sent with every prepay.
WITH_ADDRESS = {"scene_info": {"payer_client_ip": "203.0.113.7"}}


@pytest.fixture(scope="session")
def referee() -> WeChatPay:
    """An independent client that signs for the payer's device with the same key."""
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=MCHID,
        private_key=pem(private_key("merchant")),
        cert_serial_no="5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        apiv3_key=API_V3_KEY,
        appid=APPID,
        public_key=public_pem(private_key("public")),
        public_key_id=KEY_ID,
    )


@pytest.mark.parametrize("method", REQUESTS, ids=str)
def test_every_request_is_prepared_once_to_the_last_byte(run, account, desk, method):
    app_id, path, expected, payer = REQUESTS[method]
    payment = a_payment(method=method, payer=payer, client_ip="203.0.113.7")

    prepared = account.payments.prepare(payment)

    assert prepared.payee == Payee(MCHID, app_id)
    assert prepared.action is None
    told = json.loads(prepared.request)
    assert told == WITH_ADDRESS | expected | {"appid": app_id}
    assert account.payments.prepare(payment).request == prepared.request
    payment.request = prepared.request
    desk.says(500, b"")
    run(account.payments.start(payment))
    assert desk.asked() == [f"POST /v3/pay/transactions/{path}"]
    assert desk.heard[0].content == prepared.request


def test_without_an_address_of_the_payer_none_is_sent(account):
    assert "scene_info" not in json.loads(account.payments.prepare(a_payment()).request)


def test_a_store_may_be_named_by_either_side(desk):
    both = config(store_id="1001", store_out_id="TEA-7")
    account = wechat_pay_account(both, desk, StandingClock())
    payment = a_payment(method=Method.WECHAT_CODE, payer={"auth_code": "134567890123456789"})

    told = json.loads(account.payments.prepare(payment).request)

    assert told["scene_info"] == {"store_info": {"id": "1001", "out_id": "TEA-7"}}


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (Method.WECHAT_JSAPI, ActionType.INVOKE_WECHAT_JSAPI),
        (Method.WECHAT_MINI_PROGRAM, ActionType.INVOKE_WECHAT_MINI_PROGRAM),
    ],
)
def test_a_page_and_a_mini_program_get_what_they_hand_on(run, account, desk, referee, method, kind):
    app_id = REQUESTS[method][0]

    action = run(_started(account, desk, method, {"prepay_id": PREPAY_ID}))

    assert action.type is kind
    assert set(action.details) == {"params"}
    params = dict(action.details["params"])
    sign = params.pop("paySign")
    assert params == {
        "appId": app_id,
        "timeStamp": params["timeStamp"],
        "nonceStr": params["nonceStr"],
        "package": f"prepay_id={PREPAY_ID}",
        "signType": "RSA",
    }
    lines = [app_id, params["timeStamp"], params["nonceStr"], f"prepay_id={PREPAY_ID}"]
    assert sign == referee.sign(lines, SignType.RSA_SHA256)
    assert abs(int(params["timeStamp"]) - time.time()) < 60


def test_an_app_gets_what_it_hands_on(run, account, desk, referee):
    action = run(_started(account, desk, Method.WECHAT_APP, {"prepay_id": PREPAY_ID}))

    assert action.type is ActionType.INVOKE_WECHAT_APP
    params = dict(action.details["params"])
    sign = params.pop("sign")
    assert params == {
        "appid": OPEN_APPID,
        "partnerid": MCHID,
        "prepayid": PREPAY_ID,
        "package": "Sign=WXPay",
        "noncestr": params["noncestr"],
        "timestamp": params["timestamp"],
    }
    lines = [OPEN_APPID, params["timestamp"], params["noncestr"], PREPAY_ID]
    assert sign == referee.sign(lines, SignType.RSA_SHA256)
    assert abs(int(params["timestamp"]) - time.time()) < 60


def test_a_repeated_prepay_is_signed_afresh(run, account, desk):
    first = run(_started(account, desk, Method.WECHAT_JSAPI, {"prepay_id": PREPAY_ID}))
    second = run(_started(account, desk, Method.WECHAT_JSAPI, {"prepay_id": PREPAY_ID}))

    assert first.details["params"]["nonceStr"] != second.details["params"]["nonceStr"]


def test_a_browser_is_sent_on_for_five_minutes(run, account, desk):
    action = run(_started(account, desk, Method.WECHAT_H5, {"h5_url": H5_URL}))

    assert action == Action(
        ActionType.REDIRECT, {"url": H5_URL}, expires_at=NOW + timedelta(minutes=5)
    )


def test_a_browser_comes_back_to_the_shop(run, account, desk):
    back = "https://shop.example.com/茶?order=1&paid=maybe#end"

    action = run(_started(account, desk, Method.WECHAT_H5, {"h5_url": H5_URL}, return_url=back))

    assert action.details["url"].startswith(f"{H5_URL}&redirect_url=https%3A%2F%2Fshop")
    assert parse_qs(urlsplit(action.details["url"]).query)["redirect_url"] == [back]


def test_a_browser_must_say_where_it_comes_from(run, desk):
    account = wechat_pay_account(config(h5_domain="pay.example.com"), desk, StandingClock())

    action = run(_started(account, desk, Method.WECHAT_H5, {"h5_url": H5_URL}))

    assert action.details == {"url": H5_URL, "referer_host": "pay.example.com"}


@pytest.mark.parametrize("method", [Method.WECHAT_JSAPI, Method.WECHAT_APP])
def test_a_session_lasts_two_hours(run, account, desk, method):
    later = NOW + timedelta(hours=3)

    action = run(_started(account, desk, method, {"prepay_id": PREPAY_ID}, expires_at=later))

    assert action.expires_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        (Method.WECHAT_JSAPI, {"prepay_id": ""}),
        (Method.WECHAT_JSAPI, {"prepay_id": "wx1\npay"}),
        (Method.WECHAT_JSAPI, {"code_url": "weixin://wxpay/x"}),
        (Method.WECHAT_APP, {"prepay_id": None}),
        (Method.WECHAT_H5, {"h5_url": "javascript:alert(1)"}),
        (Method.WECHAT_H5, {"prepay_id": PREPAY_ID}),
    ],
)
def test_an_answer_without_what_the_method_needs_is_unknown(run, account, desk, method, body):
    desk.says(200, body)
    payment = a_payment(method=method, payee=Payee(MCHID, APPID))

    assert isinstance(run(account.payments.start(payment)), Unknown)


async def _started(
    account: Account, desk: Desk, method: Method, body: dict[str, str], **changes: object
) -> Action:
    desk.says(200, body)
    payee = Payee(MCHID, REQUESTS[method][0])
    outcome = await account.payments.start(a_payment(method=method, payee=payee, **changes))
    assert isinstance(outcome, AwaitingPayer)
    assert outcome.action is not None
    return outcome.action
