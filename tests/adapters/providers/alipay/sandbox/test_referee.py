"""The referee: alipay-sdk-python trades with the simulator over real HTTP."""

import base64
import csv
import hashlib
import http.client
import io
import json
import time
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import rsa
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest,
)
from alipay.aop.api.request.AlipayOpenAppAlipaycertDownloadRequest import (
    AlipayOpenAppAlipaycertDownloadRequest,
)
from alipay.aop.api.request.AlipayTradeAppPayRequest import AlipayTradeAppPayRequest
from alipay.aop.api.request.AlipayTradeCancelRequest import AlipayTradeCancelRequest
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeCreateRequest import AlipayTradeCreateRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradePayRequest import AlipayTradePayRequest
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing

CHINA = timezone(timedelta(hours=8))


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

    def link(self, request, product_code, notify_url=None, **content):
        """A request for a browser or an app, filled in and not sent anywhere yet."""
        request.notify_url = notify_url
        order = {"out_trade_no": "T1", "total_amount": "88.88", "subject": "一杯茶"}
        request.biz_content = {**order, "product_code": product_code, **content}
        return request

    def charges(self, auth_code, amount="88.88", notify_url=None):
        request = AlipayTradePayRequest()
        request.notify_url = notify_url
        order = {"out_trade_no": "T1", "total_amount": amount, "subject": "一杯茶"}
        return self.asks(request, **order, auth_code=auth_code, scene="bar_code")

    def queries(self):
        return self.asks(AlipayTradeQueryRequest(), out_trade_no="T1")

    def passes(self, **span):
        """Let so much business time pass, over midnight if it is less than nothing."""
        seconds = timedelta(**span) % timedelta(days=1) or timedelta(**span)
        move = {"advance_seconds": seconds.total_seconds()}
        moved = self.sandbox.post("/sandbox/clock", json=move).raise_for_status()
        return datetime.fromisoformat(moved.json()["now"]).astimezone(CHINA)

    def payer(self, action, code_url):
        self.sandbox.post(
            f"/sandbox/payer/{action}", json={"code_url": code_url}
        ).raise_for_status()

    def has_sold(self, notify_url=None):
        self.payer("pay", self.orders(notify_url)["qr_code"])


@pytest.fixture
def referee_with(serve, china_time, sdk_finds_the_port):
    """Start a simulator with these keys and call the referee."""
    with ExitStack() as opened:
        yield lambda keys: called(opened.enter_context(simulator(serve, keys)))


@pytest.fixture
def referee(referee_with, sandbox_keys):
    return referee_with(sandbox_keys)


def simulator(serve, keys):
    app = create_sandbox(
        environment="test", clock=MovableClock(), providers=[AlipaySandbox], keys=keys
    )
    return httpx.Client(base_url=serve(app), trust_env=False)


def called(sandbox):
    credentials = sandbox.get("/sandbox/credentials").json()["alipay"]
    config = AlipayClientConfig()
    config.server_url = credentials["gateway_url"]
    config.app_id = credentials["app_id"]
    config.app_private_key = pkcs1(credentials["private_key"])
    config.alipay_public_key = credentials["alipay_public_key"]
    return Referee(sandbox, DefaultAlipayClient(config), credentials)


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


