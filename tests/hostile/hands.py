"""The hands that write callbacks: the providers' own, with the simulators' keys, and a stranger's.

What they write says that an order is paid, and would be believed if it were signed rightly.
"""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.sandbox.keys import KeyRing

CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Target:
    """An order that somebody wants for nothing."""

    id: str
    number: str  # at the provider
    amount: int  # fen


@dataclass(frozen=True)
class Letter:
    """A callback before it is posted; header names in lower case, one may come twice."""

    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return dict(self.headers)[name]

    def with_header(self, name: str, value: str) -> "Letter":
        return Letter([(n, value if n == name else v) for n, v in self.headers], self.body)

    def without_header(self, name: str) -> "Letter":
        return Letter([(n, v) for n, v in self.headers if n != name], self.body)

    def with_body(self, body: bytes) -> "Letter":
        return Letter(self.headers, body)


def signed(key: RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode()


@dataclass
class WeChatHand:
    """Seals and signs as WeChat Pay does, for the merchant of these credentials."""

    ring: KeyRing
    credentials: Mapping[str, Any]
    written: dict[str, Letter] = field(default_factory=dict)

    def paid(self, target: Target) -> Letter:
        """A letter about this order that would be believed; written once an order."""
        if target.number not in self.written:
            self.written[target.number] = self.write(self.trade(target))
        return self.written[target.number]

    def trade(self, target: Target, **changes: Any) -> dict[str, Any]:
        told = self.credentials
        return {
            "mchid": told["mchid"],
            "appid": told["app_ids"]["official_account"],
            "out_trade_no": target.number,
            "transaction_id": "4200" + "0" * 24,
            "trade_type": "NATIVE",
            "trade_state": "SUCCESS",
            "success_time": datetime.now(CHINA).isoformat(timespec="seconds"),
            "payer": {"openid": "o-somebody"},
            "amount": {
                "total": target.amount,
                "payer_total": target.amount,
                "currency": "CNY",
            },
        } | changes

    def refund(self, target: Target, **changes: Any) -> dict[str, Any]:
        """A refund of all of it, under a number that nobody gave."""
        return {
            "mchid": self.credentials["mchid"],
            "transaction_id": "4200" + "0" * 24,
            "out_trade_no": target.number,
            "refund_id": "5030" + "0" * 24,
            "out_refund_no": f"site{secrets.token_hex(8)}",
            "refund_status": "SUCCESS",
            "success_time": datetime.now(CHINA).isoformat(timespec="seconds"),
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": target.amount,
                "refund": target.amount,
                "payer_total": target.amount,
                "payer_refund": target.amount,
            },
        } | changes

    def write(
        self,
        content: Mapping[str, Any] | bytes,
        *,
        key: str = "wechat-platform",
        age: float = 0,
        api_v3_key: str | None = None,
        event: str = "TRANSACTION.SUCCESS",
    ) -> Letter:
        plain = content if isinstance(content, bytes) else msgspec.json.encode(content)
        nonce = secrets.token_hex(6)
        seal = AESGCM((api_v3_key or self.credentials["api_v3_key"]).encode())
        ciphertext = seal.encrypt(nonce.encode(), plain, b"transaction")
        body = {
            "id": secrets.token_hex(16),
            "create_time": datetime.now(CHINA).isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(ciphertext).decode(),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        }
        return self.sign(msgspec.json.encode(body), key=key, age=age)

    def sign(self, body: bytes, *, key: str = "wechat-platform", age: float = 0) -> Letter:
        """Put the headers beside any body, `age` seconds ago."""
        timestamp, nonce = str(int(time.time() - age)), secrets.token_hex(16)
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        return Letter(
            [
                ("content-type", "application/json"),
                ("wechatpay-timestamp", timestamp),
                ("wechatpay-nonce", nonce),
                ("wechatpay-signature", signed(self.ring.key(key), message)),
                ("wechatpay-serial", self.credentials["platform_serial_no"]),
            ],
            body,
        )


@dataclass
class AlipayHand:
    """Signs as Alipay does, for the app of these credentials."""

    ring: KeyRing
    credentials: Mapping[str, Any]
    written: dict[str, dict[str, str]] = field(default_factory=dict)

    def paid(self, target: Target) -> dict[str, str]:
        """The signed parameters about this order that would be believed."""
        if target.number not in self.written:
            self.written[target.number] = self.sign(self.notice(target))
        return dict(self.written[target.number])

    def notice(self, target: Target, **changes: str) -> dict[str, str]:
        now = datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        return {
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(16),
            "notify_time": now,
            "app_id": self.credentials["app_id"],
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": "2026" + "0" * 24,
            "out_trade_no": target.number,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": yuan(target.amount),
            "seller_id": self.credentials["seller_id"],
            "gmt_payment": now,
            "buyer_pay_amount": yuan(target.amount),
            "subject": "两杯茶",
        } | changes

    def refund(self, target: Target, **changes: str) -> dict[str, str]:
        """A notice that one yuan went back, under a number that nobody gave."""
        now = datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        told = {"gmt_refund": now + ".000", "refund_fee": "1.00"}
        number = {"out_biz_no": f"site{secrets.token_hex(8)}"}
        return self.notice(target) | told | number | changes

    def sign(self, parameters: Mapping[str, str], *, key: str = "alipay") -> dict[str, str]:
        content = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
        sign = signed(self.ring.key(key), content.encode())
        return {**parameters, "sign_type": "RSA2", "sign": sign}


def form(parameters: Mapping[str, str] | list[tuple[str, str]]) -> Letter:
    return form_of(urlencode(parameters).encode())


def form_of(body: bytes) -> Letter:
    return Letter([("content-type", "application/x-www-form-urlencoded; charset=utf-8")], body)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
