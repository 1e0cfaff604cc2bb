"""A WeChat Pay simulator over real HTTP and a merchant that signs by hand."""

import functools
import secrets
import ssl
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@dataclass
class Shop:
    """A merchant's client that signs what it is told to, right or wrong."""

    http: httpx.Client
    credentials: dict[str, Any]
    key: RSAPrivateKey = field(repr=False)
    notify_url: str = "https://shop.example/notify"

    def call(self, method: str, target: str, body: object = None, **wrong: Any) -> httpx.Response:
        """Send a signed call; `wrong` replaces parts of the Authorization or the body sent."""
        content = b"" if body is None else msgspec.json.encode(body)
        timestamp = wrong.get("timestamp", str(int(time.time())))
        nonce = secrets.token_hex(16)
        message = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + content + b"\n"
        signature = b64encode(self.key.sign(message, PKCS1v15(), SHA256())).decode()
        fields = {
            "mchid": wrong.get("mchid", self.credentials["mchid"]),
            "nonce_str": nonce,
            "signature": wrong.get("signature", signature),
            "timestamp": timestamp,
            "serial_no": wrong.get("serial_no", self.credentials["serial_no"]),
        }
        authorization = ",".join(f'{name}="{value}"' for name, value in fields.items())
        headers = {
            "Authorization": f"WECHATPAY2-SHA256-RSA2048 {authorization}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            **wrong.get("headers", {}),
        }
        sent = wrong.get("sent", content)
        return self.http.request(method, target, content=sent, headers=headers)

    def native(self, number: str, fen: int = 1999, **more: Any) -> dict[str, Any]:
        """Compose a native prepay."""
        return {
            "appid": self.credentials["app_ids"]["official_account"],
            "mchid": self.credentials["mchid"],
            "description": "一杯茶",
            "out_trade_no": number,
            "notify_url": self.notify_url,
            "amount": {"total": fen, "currency": "CNY"},
            **more,
        }

    def prepay(self, number: str, fen: int = 1999, **more: Any) -> httpx.Response:
        """Ask for a code_url."""
        return self.call("POST", "/v3/pay/transactions/native", self.native(number, fen, **more))

    def place(self, product: str, number: str, fen: int = 1999, **more: Any) -> httpx.Response:
        """Ask for the link of any product, with all it needs unless `more` says otherwise."""
        body = self.native(number, fen) | self.needs(product) | more
        return self.call("POST", f"/v3/pay/transactions/{product}", body)

    def needs(self, product: str) -> dict[str, Any]:
        """Compose what a product wants beyond a native prepay."""
        ids = self.credentials["app_ids"]
        scene = {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}
        return {
            "native": {},
            "jsapi": {"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}},
            "app": {"appid": ids["app"]},
            "h5": {"scene_info": scene},
        }[product]

    def charge(self, number: str, auth_code: str, fen: int = 1999, **more: Any) -> httpx.Response:
        """Charge a payment code."""
        body = self.native(number, fen)
        del body["notify_url"]
        body |= {
            "payer": {"auth_code": auth_code},
            "scene_info": {"store_info": {"out_id": "shop-1"}},
            **more,
        }
        return self.call("POST", "/v3/pay/transactions/codepay", body)

    def reverse(self, number: str, **more: Any) -> httpx.Response:
        """Reverse the charge of a payment code."""
        body = {
            "appid": self.credentials["app_ids"]["official_account"],
            "mchid": self.credentials["mchid"],
        }
        target = f"/v3/pay/transactions/out-trade-no/{number}/reverse"
        return self.call("POST", target, body | more)

    def query(self, number: str) -> httpx.Response:
        """Ask what became of an order."""
        mchid = self.credentials["mchid"]
        return self.call("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}")

    def state(self, number: str) -> str:
        """Ask for an order's trade_state alone."""
        return str(self.query(number).json()["trade_state"])

    def close(self, number: str) -> httpx.Response:
        """Close an order."""
        target = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return self.call("POST", target, {"mchid": self.credentials["mchid"]})

    def refund(
        self, number: str, refund_no: str, fen: int, total: int = 1999, **more: Any
    ) -> httpx.Response:
        """Refund a part of an order."""
        body = {
            "out_trade_no": number,
            "out_refund_no": refund_no,
            "amount": {"refund": fen, "total": total, "currency": "CNY"},
            **more,
        }
        return self.call("POST", "/v3/refund/domestic/refunds", body)

    def refund_status(self, refund_no: str) -> str:
        """Ask for a refund's status."""
        return str(self.call("GET", f"/v3/refund/domestic/refunds/{refund_no}").json()["status"])

    def payer(self, action: str, number: str) -> httpx.Response:
        """Let the payer act."""
        return self.http.post(f"/sandbox/payer/{action}", json={"provider_order_no": number})

    def paid(self, number: str, fen: int = 1999) -> None:
        """Place an order and have it paid."""
        assert self.prepay(number, fen).status_code == 200
        assert self.payer("pay", number).status_code == 200

    def arm(self, kind: str, **parameters: Any) -> None:
        """Arm a fault."""
        assert self.http.post("/sandbox/faults", json={"kind": kind, **parameters}).is_success

    def book(self) -> dict[str, Any]:
        """Read the provider's truth."""
        book: dict[str, Any] = self.http.get("/sandbox/book").json()
        return book

    def order(self, number: str) -> dict[str, Any]:
        """Read one order of the provider's truth."""
        orders = self.book()["orders"]
        return next(each for each in orders if each["provider_order_no"] == number)

    def passes(self, seconds: float) -> None:
        """Let business time pass."""
        self.http.post("/sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()


def open_shop(base_url: str) -> Shop:
    """Fetch the credentials of a simulator and open a client."""
    # An empty context: loading the system's certificates takes longer than most tests.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http = httpx.Client(base_url=base_url, timeout=10, trust_env=False, verify=unused)
    credentials = http.get("/sandbox/credentials").raise_for_status().json()["wechat"]
    return Shop(http, credentials, load_key(credentials["private_key"]))


@functools.cache
def load_key(pem: str) -> RSAPrivateKey:
    """Load a key once: it takes 0.1 s."""
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


@pytest.fixture
def shop_at():
    """Open shops at simulators that already run."""
    shops: list[Shop] = []

    def open_one(base_url: str) -> Shop:
        shops.append(open_shop(base_url))
        return shops[-1]

    yield open_one
    for shop in shops:
        shop.http.close()


@pytest.fixture
def new_shop(serve, shop_at, sandbox_keys: KeyRing):
    """Open shops at simulators of one's own making."""

    def open_one(provider: Any = WeChatPaySandbox) -> Shop:
        app = create_sandbox(
            environment="test", clock=MovableClock(), providers=[provider], keys=sandbox_keys
        )
        opened: Shop = shop_at(serve(app))
        return opened

    return open_one


@pytest.fixture
def shop(new_shop) -> Shop:
    """A shop at an ordinary simulator."""
    opened: Shop = new_shop()
    return opened
