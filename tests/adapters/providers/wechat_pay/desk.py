"""WeChat Pay's side of the counter for these tests: it signs, seals and answers as it is told."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from application.records import RawCallback
from domain.method import Method, Provider
from domain.money import Money
from domain.payment import Payment
from domain.refund import Initiator, Refund

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
API_V3_KEY = "0123456789abcdef0123456789ABCDEF"
CERTIFICATE_SERIAL = 0x00AB_CDEF_0123
KEY_ID = "PUB_KEY_ID_0000000000000000000000000001"
MCHID, APPID = "1900000001", "wx0123456789abcdef"
MINI_APPID, OPEN_APPID = "wx1111111111abcdef", "wx2222222222abcdef"
ORDER_NO, REFUND_NO = "d101JNXS0000000000000000PA", "d101JNXS0000000000000000RF"


@cache
def private_key(owner: str) -> rsa.RSAPrivateKey:
    """One key per owner and test run."""
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@cache
def certificate(
    owner: str = "platform",
    serial: int = CERTIFICATE_SERIAL,
    since: datetime = NOW - timedelta(days=1),
    until: datetime = NOW + timedelta(days=1800),
) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, owner)])
    key = private_key(owner)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(since)
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def config(**changes: Any) -> WeChatPayConfig:
    settings: dict[str, Any] = {
        "name": "wechat-main",
        "mchid": MCHID,
        "app_ids": AppIds(official_account=APPID, mini_program=MINI_APPID, app=OPEN_APPID),
        "store_out_id": "TEA-7",
        "serial_no": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        "private_key": pem(private_key("merchant")),
        "api_v3_key": API_V3_KEY,
        "notify_url": "https://pay.example.com/callbacks/wechat/wechat-main",
        "platform_certificates": (certificate(),),
        "public_keys": {KEY_ID: public_pem(private_key("public"))},
        "base_url": "https://wechat.test",
    }
    return WeChatPayConfig(**settings | changes)


def signature_headers(
    body: bytes, *, owner: str = "platform", serial: str = "", at: float | None = None
) -> dict[str, str]:
    """What WeChat Pay puts beside a body, in lower case as servers hand it over."""
    timestamp = str(int(time.time() if at is None else at))
    message = f"{timestamp}\nnonce-1\n".encode() + body + b"\n"
    signature = private_key(owner).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": "nonce-1",
        "wechatpay-signature": base64.b64encode(signature).decode(),
        "wechatpay-serial": serial
        or (KEY_ID if owner == "public" else f"{CERTIFICATE_SERIAL:040X}"),
    }


@dataclass
class Desk(httpx.AsyncBaseTransport):
    """Answers one request after the other as scripted; the last line is repeated."""

    script: list[tuple[int, dict[str, str], bytes] | Exception] = field(default_factory=list)
    heard: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        status, headers, content = said
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(content))

    def says(
        self,
        status: int,
        body: Mapping[str, Any] | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> "Desk":
        """Answer in JSON or raw bytes; signed unless other signature headers are given."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        proof = signature_headers(content) if headers is None else headers
        self.script.append((status, {"Request-ID": "REQ-1", **proof, **(beside or {})}, content))
        return self

    def breaks(self, error: Exception) -> "Desk":
        self.script.append(error)
        return self

    def asked(self) -> list[str]:
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.heard]


def a_payment(**changes: Any) -> Payment:
    facts: dict[str, Any] = {
        "id": "pay_1",
        "app": "shop",
        "order_no": "SO-1",
        "account": "wechat-main",
        "method": Method.WECHAT_NATIVE,
        "amount": Money(8888),
        "charged_amount": Money(8888),
        "subject": "一杯茶",
        "provider_order_no": ORDER_NO,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=2),
        "request": b'{"stored":"bytes"}',
    }
    return Payment(**facts | changes)


def a_refund(**changes: Any) -> Refund:
    facts: dict[str, Any] = {
        "id": "ref_1",
        "app": "shop",
        "refund_no": "RF-1",
        "payment_id": "pay_1",
        "order_no": "SO-1",
        "account": "wechat-main",
        "amount": Money(500),
        "charged_amount": Money(500),
        "reason": "茶凉了",
        "initiated_by": Initiator.APP,
        "provider_refund_no": REFUND_NO,
        "created_at": NOW,
        "request": b'{"stored":"refund"}',
    }
    return Refund(**facts | changes)


def an_order(state: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
    """An order as WeChat Pay tells it; unpaid ones carry no more than their names."""
    order: dict[str, Any] = {
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": ORDER_NO,
        "trade_state": state,
        "trade_state_desc": "…",
        "something_new": {"is": "ignored"},
    }
    if state in ("SUCCESS", "REFUND"):
        order |= {
            "transaction_id": "4200001",
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "success_time": "2026-03-10T12:00:09+08:00",
            "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {
                "total": 8888,
                "payer_total": 8000,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return order | changes


def refund_object(status: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "refund_id": "5030001",
        "out_refund_no": REFUND_NO,
        "transaction_id": "4200001",
        "out_trade_no": ORDER_NO,
        "channel": "ORIGINAL",
        "create_time": "2026-03-10T13:00:00+08:00",
        "status": status,
        "amount": {"total": 8888, "refund": 500, "payer_total": 8000, "currency": "CNY"},
    }
    if status == "SUCCESS":
        told["success_time"] = "2026-03-10T13:00:05+08:00"
    return told | changes


def sealed(
    content: Mapping[str, Any],
    kind: str,
    *,
    key: str = API_V3_KEY,
    aad: str = "any",
    nonce: str = "nonce-of-12b",
    **changes: Any,
) -> bytes:
    """A callback body around this content; `changes` are made to the resource afterwards."""
    plain = json.dumps(content).encode()
    ciphertext = AESGCM(key.encode()).encrypt(nonce.encode(), plain, aad.encode())
    resource = {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(ciphertext).decode(),
        "associated_data": aad,
        "nonce": nonce,
    }
    return json.dumps(
        {
            "id": "EV-1",
            "create_time": "2026-03-10T12:00:10+08:00",
            "event_type": kind,
            "resource_type": "encrypt-resource",
            "summary": "…",
            "resource": resource | changes,
        }
    ).encode()


def callback(body: bytes, headers: Mapping[str, str] | None = None) -> RawCallback:
    """The body as it arrived now, rightly signed unless headers are given."""
    at = datetime.now(UTC)
    proof = signature_headers(body, at=at.timestamp()) if headers is None else headers
    return RawCallback("cb_1", Provider.WECHAT, "wechat-main", proof, body, at)
