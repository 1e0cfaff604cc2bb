"""Every way to pay: what is stored, and what the front end is given."""

import json
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay.aop.api import DefaultAlipayClient
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.request.AlipayTradeAppPayRequest import AlipayTradeAppPayRequest
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest

from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.client import Client
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.payments import AlipayPayments
from domain.errors import InvalidRequest
from domain.method import TERMS, ActionType, Method, Provider
from domain.money import Money
from domain.outcome import Action, AwaitingPayer, Payee, Unknown
from tests.adapters.providers.alipay.desk import (
    APP_ID,
    AUTH_CODE,
    BUYER_ID,
    BUYER_OPEN_ID,
    NOW,
    ORDER_NO,
    SELLER_ID,
    TRADE_NO,
    a_charge,
    a_payment,
    a_trade,
    bare_private,
    config,
)

RETURN_URL = "https://shop.example.com/done?order=SO-1&x=茶"
IP = "203.0.113.7"
WALL = 1768442400.9  # 2026-01-15 10:00:00 in China
BUILT = [m for m, terms in TERMS.items() if terms.provider is Provider.ALIPAY and terms.built_here]

ORDER = {
    "out_trade_no": ORDER_NO,
    "total_amount": "0.01",
    "subject": "茶 水 a b",
    "time_expire": "2026-01-15 12:00:00",
}
SELLER = {"seller_id": SELLER_ID}
SEEN = {"mc_create_trade_ip": IP}
SEEN_AS_TEXT = {"business_params": json.dumps(SEEN, separators=(",", ":"))}

CONTENTS = {
    Method.ALIPAY_QR: {
        **ORDER,
        **SELLER,
        "business_params": SEEN,
        "product_code": "FACE_TO_FACE_PAYMENT",
    },
    Method.ALIPAY_PAGE: {**ORDER, **SEEN_AS_TEXT, "product_code": "FAST_INSTANT_TRADE_PAY"},
    Method.ALIPAY_WAP: {**ORDER, **SELLER, **SEEN_AS_TEXT, "product_code": "QUICK_WAP_WAY"},
    Method.ALIPAY_APP: {**ORDER, **SELLER, **SEEN_AS_TEXT, "product_code": "QUICK_MSECURITY_PAY"},
    Method.ALIPAY_JSAPI: {
        **ORDER,
        **SELLER,
        "business_params": SEEN,
        "product_code": "JSAPI_PAY",
        "op_app_id": APP_ID,
        "buyer_id": BUYER_ID,
    },
    Method.ALIPAY_CODE: {
        **ORDER,
        **SELLER,
        "business_params": SEEN,
        "product_code": "FACE_TO_FACE_PAYMENT",
        "scene": "bar_code",
        "auth_code": AUTH_CODE,
    },
}
PAYERS = {
    Method.ALIPAY_JSAPI: {"buyer_id": BUYER_ID},
    Method.ALIPAY_CODE: {"auth_code": AUTH_CODE},
}


def an_order(method, **changes):
    facts = {
        "method": method,
        "subject": "茶/水 & 🍵 a=b",
        "charged_amount": Money(1),
        "payer": PAYERS.get(method, {}),
        "client_ip": IP,
        "return_url": RETURN_URL,
    }
    return a_payment(**facts | changes)


@pytest.fixture
def payments(desk, clock):
    """Alipay's payments at a wall time that stands still."""
    return AlipayPayments(config(), Client(config(), KEYS, desk, wall=lambda: WALL), clock)


KEYS = Keys.load(config())


def test_every_method_of_alipay_is_offered(account):
    assert account.methods == {m for m, terms in TERMS.items() if terms.provider is Provider.ALIPAY}
    assert account.methods == CONTENTS.keys()


@pytest.mark.parametrize("method", CONTENTS)
def test_an_order_is_prepared_once_to_the_last_byte(account, method):
    prepared = account.payments.prepare(an_order(method))

    assert prepared.payee == Payee(SELLER_ID, APP_ID)
    assert json.loads(prepared.request) == CONTENTS[method]
    assert account.payments.prepare(an_order(method)).request == prepared.request


