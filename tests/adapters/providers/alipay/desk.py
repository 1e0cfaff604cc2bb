"""Alipay's side of the counter for these tests: it signs raw text and answers as it is told."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from adapters.providers.alipay.config import AlipayConfig
from application.records import RawCallback
from domain.method import Method, Provider
from domain.money import Money
from domain.payment import Payment
from domain.refund import Initiator, Refund

NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
APP_ID, SELLER_ID = "2021000000000001", "2088000000000021"
ORDER_NO, REFUND_NO = "d101JNXS0000000000000000PA", "d101JNXS0000000000000000RF"
TRADE_NO = "2026011522001400000000000001"


@cache
def private_key(owner: str) -> rsa.RSAPrivateKey:
    """One key per owner and test run."""
    return rsa.generate_private_key(65537, 2048)


def bare_private(owner: str, *, pkcs1: bool = False) -> str:
    """The key as Alipay's tool hands it out: one line of base64."""
    kind = serialization.PrivateFormat
    der = private_key(owner).private_bytes(
        serialization.Encoding.DER,
        kind.TraditionalOpenSSL if pkcs1 else kind.PKCS8,
        serialization.NoEncryption(),
    )
    return base64.b64encode(der).decode()


def bare_public(owner: str) -> str:
    der = (
        private_key(owner)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def config(**changes: Any) -> AlipayConfig:
    settings: dict[str, Any] = {
        "name": "alipay-main",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "private_key": bare_private("app"),
        "alipay_public_key": bare_public("alipay"),
        "notify_url": "https://pay.example.com/callbacks/alipay/alipay-main",
        "gateway_url": "https://alipay.test/gateway.do",
    }
    return AlipayConfig(**settings | changes)


def signed(content: bytes, owner: str = "alipay") -> str:
    raw = private_key(owner).sign(content, padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


def node_text(node: Mapping[str, Any]) -> str:
    """JSON as Alipay writes it: raw Chinese, and every slash escaped."""
    return json.dumps(node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def answer(
    api: str, node: Mapping[str, Any] | str, *, owner: str | None = "alipay", cert_sn: str = ""
) -> bytes:
    """A whole answer; unsigned if nobody signs, with a certificate's number in that mode."""
    text = node if isinstance(node, str) else node_text(node)
    name = api.replace(".", "_") + "_response"
    number = f',"alipay_cert_sn":"{cert_sn}"' if cert_sn else ""
    proof = f',"sign":"{signed(text.encode(), owner)}"' if owner else ""
    return f'{{"{name}":{text}{number}{proof}}}'.encode()


@dataclass
class Desk(httpx.AsyncBaseTransport):
    """Answers one request after the other as scripted; the last line is repeated."""

    script: list[tuple[int, Mapping[str, Any] | bytes, str | None] | Exception] = field(
        default_factory=list
    )
    heard: list[httpx.Request] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        status, node, owner = said
        api = request.url.params["method"]
        content = node if isinstance(node, bytes) else answer(api, node, owner=owner)
        headers = {"Content-Type": "text/html;charset=utf-8", "trace_id": "T-1"} | self.headers
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    def says(
        self, node: Mapping[str, Any] | bytes, *, owner: str | None = "alipay", status: int = 200
    ) -> "Desk":
        """Answer with this node (signed by `owner`), or with these raw bytes."""
        self.script.append((status, node, owner))
        return self

    def refuses(
        self, sub_code: str, *, owner: str | None = "alipay", code: str = "40004"
    ) -> "Desk":
        """Answer with a business error, amounts and all."""
        node = {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "错误/…"}
        return self.says(node | {"receipt_amount": "0.00"}, owner=owner)

    def breaks(self, error: Exception) -> "Desk":
        self.script.append(error)
        return self

    def asked(self) -> list[str]:
        return [request.url.params["method"] for request in self.heard]

    def contents(self) -> list[dict[str, Any]]:
        return [json.loads(dict(parse_qsl(r.content.decode()))["biz_content"]) for r in self.heard]


def a_payment(**changes: Any) -> Payment:
    facts: dict[str, Any] = {
        "id": "pay_1",
        "app": "shop",
        "order_no": "SO-1",
        "account": "alipay-main",
        "method": Method.ALIPAY_QR,
        "amount": Money(8888),
        "charged_amount": Money(8888),
        "subject": "一杯茶",
        "provider_order_no": ORDER_NO,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=2),
        "request": b'{"stored":"content, a+b &c"}',
    }
    return Payment(**facts | changes)


def a_refund(**changes: Any) -> Refund:
    facts: dict[str, Any] = {
        "id": "ref_1",
        "app": "shop",
        "refund_no": "RF-1",
        "payment_id": "pay_1",
        "order_no": "SO-1",
        "account": "alipay-main",
        "amount": Money(500),
        "charged_amount": Money(500),
        "reason": "茶凉了",
        "initiated_by": Initiator.APP,
        "provider_refund_no": REFUND_NO,
        "created_at": NOW,
        "request": b'{"stored":"refund"}',
    }
    return Refund(**facts | changes)


#: Payment codes and payers, by what the method needs.
AUTH_CODE = "2812345678901234"
BUYER_ID, BUYER_OPEN_ID = "2088000000000011", "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5"


def a_charge(**changes: Any) -> Payment:
    """A code payment: the charge is its start."""
    facts: dict[str, Any] = {
        "method": Method.ALIPAY_CODE,
        "payer": {"auth_code": AUTH_CODE},
        "expires_at": NOW + timedelta(seconds=45),
    }
    return a_payment(**facts | changes)


def charged(**changes: Any) -> dict[str, Any]:
    """The answer to a charge that went through at once."""
    done = {
        "code": "10000",
        "msg": "Success",
        "buyer_pay_amount": "80.00",
        "buyer_user_id": "2088000000000011",
        "fund_bill_list": [{"amount": "88.88", "fund_channel": "ALIPAYACCOUNT"}],
        "gmt_payment": "2026-01-15 10:00:09",
        "out_trade_no": ORDER_NO,
        "receipt_amount": "88.00",
        "total_amount": "88.88",
        "trade_no": TRADE_NO,
    }
    return done | changes


def cancelled(action: str | None, retry_flag: str = "N", **changes: Any) -> dict[str, Any]:
    done = {"code": "10000", "msg": "Success", "out_trade_no": ORDER_NO, "retry_flag": retry_flag}
    return done | ({"action": action, "trade_no": TRADE_NO} if action else {}) | changes


def a_code(**changes: Any) -> dict[str, Any]:
    made = {"out_trade_no": ORDER_NO, "qr_code": "https://qr.alipay.com/bax0"}
    return {"code": "10000", "msg": "Success"} | made | changes


def a_trade(status: str = "TRADE_SUCCESS", **changes: Any) -> dict[str, Any]:
    trade = {
        "code": "10000",
        "msg": "Success",
        "buyer_logon_id": "135****0001",
        "buyer_user_id": "2088000000000011",
        "out_trade_no": ORDER_NO,
        "total_amount": "88.88",
        "trade_no": TRADE_NO,
        "trade_status": status,
        "something_new": "is ignored",
    }
    if status in ("TRADE_SUCCESS", "TRADE_FINISHED"):
        trade |= {
            "buyer_pay_amount": "80.00",
            "receipt_amount": "88.00",
            "send_pay_date": "2026-01-15 10:00:09",
        }
    else:
        trade |= {"buyer_pay_amount": "0.00", "receipt_amount": "0.00"}
    return trade | changes


def refund_done(fund_change: str | None = "Y", **changes: Any) -> dict[str, Any]:
    done = {
        "code": "10000",
        "msg": "Success",
        "out_trade_no": ORDER_NO,
        "refund_fee": "70.00",  # the sum of all refunds so far
        "trade_no": TRADE_NO,
    }
    return done | ({"fund_change": fund_change} if fund_change else {}) | changes


def refund_found(**changes: Any) -> dict[str, Any]:
    found = {
        "code": "10000",
        "msg": "Success",
        "out_request_no": REFUND_NO,
        "out_trade_no": ORDER_NO,
        "refund_amount": "5.00",
        "refund_status": "REFUND_SUCCESS",
        "total_amount": "88.88",
        "trade_no": TRADE_NO,
        "gmt_refund_pay": "2026-01-15 15:30:00",
    }
    return found | changes


SILENCE = {"code": "10000", "msg": "Success"}  # what a refund query says of a number it never saw


def a_notice(status: str = "TRADE_SUCCESS", **changes: str | None) -> dict[str, str]:
    """A callback's parameters; those changed to None are left out."""
    notice: dict[str, str | None] = {
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "buyer_id": "2088000000000011",
        "buyer_pay_amount": "88.88",
        "charset": "utf-8",
        "fund_bill_list": '[{"amount":"88.88","fundChannel":"ALIPAYACCOUNT"}]',
        "gmt_create": "2026-01-15 10:00:01",
        "gmt_payment": "2026-01-15 10:00:09",
        "notify_id": "2026011500222100010000000000000001",
        "notify_time": "2026-01-15 10:00:10",
        "notify_type": "trade_status_sync",
        "out_trade_no": ORDER_NO,
        "receipt_amount": "88.00",
        "seller_id": SELLER_ID,
        "subject": "一杯茶 + a cake",
        "total_amount": "88.88",
        "trade_no": TRADE_NO,
        "trade_status": status,
        "version": "1.0",
    }
    return {k: v for k, v in (notice | changes).items() if v is not None}


def form(
    parameters: Mapping[str, str], *, owner: str = "alipay", keep_empty: bool = False
) -> bytes:
    """A callback body, signed over all parameters but `sign` and `sign_type`."""
    kept = {k: v for k, v in parameters.items() if v or keep_empty}
    content = "&".join(f"{k}={kept[k]}" for k in sorted(kept))
    proof = {"sign_type": "RSA2", "sign": signed(content.encode(), owner)}
    return urlencode({**parameters, **proof}).encode()


def callback(body: bytes) -> RawCallback:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return RawCallback("cb_1", Provider.ALIPAY, "alipay-main", headers, body, NOW)
