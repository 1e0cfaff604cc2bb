"""The simulated WeChat Pay: which call goes where, and how every answer leaves."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from adapters.providers.sandbox.faults import Fault, Struck
from adapters.providers.sandbox.provider import Answer, Call, Message, PayerAction, World
from adapters.providers.sandbox.records import Callback, Order
from adapters.providers.wechat_pay.sandbox import notifications
from adapters.providers.wechat_pay.sandbox.authorization import Merchant
from adapters.providers.wechat_pay.sandbox.certificates import list_certificates
from adapters.providers.wechat_pay.sandbox.fields import read_body
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.refunds import Refunds
from adapters.providers.wechat_pay.sandbox.refused import OLD_SPELLING, Refused, bad_field
from adapters.providers.wechat_pay.sandbox.requests import close_rules, native_rules, refund_rules
from adapters.providers.wechat_pay.sandbox.settings import (
    RETRY_DELAYS_SECONDS,
    WeChatPaySandboxSettings,
)
from adapters.providers.wechat_pay.sandbox.trades import PROVIDER, Trades

#: Method, path and the trade's word for each call; a group in the path names its object.
ROUTES: Sequence[tuple[str, str, str]] = (
    ("POST", r"/v3/pay/transactions/native", "prepay"),
    ("GET", r"/v3/pay/transactions/out-trade-no/([^/]+)", "query"),
    ("GET", r"/v3/pay/transactions/id/([^/]+)", "query_by_transaction"),
    ("POST", r"/v3/pay/transactions/out-trade-no/([^/]+)/close", "close"),
    ("POST", r"/v3/refund/domestic/refunds", "refund"),
    ("GET", r"/v3/refund/domestic/refunds/([^/]+)", "refund_query"),
    ("GET", r"/v3/certificates", "certificates"),
)

#: What a `status` fault says; a gateway's own statuses come without JSON (§1.4).
STATUS_CODES: Mapping[int, str] = {
    429: "FREQUENCY_LIMITED",
    500: "SYSTEM_ERROR",
}

HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Language": "zh-CN",
    "Cache-Control": "no-cache, must-revalidate",
    "X-Content-Type-Options": "nosniff",
}

#: A call's meaning: what it returns becomes the JSON body, None an empty 204.
Handler = Callable[[Call, str, Struck], Mapping[str, Any] | None]


class WeChatPaySandbox:
    """A `SandboxProvider` that speaks WeChat Pay APIv3 for one direct merchant."""

    name = PROVIDER
    paths = ("/v3/",)
    fault_kinds = frozenset({"signtest", "stale_timestamp", "refund_abnormal", "refund_closed"})
    retry_delays_seconds = RETRY_DELAYS_SECONDS

    def __init__(self, world: World, settings: WeChatPaySandboxSettings | None = None) -> None:
        self._settings = settings or WeChatPaySandboxSettings()
        self._keys = PlatformKeys(world.keys, self._settings.mchid, self._settings.public_key_id)
        self._merchant = Merchant(
            self._settings.mchid,
            self._keys.merchant_serial_no,
            self._keys.merchant_key().public_key(),
            self._settings.clock_tolerance_seconds,
        )
        self._trades = Trades(world, self._settings)
        self._refunds = Refunds(world, self._settings)
        self._handlers: Mapping[str, Handler] = {
            "prepay": self._prepay,
            "query": self._query,
            "query_by_transaction": self._query_by_transaction,
            "close": self._close,
            "refund": self._refund,
            "refund_query": self._refund_query,
            "certificates": self._certificates,
        }

    def credentials(self, base_url: str) -> Mapping[str, Any]:
        """Hand out what a merchant gets from the merchant platform."""
        ids = self._settings.app_ids
        return {
            "base_url": base_url,
            "mchid": self._settings.mchid,
            "app_ids": {
                "official_account": ids.official_account,
                "mini_program": ids.mini_program,
                "app": ids.app,
            },
            "app_secret": self._keys.app_secret,
            "serial_no": self._keys.merchant_serial_no,
            "private_key": self._keys.merchant_private_pem(),
            "certificate": self._keys.merchant_certificate,
            "api_v3_key": self._keys.api_v3_key,
            "platform_serial_no": self._keys.platform_serial_no,
            "platform_certificate": self._keys.platform_certificate,
            "public_key_id": self._keys.public_key_id,
            "public_key": self._keys.public_key_pem(),
        }

    def operation(self, call: Call) -> str:
        """Name a call; both queries are one to a tester."""
        operation = _route(call)[0]
        return "query" if operation == "query_by_transaction" else operation

    def answer(self, call: Call, struck: Struck) -> Answer:
        """Check who calls, do it, sign what comes of it."""
        try:
            self._merchant.check(call)
            operation, number = _route(call)
            if operation == "other":
                raise _not_found(call)
            result = self._handlers[operation](call, number, struck)
        except Refused as refused:
            return self._refuse(call, refused, struck)
        if result is None:
            return self._signed(call, 204, b"", struck)
        return self._signed(call, 200, msgspec.json.encode(result), struck)

    def trouble(self, call: Call, fault: Fault) -> Answer:
        """Answer a `status` or `error` fault; a gateway's page is neither JSON nor signed."""
        if fault.kind == "error":
            return self._refuse(call, Refused(fault.code or "SYSTEM_ERROR"), {})
        if fault.status not in STATUS_CODES:
            page = f"<html><body><center><h1>{fault.status}</h1></center></body></html>"
            return Answer(fault.status, {"Content-Type": "text/html"}, page.encode())
        return self._refuse(call, Refused(STATUS_CODES[fault.status]), {})

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act on an order."""
        self._trades.payer_acts(order, action)

    def pass_time(self) -> None:
        """Settle refunds and close orders by the clock."""
        self._refunds.settle()
        self._trades.close_expired()

    def render(self, callback: Callback, struck: Struck) -> Message:
        """Encrypt and sign one attempt of a callback, now and then as a probe (§2.4, §2.5)."""
        return notifications.render(
            callback,
            self._keys,
            _probed(struck, self._settings.callback_probe_share),
            with_public_key=_by_chance(self._settings.callback_public_key_share),
            associated_data=self._settings.callback_associated_data,
        )

    def acknowledged(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - part of the protocol
        """Take any 20x for an acknowledgement, whatever the body (§6.6)."""
        return 200 <= status < 300

    def _prepay(self, call: Call, _: str, __: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, native_rules(self._settings))
        order = self._trades.prepay(request, "NATIVE")
        return {"code_url": order.codes[-1].url}

    def _query(self, call: Call, number: str, _: Struck) -> Mapping[str, Any]:
        self._check_mchid(call)
        return self._trades.show(self._trades.find(number))

    def _query_by_transaction(self, call: Call, number: str, _: Struck) -> Mapping[str, Any]:
        self._check_mchid(call)
        return self._trades.show(self._trades.find_by_transaction(number))

    def _close(self, call: Call, number: str, _: Struck) -> None:
        request = read_body(call.body, close_rules())
        if request["mchid"] != self._settings.mchid:
            raise Refused("INVALID_REQUEST", "商户号与签名的商户号不一致")
        self._trades.close(self._trades.find(number))

    def _refund(self, call: Call, _: str, struck: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, refund_rules(self._settings))
        if "transaction_id" not in request and "out_trade_no" not in request:
            raise bad_field("/out_trade_no", "", "与transaction_id不能同时为空")
        if request["amount"]["currency"] != "CNY":
            raise bad_field("/amount/currency", request["amount"]["currency"], "只支持CNY")
        return self._refunds.show(self._refunds.create(request, struck))

    def _refund_query(self, _: Call, number: str, __: Struck) -> Mapping[str, Any]:
        return self._refunds.show(self._refunds.find(number))

    def _certificates(self, call: Call, _: str, __: Struck) -> Mapping[str, Any]:
        return list_certificates(self._keys, parse_qs(call.query).get("algorithm_type", ["RSA"])[0])

    def _check_mchid(self, call: Call) -> None:
        mchid = parse_qs(call.query).get("mchid", [""])[0]
        if not mchid:
            raise bad_field("mchid", "", "不能为空", location="query")
        if mchid != self._settings.mchid:
            raise Refused("INVALID_REQUEST", "商户号与签名的商户号不一致")

    def _refuse(self, call: Call, refused: Refused, struck: Struck) -> Answer:
        new = self._settings.new_spelling
        code = refused.code if new else OLD_SPELLING.get(refused.code, refused.code)
        body: dict[str, Any] = {"code": code, "message": refused.message}
        if refused.detail is not None:
            body["detail"] = refused.detail
        return self._signed(call, refused.status, msgspec.json.encode(body), struck)

    def _signed(self, call: Call, status: int, body: bytes, struck: Struck) -> Answer:
        named = call.headers.get("wechatpay-serial", "")
        signature = self._keys.sign(
            body,
            _probed(struck, self._settings.answer_probe_share),
            with_public_key=self._settings.public_key_mode and named == self._keys.public_key_id,
        )
        headers = {**HEADERS, "Request-ID": notifications.request_id(), **signature}
        return Answer(status, headers, body)


def _route(call: Call) -> tuple[str, str]:
    """Return the operation and the number in the path, or `other`."""
    for method, pattern, operation in ROUTES:
        found = re.fullmatch(pattern, call.path)
        if found and call.method == method:
            return operation, unquote(found[1]) if found.groups() else ""
    return "other", ""


def _not_found(call: Call) -> Refused:
    return Refused("RESOURCE_NOT_EXISTS", f"没有这个接口：{call.method} {call.path}")


def _probed(struck: Struck, share: float) -> Struck:
    return {**struck, "signtest": Fault(kind="signtest")} if _by_chance(share) else struck


def _by_chance(share: float) -> bool:
    return random.random() < share  # noqa: S311 - a share of traffic, no secret
