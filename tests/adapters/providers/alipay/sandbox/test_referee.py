"""The referee: alipay-sdk-python trades with the simulator over real HTTP."""

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import rsa
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.request.AlipayTradeCancelRequest import AlipayTradeCancelRequest
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox


@dataclass
class Referee:
    """The SDK with the credentials the simulator handed out, and the tester's controls."""

    sandbox: httpx.Client
    client: DefaultAlipayClient
    credentials: dict[str, str]

    def asks(self, request, **content):
        """The SDK's own answer: it has verified the signature, or raised."""
        request.biz_content = content
        return json.loads(self.client.execute(request))

    def orders(self, notify_url=None):
        request = AlipayTradePrecreateRequest()
        request.notify_url = notify_url
        return self.asks(request, out_trade_no="T1", total_amount="88.88", subject="一杯茶")

    def payer(self, action, code_url):
        self.sandbox.post(
            f"/sandbox/payer/{action}", json={"code_url": code_url}
        ).raise_for_status()

    def has_sold(self, notify_url=None):
        self.payer("pay", self.orders(notify_url)["qr_code"])


@pytest.fixture
def referee(serve, sandbox_keys, china_time, sdk_finds_the_port):
    app = create_sandbox(
        environment="test", clock=MovableClock(), providers=[AlipaySandbox], keys=sandbox_keys
    )
    with httpx.Client(base_url=serve(app), trust_env=False) as sandbox:
        credentials = sandbox.get("/sandbox/credentials").json()["alipay"]
        config = AlipayClientConfig()
        config.server_url = credentials["gateway_url"]
        config.app_id = credentials["app_id"]
        config.app_private_key = pkcs1(credentials["private_key"])
        config.alipay_public_key = credentials["alipay_public_key"]
        yield Referee(sandbox, DefaultAlipayClient(config), credentials)


@pytest.fixture
def sdk_finds_the_port(monkeypatch):
    """The SDK connects to 80 or 443 whatever its gateway URL says; send it where the URL points."""

    def connect(url, query_string, timeout):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        return f"{parts.path}?{query_string}", connection

    monkeypatch.setattr(WebUtils, "get_http_connection", connect)


@pytest.fixture
def china_time(monkeypatch):
    """The SDK writes its host's time where China time belongs, so the host moves to China."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        yield
    time.tzset()


def pkcs1(pem):
    """The SDK reads its private key in the older form only."""
    key = load_pem_private_key(pem.encode(), password=None)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def test_the_sdk_orders_and_sees_the_payer_scan_and_pay(referee):
    code_url = referee.orders()["qr_code"]

    before = referee.asks(AlipayTradeQueryRequest(), out_trade_no="T1")
    referee.payer("scan", code_url)
    scanned = referee.asks(AlipayTradeQueryRequest(), out_trade_no="T1")
    referee.payer("pay", code_url)
    paid = referee.asks(AlipayTradeQueryRequest(), trade_no=scanned["trade_no"])

    assert before["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert scanned["trade_status"] == "WAIT_BUYER_PAY"
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "88.88")


def test_the_sdk_closes_what_waits(referee):
    referee.payer("scan", referee.orders()["qr_code"])

    closed = referee.asks(AlipayTradeCloseRequest(), out_trade_no="T1")

    assert closed["code"] == "10000"
    told = referee.asks(AlipayTradeQueryRequest(), out_trade_no="T1")
    assert told["trade_status"] == "TRADE_CLOSED"


def test_the_sdk_cancels_what_was_paid(referee):
    referee.has_sold()

    cancelled = referee.asks(AlipayTradeCancelRequest(), out_trade_no="T1")

    assert (cancelled["action"], cancelled["retry_flag"]) == ("refund", "N")


def test_the_sdk_refunds_and_asks_what_became_of_it(referee):
    referee.has_sold()
    number = {"out_trade_no": "T1", "out_request_no": "R1"}

    refund = referee.asks(AlipayTradeRefundRequest(), **number, refund_amount="5.00")
    again = referee.asks(AlipayTradeRefundRequest(), **number, refund_amount="5.00")
    told = referee.asks(AlipayTradeFastpayRefundQueryRequest(), **number)

    assert (refund["fund_change"], again["fund_change"]) == ("Y", "N")
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "5.00")


def test_the_sdk_refuses_an_answer_with_another_signature(referee):
    referee.sandbox.post("/sandbox/faults", json={"kind": "bad_signature"}).raise_for_status()

    with pytest.raises(ResponseException, match="verify failed"):
        referee.orders()


def test_the_sdk_finds_no_signature_under_the_refusal_of_a_stranger(referee):
    referee.client._DefaultAlipayClient__config.app_id = "2021999999999999"

    with pytest.raises(ResponseException, match=r"isv\.invalid-app-id"):
        referee.orders()


def test_the_sdk_is_told_when_it_signs_with_the_wrong_key(referee, sandbox_keys):
    wrong = pkcs1(sandbox_keys.private_pem("alipay-stranger"))
    referee.client._DefaultAlipayClient__config.app_private_key = wrong

    assert referee.orders()["sub_code"] == "isv.invalid-signature"


def test_the_sdk_verifies_the_notices_that_really_arrive(referee, merchant):
    referee.has_sold(merchant.url)
    number = {"out_trade_no": "T1", "out_request_no": "R1"}
    referee.asks(AlipayTradeRefundRequest(), **number, refund_amount="5.00")

    notices = [read_notice(referee, body) for _, body in merchant.waits_for(2)]

    assert {notice.get("refund_fee") for notice in notices} == {None, "5.00"}
    assert {notice["trade_status"] for notice in notices} == {"TRADE_SUCCESS"}


def test_the_sdk_does_not_verify_a_strangers_notice(referee, merchant):
    forged = {"kind": "callback_forged"}
    referee.sandbox.post("/sandbox/faults", json=forged).raise_for_status()
    referee.has_sold(merchant.url)

    (_, stranger), (_, genuine) = merchant.waits_for(2)

    with pytest.raises(rsa.VerificationError):
        read_notice(referee, stranger)
    assert read_notice(referee, genuine)["trade_status"] == "TRADE_SUCCESS"


def read_notice(referee, body):
    """Verify as a merchant with this SDK does: everything but sign and sign_type."""
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = {name: v for name, v in fields.items() if name not in {"sign", "sign_type"}}
    content = get_sign_content(signed).encode()
    assert verify_with_rsa(referee.credentials["alipay_public_key"], content, fields["sign"])
    return fields
