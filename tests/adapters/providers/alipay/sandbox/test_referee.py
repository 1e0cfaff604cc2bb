"""The referee: alipay-sdk-python trades with the simulator over real HTTP."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa

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
        return self.asks(request, out_trade_no="T1", total_amount="88.88", subject="一杯茶 & more"[:3])

    def payer(self, action, code_url):
        self.sandbox.post(f"/sandbox/payer/{action}", json={"code_url": code_url}).raise_for_status()

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
    """The SDK writes its host's time where China time belongs."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
