"""The simulated WeChat Pay: which call goes where, and how every answer leaves."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.providers.sandbox.faults import Fault, Struck
from adapters.providers.sandbox.provider import Answer, Call, Message, PayerAction, World
from adapters.providers.sandbox.records import Callback, Order, Refund
from adapters.providers.wechat_pay.sandbox import notifications
from adapters.providers.wechat_pay.sandbox.authorization import Merchant
from adapters.providers.wechat_pay.sandbox.calls import Calls
from adapters.providers.wechat_pay.sandbox.h5_page import open_h5_page
from adapters.providers.wechat_pay.sandbox.key_stage import STEPS
from adapters.providers.wechat_pay.sandbox.merchant_keys import STEPS as MERCHANT_STEPS
from adapters.providers.wechat_pay.sandbox.official_account.platform import (
    PATHS as OFFICIAL_ACCOUNT_PATHS,
)
from adapters.providers.wechat_pay.sandbox.official_account.platform import (
    OfficialAccountPlatform,
)
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.products import CODE
from adapters.providers.wechat_pay.sandbox.refused import OLD_SPELLING, Refused
from adapters.providers.wechat_pay.sandbox.routes import OPERATIONS, route
from adapters.providers.wechat_pay.sandbox.settings import (
    RETRY_DELAYS_SECONDS,
    WeChatPaySandboxSettings,
)
from adapters.providers.wechat_pay.sandbox.trade_states import PROVIDER

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

FILE: Mapping[str, str] = {"Content-Type": "application/octet-stream"}


class WeChatPaySandbox:
    """A `SandboxProvider` that speaks WeChat Pay APIv3 for one direct merchant."""

    name = PROVIDER
    paths: Sequence[str] = ("/v3/", *OFFICIAL_ACCOUNT_PATHS)
    fault_kinds = frozenset(
        {"signtest", "stale_timestamp", "refund_abnormal", "refund_closed", "bill_wrong_hash"}
    )
    retry_delays_seconds = RETRY_DELAYS_SECONDS

    def __init__(self, world: World, settings: WeChatPaySandboxSettings | None = None) -> None:
        self._settings = settings or WeChatPaySandboxSettings()
        self._world = world
        self._keys = PlatformKeys(world.keys, self._settings)
        self._merchant = Merchant(
            self._settings.mchid,
            self._keys.merchant.valid,
            self._settings.clock_tolerance_seconds,
        )
        self._calls = Calls(world, self._settings, self._keys)
        self.official_account = OfficialAccountPlatform(
            world, self._settings, self._keys.app_secret
        )

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
            **self._keys.merchant.credentials(),
            "platform_serial_no": self._keys.platform_serial_no,
            "platform_certificate": self._keys.platform_certificate,
            "public_key_id": self._keys.public_key_id,
            "public_key": self._keys.public_key_pem(),
        }

    def operation(self, call: Call) -> str:
        """Name a call as testers do."""
        name = route(call)[0]
        return OPERATIONS.get(name, name)

    def answer(self, call: Call, struck: Struck) -> Answer:
        """Check who calls, do it, sign what comes of it."""
        name, named = route(call)
        if name == "h5_page":
            return open_h5_page(self._world, self._settings, call)
        if name == "official_account":  # nobody signs there
            return self.official_account.answer(call, struck)
        try:
            self._merchant.check(call)
            if name == "other":
                raise _not_found(call)
            if name == "bill_download":  # the one answer that nobody signs
                return Answer(200, FILE, self._calls.bills.hand_out(call, struck))
            result = self._calls.handlers[name](call, named, struck)
        except Refused as refused:
            return self._refuse(call, refused, struck)
        if result is None:
            return self._signed(call, 204, b"", struck)
        return self._signed(call, 200, msgspec.json.encode(result), struck)

    def trouble(self, call: Call, fault: Fault) -> Answer:
        """Answer a `status` or `error` fault; a gateway's page is neither JSON nor signed."""
        if route(call)[0] == "official_account":
            return self.official_account.trouble(call, fault)
        if fault.kind == "error":
            return self._refuse(call, Refused(fault.code or "SYSTEM_ERROR"), {})
        if fault.status not in STATUS_CODES:
            page = f"<html><body><center><h1>{fault.status}</h1></center></body></html>"
            return Answer(fault.status, {"Content-Type": "text/html"}, page.encode())
        refused = Refused(
            STATUS_CODES[fault.status],
            retry_after_seconds=fault.seconds if fault.status == 429 else None,
        )
        return self._refuse(call, refused, {})

    def opens(self, link: str) -> Order | None:  # noqa: ARG002 - the seam's
        """Open nothing: every link is in the book from its order on."""
        return None

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act on an order."""
        if order.product == CODE:
            self._calls.codes.payer_acts(order, action)
        else:
            self._calls.trades.payer_acts(order, action)

    def merchant_refunds(self, order: Order, refund_no: str, amount: int, reason: str) -> None:
        """Refund on the merchant's site, under a number no business system issued (§6.4)."""
        self._calls.refunds.create_on_site(order, refund_no, amount, reason)

    def merchant_mends(self, refund: Refund, *, arrives: bool) -> None:
        """End an abnormal refund on the merchant's site (§5.3)."""
        self._calls.abnormal_refunds.mend(refund, arrives=arrives)

    @property
    def key_steps(self) -> Sequence[str]:
        """What can happen to the platform's keys: a rotation, the switch to the public key."""
        return tuple(STEPS)

    def turn_keys(self, step: str) -> None:
        """Do one step while traffic goes on (§2.5, §2.6)."""
        self._keys.turn(step, self._world.clock.now())

    @property
    def merchant_key_steps(self) -> Sequence[str]:
        """What the merchant can do with its own keys on its site."""
        return tuple(MERCHANT_STEPS)

    def merchant_turns_keys(self, step: str) -> None:
        """Do one step while traffic goes on (§2.1)."""
        self._keys.merchant.turn(step)

    def pass_time(self) -> None:
        """Settle refunds, end waits for passwords and close orders by the clock."""
        self._calls.refunds.settle()
        self._calls.codes.pass_time()
        self._calls.trades.close_expired()

    def render(self, callback: Callback, struck: Struck) -> Message:
        """Encrypt and sign one attempt of a callback, now and then as a probe (§2.4, §2.5)."""
        return notifications.render(
            callback,
            self._keys,
            _probed(struck, self._settings.callback_probe_share),
            with_public_key=_by_chance(self._keys.callback_share(self._world.clock.now())),
            associated_data=self._settings.callback_associated_data,
        )

    def acknowledged(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - part of the protocol
        """Take any 20x for an acknowledgement, whatever the body (§6.6)."""
        return 200 <= status < 300

    def _refuse(self, call: Call, refused: Refused, struck: Struck) -> Answer:
        new = self._settings.new_spelling
        code = refused.code if new else OLD_SPELLING.get(refused.code, refused.code)
        body: dict[str, Any] = {"code": code, "message": refused.message}
        if refused.detail is not None:
            body["detail"] = refused.detail
        answer = self._signed(call, refused.status, msgspec.json.encode(body), struck)
        if not refused.retry_after_seconds:
            return answer
        wait = {"Retry-After": str(math.ceil(refused.retry_after_seconds))}
        return Answer(answer.status, {**answer.headers, **wait}, answer.body)

    def _signed(self, call: Call, status: int, body: bytes, struck: Struck) -> Answer:
        signature = self._keys.sign(
            body,
            _probed(struck, self._settings.answer_probe_share),
            with_public_key=self._keys.answers_with_public_key(
                call.headers.get("wechatpay-serial", "")
            ),
        )
        headers = {**HEADERS, "Request-ID": notifications.request_id(), **signature}
        return Answer(status, headers, body)


def _not_found(call: Call) -> Refused:
    return Refused("RESOURCE_NOT_EXISTS", f"没有这个接口：{call.method} {call.path}")


def _probed(struck: Struck, share: float) -> Struck:
    return {**struck, "signtest": Fault(kind="signtest")} if _by_chance(share) else struck


def _by_chance(share: float) -> bool:
    return random.random() < share  # noqa: S311 - a share of traffic, no secret