def test_the_link_the_sdk_makes_for_a_computer_leads_to_the_cashier_and_back(referee, merchant):
    request = referee.link(AlipayTradePagePayRequest(), "FAST_INSTANT_TRADE_PAY", merchant.url)
    request.return_url = "http://127.0.0.1:9/thanks"
    url = referee.client.page_execute(request, http_method="GET")

    before = referee.queries()
    cashier = referee.sandbox.get(url).headers["location"]
    opened = referee.queries()
    paid = referee.sandbox.post(cashier, data={"out_trade_no": "T1", "action": "pay"})

    assert before["sub_code"] == opened["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert referee.queries()["trade_status"] == "TRADE_SUCCESS"
    back = urlsplit(paid.headers["location"]).query
    assert read_notice(referee, back.encode())["method"] == "alipay.trade.page.pay.return"
    ((_, notice),) = merchant.waits_for(1)
    assert read_notice(referee, notice)["trade_status"] == "TRADE_SUCCESS"


def test_the_form_the_sdk_makes_for_a_phone_is_taken_as_a_browser_sends_it(referee):
    form = referee.client.page_execute(referee.link(AlipayTradeWapPayRequest(), "QUICK_WAP_WAY"))
    action, fields = read_form(form)

    answer = referee.sandbox.post(action, data=fields)

    assert (answer.status_code, answer.headers["location"]) == (
        302, "/alipay/cashier?out_trade_no=T1",
    )  # fmt: skip
    assert "一杯茶" in referee.sandbox.get(answer.headers["location"]).text


def test_a_payer_may_be_played_with_the_sdks_link_or_order_string_alone(referee):
    app = referee.link(AlipayTradeAppPayRequest(), "QUICK_MSECURITY_PAY")
    page = referee.link(AlipayTradePagePayRequest(), "FAST_INSTANT_TRADE_PAY", out_trade_no="T2")

    referee.payer("scan", referee.client.sdk_execute(app))
    referee.payer("pay", referee.client.page_execute(page, http_method="GET"))

    assert referee.queries()["trade_status"] == "WAIT_BUYER_PAY"
    paid = referee.asks(AlipayTradeQueryRequest(), out_trade_no="T2")
    assert paid["trade_status"] == "TRADE_SUCCESS"


def test_a_payer_with_a_spoilt_order_string_is_told_so(referee):
    request = referee.link(AlipayTradeAppPayRequest(), "QUICK_MSECURITY_PAY")
    spoilt = referee.client.sdk_execute(request).replace("88.88", "00.01")

    refusal = referee.sandbox.post("/sandbox/payer/pay", json={"code_url": spoilt})

    assert refusal.status_code == 409
    assert "invalid-signature" in refusal.text


def test_the_sdk_creates_a_trade_for_one_payer(referee):
    order = {"out_trade_no": "T1", "total_amount": "88.88", "subject": "一杯茶"}
    buyer = {"buyer_open_id": "074a1", "product_code": "JSAPI_PAY", "op_app_id": "2021000000000009"}

    made = referee.asks(AlipayTradeCreateRequest(), **order, **buyer)
    waiting = referee.queries()
    referee.payer("pay", made["trade_no"])

    assert (waiting["trade_status"], waiting["buyer_open_id"]) == ("WAIT_BUYER_PAY", "074a1")
    assert referee.queries()["trade_status"] == "TRADE_SUCCESS"


def test_the_sdk_charges_a_payment_code(referee, merchant):
    paid = referee.charges("285000000000000000", notify_url=merchant.url)

    assert (paid["code"], paid["receipt_amount"]) == ("10000", "88.88")
    ((_, notice),) = merchant.waits_for(1)
    assert read_notice(referee, notice)["trade_status"] == "TRADE_SUCCESS"


def test_the_sdk_waits_for_the_password_and_cancels(referee):
    asked = referee.charges("285000000000000001")

    cancelled = referee.asks(AlipayTradeCancelRequest(), out_trade_no="T1")

    assert (asked["code"], cancelled["action"]) == ("10003", "close")
    assert referee.queries()["trade_status"] == "TRADE_CLOSED"


def test_the_sdk_does_not_know_whether_it_charged_and_asks(referee):
    fault = {"kind": "error", "code": "20000", "operation": "charge", "effect": True}
    referee.sandbox.post("/sandbox/faults", json=fault).raise_for_status()

    unknown = referee.charges("285000000000000000")

    assert unknown["code"] == "20000"
    assert referee.queries()["trade_status"] == "TRADE_SUCCESS"


def test_the_sdk_charges_nobody_without_money(referee):
    refusal = referee.charges("285000000000000002")

    assert refusal["sub_code"] == "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    assert referee.queries()["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_the_sdk_verifies_the_notice_of_a_refund_on_the_merchants_site(referee, merchant):
    referee.has_sold(merchant.url)
    site = {"provider_order_no": "T1", "provider_refund_no": "site1", "amount": 500}

    referee.sandbox.post("/sandbox/merchant/refund", json=site).raise_for_status()

    notices = [read_notice(referee, body) for _, body in merchant.waits_for(2)]
    (refund,) = [notice for notice in notices if "gmt_refund" in notice]
    assert (refund["out_biz_no"], refund["refund_fee"]) == ("site1", "5.00")


@pytest.mark.parametrize(
    ("bill_type", "told"), [("trade", ["88.88", "-5.00"]), ("signcustomer", ["88.88", "0.03"])]
)
def test_the_sdk_finds_the_days_bills(referee, bill_type, told):
    """It knows the link; what the zip holds is read with nothing but the standard library."""
    noon = referee.passes(hours=12 - referee.passes().hour)
    referee.has_sold()
    number = {"out_trade_no": "T1", "out_request_no": "R1"}
    referee.asks(AlipayTradeRefundRequest(), **number, refund_amount="5.00")
    referee.passes(days=1)

    answer = referee.asks(
        AlipayDataDataserviceBillDownloadurlQueryRequest(),
        bill_type=bill_type,
        bill_date=f"{noon:%Y-%m-%d}",
    )

    packed = httpx.get(answer["bill_download_url"], trust_env=False).content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        lines = archive.read(archive.namelist()[0]).decode("gbk").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    amounts = [row.get("订单金额（元）") or row.get("收入金额（+元）") for row in rows]
    assert [amount for amount in amounts if amount != "0.00"] == told


def test_the_sdk_fetches_the_certificate_that_is_announced(referee_with):
    referee = referee_with(KeyRing())  # of its own: a turn of shared keys would meet all tests
    turn = {"provider": "alipay", "step": "announce_certificate"}
    referee.sandbox.post("/sandbox/keys", json=turn).raise_for_status()
    announced = referee.sandbox.get("/sandbox/credentials").json()["alipay"]
    certificate = announced["next_alipay_certificate"]

    answer = referee.asks(
        AlipayOpenAppAlipaycertDownloadRequest(), alipay_cert_sn=number_of(certificate)
    )

    assert base64.b64decode(answer["alipay_cert_content"]).decode() == certificate


def test_the_sdk_signs_and_verifies_with_certificates_too(referee):
    """It knows no certificate mode; its own functions make and check what that mode adds."""
    request = AlipayTradeQueryRequest()
    request.biz_content = {"out_trade_no": "T1"}
    roots = load_pem_x509_certificates(referee.credentials["alipay_root_certificate"].encode())
    request.udf_params = {
        "app_cert_sn": number_of(referee.credentials["app_certificate"]),
        "alipay_root_cert_sn": f"{number(roots[1])}_{number(roots[3])}",
    }
    signed = referee.client.sdk_execute(request)

    body = referee.sandbox.post(f"/gateway.do?{signed}").content

    content, _, tail = body.partition(b',"alipay_cert_sn":"')
    serial, _, signature = tail.removesuffix(b'"}').partition(b'","sign":"')
    node = content.removeprefix(b'{"alipay_trade_query_response":')
    assert json.loads(node)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert serial.decode() == number_of(referee.credentials["alipay_certificate"])
    assert verify_with_rsa(referee.credentials["alipay_public_key"], node, signature)


def number_of(pem):
    return number(load_pem_x509_certificate(pem.encode()))


def number(certificate):
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def read_form(form):
    """What a browser would send of a form: where to, and the fields."""
    targets, fields = [], {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            given = dict(attributes)
            if tag == "form":
                targets.append(given["action"])
            elif "name" in given:
                fields[given["name"]] = given["value"]

    Reader().feed(form)
    (target,) = targets
    return target, fields


def read_notice(referee, body):
    """Verify as a merchant with this SDK does: everything but sign and sign_type."""
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = {name: v for name, v in fields.items() if name not in {"sign", "sign_type"}}
    content = get_sign_content(signed).encode()
    assert verify_with_rsa(referee.credentials["alipay_public_key"], content, fields["sign"])
    return fields