@pytest.mark.parametrize("method", CONTENTS)
def test_only_what_needs_no_call_has_its_action_at_once(account, desk, method):
    prepared = account.payments.prepare(an_order(method))

    assert (prepared.action is not None) is TERMS[method].built_here
    assert not desk.heard


@pytest.mark.parametrize("method", CONTENTS)
def test_a_subject_of_which_nothing_remains_is_refused(account, method):
    for subject in ("🍵", " / "):
        with pytest.raises(InvalidRequest, match="subject"):
            account.payments.prepare(an_order(method, subject=subject))
    long = account.payments.prepare(an_order(method, subject="茶" * 257))
    assert json.loads(long.request)["subject"] == "茶" * 256


def test_a_payer_may_be_known_by_another_name(account):
    payment = an_order(Method.ALIPAY_JSAPI, payer={"buyer_open_id": BUYER_OPEN_ID})

    content = json.loads(account.payments.prepare(payment).request)

    assert content["buyer_open_id"] == BUYER_OPEN_ID
    assert "buyer_id" not in content


def test_the_accounts_contracts_name_products_and_mini_program(desk, clock):
    settings = config(
        jsapi_app_id="2021999", qr_product_code="QR_CODE_OFFLINE", code_product_code="OFFLINE_PAY"
    )
    account = alipay_account(settings, desk, clock)

    def content(method):
        return json.loads(account.payments.prepare(an_order(method)).request)

    assert content(Method.ALIPAY_JSAPI)["op_app_id"] == "2021999"
    assert content(Method.ALIPAY_QR)["product_code"] == "QR_CODE_OFFLINE"
    assert content(Method.ALIPAY_CODE)["product_code"] == "OFFLINE_PAY"


def test_a_charge_has_a_deadline_that_alipay_accepts(account):
    """At least a minute ahead: it is taken back long before."""
    content = json.loads(account.payments.prepare(a_charge()).request)

    assert content["time_expire"] == "2026-01-15 10:02:00"


@pytest.mark.parametrize("method", [Method.ALIPAY_PAGE, Method.ALIPAY_WAP])
def test_an_address_too_long_to_return_to_is_refused(account, method):
    long = "https://shop.example.com/" + "x" * 256

    with pytest.raises(InvalidRequest, match="return_url"):
        account.payments.prepare(an_order(method, return_url=long))


# What the front end is given


def link_of(account, payment):
    action = account.prepare(payment).action
    assert action is not None
    return action


def carried(action: Action) -> dict[str, str]:
    """The parameters that the payer carries to the gateway."""
    query = action.details.get("order_string") or urlsplit(str(action.details["url"])).query
    return dict(parse_qsl(str(query), strict_parsing=True))


@pytest.mark.parametrize("method", BUILT)
def test_a_link_carries_the_order_to_the_gateway(payments, method):
    action = link_of(payments, an_order(method))

    told = carried(action)
    returns = {} if method is Method.ALIPAY_APP else {"return_url": RETURN_URL}
    assert action.type is TERMS[method].action
    assert told.pop("sign")
    assert json.loads(told.pop("biz_content")) == CONTENTS[method]
    assert told == {
        "app_id": APP_ID,
        "method": f"alipay.trade.{method.removeprefix('alipay_')}.pay",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-01-15 10:00:00",
        "version": "1.0",
        "notify_url": config().notify_url,
        **returns,
    }


@pytest.mark.parametrize("method", [Method.ALIPAY_PAGE, Method.ALIPAY_WAP])
def test_a_page_without_a_way_back_names_none(payments, method):
    assert "return_url" not in carried(link_of(payments, an_order(method, return_url=None)))


@pytest.mark.parametrize("method", [Method.ALIPAY_PAGE, Method.ALIPAY_WAP])
def test_a_redirect_goes_to_the_gateway(payments, method):
    url = link_of(payments, an_order(method)).details["url"]

    assert url.startswith("https://alipay.test/gateway.do?app_id=")


@pytest.mark.parametrize("method", BUILT)
def test_a_link_grows_stale_and_is_made_anew_without_a_call(run, account, desk, clock, method):
    payment = an_order(method)
    prepared = account.payments.prepare(payment)
    payment.request, payment.action = prepared.request, prepared.action
    clock.at = NOW + timedelta(minutes=20)

    renewed = run(account.payments.start(payment)).action

    assert prepared.action.expires_at == NOW + timedelta(minutes=10)
    assert renewed.expires_at == NOW + timedelta(minutes=30)
    assert carried(renewed)["biz_content"] == payment.request.decode()
    assert not desk.heard


