"""A merchant's shop that trades with the pretended Alipay, directly or over real HTTP."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.faults import Faults
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import Answer, Call, PayerAction, World

APP_ID = "2021000000000001"
NOTIFY_URL = "http://127.0.0.1:9/notify"


class Shop:
    """Signs as an app does, with its own few lines, and reads answers as plain dictionaries."""

    def __init__(self, keys: KeyRing, rules: AlipayRules | None = None) -> None:
        self.keys = keys
        self.key = keys.key("alipay-app")
        opened_at = datetime.now(UTC)
        self.clock = MovableClock(wall=lambda: opened_at)  # it moves by `passes` alone
        self.book = Book()
        self.faults = Faults({"alipay": frozenset()})
        self.world = World(self.clock, self.book, keys, self.faults)
        self.alipay = AlipaySandbox(self.world, rules=rules)

    def parameters(self, method: str, content: Any, /, **common: str) -> dict[str, str]:
        """All parameters but the signature; an empty value in `common` takes one away."""
        china = datetime.now(UTC).astimezone(timezone(timedelta(hours=8)))
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        every = {
            "app_id": APP_ID,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": china.strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": text,
            **common,
        }
        return {name: value for name, value in every.items() if value}

    def signed(self, parameters: dict[str, str], *, codec: str = "utf-8") -> dict[str, str]:
        text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
        signature = self.key.sign(text.encode(codec), PKCS1v15(), SHA256())
        return {**parameters, "sign": base64.b64encode(signature).decode()}

    def send(
        self, parameters: dict[str, str], *, struck: Any = None, codec: str = "utf-8"
    ) -> bytes:
        """Common parameters in the query, biz_content alone in the body; the raw answer."""
        query = {name: v for name, v in parameters.items() if name != "biz_content"}
        body = {name: v for name, v in parameters.items() if name == "biz_content"}
        call = Call(
            method="POST",
            target="/gateway.do?" + urlencode(query, encoding=codec),
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(body, encoding=codec).encode(),
        )
        self.alipay.pass_time()
        return self.alipay.answer(call, struck or {}).body

    def ask(self, method: str, content: Any, *, struck: Any = None, **common: str) -> Any:
        """One signed call; the node of its answer."""
        parameters = self.signed(self.parameters(f"alipay.trade.{method}", content, **common))
        return node(self.send(parameters, struck=struck))

    def orders(self, number: str = "T1", amount: str = "88.88", **content: Any) -> Any:
        """Ask for a code."""
        wanted = {"out_trade_no": number, "total_amount": amount, "subject": "茶", **content}
        return self.ask("precreate", wanted, notify_url=NOTIFY_URL)

    def china_time(self, **ahead: float) -> str:
        """So far from now, as Alipay writes it."""
        china = self.clock.now().astimezone(timezone(timedelta(hours=8)))
        return (china + timedelta(**ahead)).strftime("%Y-%m-%d %H:%M:%S")

    def payer(self, action: str, number: str = "T1") -> None:
        self.alipay.pass_time()
        order = self.book.order("alipay", number)
        assert order is not None
        self.alipay.payer_acts(order, PayerAction(action))

    def sells(self, number: str = "T1", amount: str = "88.88") -> None:
        """An order, scanned and paid."""
        self.orders(number, amount)
        self.payer("pay", number)

    def finds_bill(self, day: object, kind: str = "trade", **struck: Any) -> Any:
        """Ask for the link to a day's bill; the node of the answer."""
        method = "alipay.data.dataservice.bill.downloadurl.query"
        parameters = self.parameters(method, {"bill_type": kind, "bill_date": f"{day}"})
        return node(self.send(self.signed(parameters), struck=struck))

    def follows(self, link: str, *, method: str = "GET", **struck: Any) -> Answer:
        """Open a link to a bill."""
        target = link.partition("//")[2]
        call = Call(method=method, target="/" + target.partition("/")[2], headers={}, body=b"")
        return self.alipay.answer(call, struck)

    def queries(self, number: str = "T1") -> Any:
        return self.ask("query", {"out_trade_no": number})

    def refunds(self, request_no: str, amount: str, *, struck: Any = None) -> Any:
        content = {"out_trade_no": "T1", "out_request_no": request_no, "refund_amount": amount}
        return self.ask("refund", content, struck=struck)

    def queries_refund(self, request_no: str, **content: Any) -> Any:
        asked = {"out_trade_no": "T1", "out_request_no": request_no, **content}
        return self.ask("fastpay.refund.query", asked)

    def passes(self, **span: float) -> None:
        """Let business time go by."""
        self.clock.advance(timedelta(**span).total_seconds())
        self.alipay.pass_time()

    def notices(self) -> list[dict[str, str]]:
        """What Alipay owes to tell, oldest first, as a merchant would read it."""
        messages = [self.alipay.render(each, {}) for each in self.book.pending_callbacks()]
        return [dict(parse_qsl(message.body.decode())) for message in messages]


def node(body: bytes) -> Any:
    """The one node of an answer."""
    whole = json.loads(body)
    (name,) = whole.keys() - {"sign", "alipay_cert_sn"}
    return whole[name]


@pytest.fixture
def open_shop(sandbox_keys):
    """Open a shop under rules of its own."""
    return lambda **rules: Shop(sandbox_keys, AlipayRules(**rules))


@pytest.fixture
def shop(open_shop):
    return open_shop()