def test_how_long_a_link_lasts_is_a_setting(desk, clock):
    account = alipay_account(config(link_seconds=60), desk, clock)

    action = link_of(account.payments, an_order(Method.ALIPAY_PAGE))

    assert action.expires_at == NOW + timedelta(minutes=1)


def test_a_link_outlives_no_order(account):
    soon = an_order(Method.ALIPAY_WAP, expires_at=NOW + timedelta(minutes=9))

    assert link_of(account.payments, soon).expires_at is None


REFEREE = {
    Method.ALIPAY_PAGE: AlipayTradePagePayRequest,
    Method.ALIPAY_WAP: AlipayTradeWapPayRequest,
    Method.ALIPAY_APP: AlipayTradeAppPayRequest,
}


class Stopped(datetime):
    """The referee reads the host's time."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 15, 10, 0, 0, tzinfo=tz)


@pytest.mark.parametrize("method", REFEREE)
def test_the_referee_signs_the_same_order_alike(payments, monkeypatch, method):
    """PKCS#1 signatures are the same each time: equal signatures are equal signed texts."""
    prepared = payments.prepare(an_order(method))
    monkeypatch.setattr(DefaultAlipayClient.datetime, "datetime", Stopped)
    request = REFEREE[method]()
    request.notify_url, request.return_url = config().notify_url, None
    if method is not Method.ALIPAY_APP:
        request.return_url = RETURN_URL
    request.get_params = with_content(request, prepared.request.decode())

    client = referee()
    execute = client.sdk_execute if method is Method.ALIPAY_APP else client.page_execute
    more = {} if method is Method.ALIPAY_APP else {"http_method": "GET"}
    theirs = dict(parse_qsl(execute(request, **more).rpartition("?")[2]))

    assert carried(prepared.action) == theirs


def referee():
    settings = AlipayClientConfig()
    settings.server_url, settings.app_id = config().gateway_url, APP_ID
    settings.app_private_key = bare_private("app", pkcs1=True)
    settings.format = "JSON"
    return DefaultAlipayClient.DefaultAlipayClient(settings)


def with_content(request, text):
    """The referee would write the business content in its own way; here it signs our bytes."""
    original = request.get_params
    request.biz_content = {"any": "thing"}
    return lambda: original() | {"biz_content": text}


# A trade inside Alipay's app

CREATED = {"code": "10000", "msg": "Success", "out_trade_no": ORDER_NO, "trade_no": TRADE_NO}
OPENED = Action(ActionType.INVOKE_ALIPAY_JSAPI, {"trade_no": TRADE_NO})


def test_a_created_trade_is_opened_by_its_number(run, account, desk):
    desk.says(CREATED)

    outcome = run(account.payments.start(an_order(Method.ALIPAY_JSAPI)))

    assert outcome == AwaitingPayer(OPENED)
    assert desk.asked() == ["alipay.trade.create"]
    assert desk.heard[0].url.params["notify_url"] == config().notify_url


@pytest.mark.parametrize("change", [{"out_trade_no": "d1OTHER"}, {"trade_no": ""}])
def test_a_trade_that_is_not_this_orders_is_unknown(run, account, desk, change):
    desk.says(CREATED | change)

    assert isinstance(run(account.payments.start(an_order(Method.ALIPAY_JSAPI))), Unknown)


def test_a_lost_answer_loses_no_trade(run, account, desk):
    desk.says(a_trade("WAIT_BUYER_PAY"))

    outcome = run(account.payments.query(an_order(Method.ALIPAY_JSAPI)))

    assert outcome == AwaitingPayer(OPENED)
    assert run(account.payments.query(an_order(Method.ALIPAY_PAGE))) == AwaitingPayer()


def test_a_number_in_use_leads_to_its_trade(run, account, desk):
    desk.refuses("ACQ.CONTEXT_INCONSISTENT").says(a_trade("WAIT_BUYER_PAY"))

    outcome = run(account.payments.start(an_order(Method.ALIPAY_JSAPI)))

    assert outcome == AwaitingPayer(OPENED)
