"""A business system and its payer, as the demo plays them: over HTTP only, like anyone else."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, Self, TypeVar

import httpx

from adapters.providers.transport import AiohttpTransport

View = dict[str, Any]
T = TypeVar("T")

#: What each method needs of its payer, besides the fields that all have.
NEEDS: dict[str, View] = {
    "wechat_native": {},
    "wechat_jsapi": {"payer": {"openid": "o-demo-payer"}},
    "wechat_mini_program": {"payer": {"openid": "o-demo-payer"}},
    "wechat_app": {},
    "wechat_h5": {"client_ip": "203.0.113.7"},
    "wechat_code": {},
    "alipay_qr": {},
    "alipay_page": {"return_url": "https://shop.example/thanks"},
    "alipay_wap": {"return_url": "https://shop.example/thanks"},
    "alipay_app": {},
    "alipay_jsapi": {"payer": {"buyer_id": "2088000000000011"}},
    "alipay_code": {},
}

#: What 18-digit payment codes begin with; the last two digits say what the wallet does.
CODES = {"wechat_code": "13", "alipay_code": "28"}
PAYS, ASKS_PASSWORD, HAS_NO_BALANCE = "00", "01", "02"

#: Alipay knows of these orders once the payer has opened the link.
OPENED_FIRST = ("alipay_page", "alipay_wap", "alipay_app")

PATIENCE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.05


class Shop:
    """Calls the API with an app's key, plays the payer's phone, and arranges trouble."""

    def __init__(
        self, api: httpx.AsyncClient, operator: httpx.AsyncClient, sandbox: httpx.AsyncClient
    ) -> None:
        self._api, self._operator, self._sandbox = api, operator, sandbox
        self._numbers = itertools.count(1)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, api_url: str, api_key: str, operator_key: str, sandbox_url: str
    ) -> AsyncIterator[Self]:
        """Connect to a running stack."""
        async with (
            _client(api_url, api_key) as api,
            _client(api_url, operator_key) as operator,
            _client(sandbox_url) as sandbox,
        ):
            yield cls(api, operator, sandbox)

    def new_number(self) -> str:
        """A number no order or key had yet."""
        return f"DEMO-{next(self._numbers)}"

    async def pay(
        self,
        method: str,
        *,
        key: str | None = None,
        order_no: str | None = None,
        amount: int = 8888,
        wallet: str = ASKS_PASSWORD,
        **more: Any,
    ) -> httpx.Response:
        """Ask for a payment; payment codes come from a `wallet` that does so."""
        order = order_no or self.new_number()
        body = {"order_no": order, "amount": amount, "subject": "两杯茶", "method": method}
        body |= NEEDS[method] | more
        if method in CODES:
            digits = f"{secrets.randbelow(10**14):014d}"
            body["payer"] = {"auth_code": CODES[method] + digits + wallet}
        headers = {"Idempotency-Key": key or self.new_number()}
        return await self._api.post("/v1/payments", json=body, headers=headers)

    async def open_payment(self, method: str, **more: Any) -> View:
        """A payment that waits for its payer."""
        return View((await self.pay(method, **more)).raise_for_status().json())

    async def paid_payment(self, method: str, **more: Any) -> View:
        """A payment that has succeeded."""
        payment = await self.open_payment(method, **more)
        return await self.pays(payment)

    async def pays(self, payment: View) -> View:
        """The payer pays, or types the password; a till polls, so its clock moves a little."""
        (await self.payer("pay", payment)).raise_for_status()
        if payment["method"] in CODES:
            await self.time_passes(6)
        return await self.payment_becomes(payment, "succeeded")

    async def refund(self, payment: View, amount: int) -> View:
        """Ask for money back."""
        number = self.new_number()
        body = {
            "payment_id": payment["id"],
            "refund_no": number,
            "amount": amount,
            "reason": "冷了",
        }
        headers = {"Idempotency-Key": number}
        answer = await self._api.post("/v1/refunds", json=body, headers=headers)
        return View(answer.raise_for_status().json())

    async def close(self, payment: View) -> httpx.Response:
        """Ask to close."""
        return await self._api.post(f"/v1/payments/{payment['id']}/close")

    async def payment(self, payment: View) -> View:
        """Read it again."""
        return await self._read(f"/v1/payments/{payment['id']}")

    async def asked_again(self, payment: View) -> View:
        """Read it after the provider was asked: whoever answers this order is heard of again."""
        return await self._read(f"/v1/payments/{payment['id']}", refresh="true")

    async def payment_becomes(self, payment: View, status: str) -> View:
        """Wait until it has this status; the last state if it never does."""
        return await self._until(lambda: self.payment(payment), lambda it: it["status"] == status)

    async def payment_once(self, payment: View, holds: Callable[[View], bool]) -> View:
        """Wait until this is true of it."""
        return await self._until(lambda: self.payment(payment), holds)

    async def action_appears(self, payment: View) -> View:
        """Wait until the payer could pay."""
        return await self._until(lambda: self.payment(payment), lambda it: it["action"] is not None)

    async def refund_becomes(self, refund: View, status: str) -> View:
        """Likewise for a refund."""
        return await self._until(
            lambda: self._read(f"/v1/refunds/{refund['id']}"), lambda it: it["status"] == status
        )

    async def events_of(self, order: View, at_least: int = 1) -> list[View]:
        """What was announced about one order, oldest first; waits for the first ones."""

        async def read() -> list[View]:
            return [
                event for event in await self.all_of("events") if event["subject"] == order["id"]
            ]

        return await self._until(read, lambda events: len(events) >= at_least)

    async def all_of(self, kind: str) -> list[View]:
        """Every payment, refund or event of the app, oldest first."""
        items: list[View] = []
        cursor: str | None = None
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = (await self._api.get(f"/v1/{kind}", params=query)).raise_for_status().json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items[::-1]

    async def payer(self, action: str, payment: View) -> httpx.Response:
        """The payer's phone: scan, pay, decline; where there is a link, it is opened."""
        shown = payment["action"] or {}
        link = shown.get("url") or shown.get("order_string")
        if link and payment["method"] in OPENED_FIRST:
            order = {"code_url": link}
        else:
            order = {"provider_order_no": payment["provider_order_no"]}
        return await self._sandbox.post(f"/sandbox/payer/{action}", json=order)

    async def merchant_refunds(self, payment: View, amount: int) -> None:
        """Somebody refunds on the provider's own site."""
        refund = {"provider_order_no": payment["provider_order_no"], "amount": amount}
        (await self._sandbox.post("/sandbox/merchant/refund", json=refund)).raise_for_status()

    async def turn_keys(self, provider: str, step: str) -> None:
        """The provider goes on with a change of its keys."""
        turned = {"provider": provider, "step": step}
        (await self._sandbox.post("/sandbox/keys", json=turned)).raise_for_status()

    async def turn_one_fen(self, *, on: bool) -> None:
        """The operators turn the 1-fen switch."""
        turned = await self._operator.put("/v1/test-switches/one-fen", json={"on": on})
        turned.raise_for_status()

    async def openid(self, app: str) -> str:
        """A payer opens the shop in WeChat; the login code, exchanged for an openid."""
        code = await (self._page_code() if app == "official_account" else self._phone_code())
        wanted = {"account": "wechat-main", "app": app, "code": code}
        return str((await self._read("/v1/wechat/openid", **wanted))["openid"])

    async def js_config(self, url: str) -> View:
        """What a page hands to `wx.config`."""
        return await self._read("/v1/wechat/js-config", account="wechat-main", url=url)

    async def _page_code(self) -> str:
        credentials = (await self._sandbox.get("/sandbox/credentials")).json()
        query = {
            "appid": credentials["wechat"]["app_ids"]["official_account"],
            "redirect_uri": "http://127.0.0.1/pay",
            "response_type": "code",
            "scope": "snsapi_base",
            "state": "demo",
        }
        back = await self._sandbox.get("/connect/oauth2/authorize", params=query)
        return httpx.URL(back.headers["location"]).params["code"]

    async def _phone_code(self) -> str:
        return str((await self._sandbox.get("/connect/sandbox/wx.login")).json()["code"])

    async def trouble(self, kind: str, method: str, **more: Any) -> None:
        """Arm a fault of the method's provider, once."""
        fault = {"kind": kind, "provider": method.partition("_")[0], **more}
        (await self._sandbox.post("/sandbox/faults", json=fault)).raise_for_status()

    async def clear_faults(self) -> None:
        """Everything works again."""
        (await self._sandbox.delete("/sandbox/faults")).raise_for_status()

    async def time_passes(self, seconds: float) -> None:
        """Move the clock that basepay and the providers share."""
        move = {"advance_seconds": seconds}
        (await self._sandbox.post("/sandbox/clock", json=move)).raise_for_status()

    async def now(self) -> datetime:
        """What that clock says."""
        unmoved = await self._sandbox.post("/sandbox/clock", json={"advance_seconds": 0})
        return datetime.fromisoformat(unmoved.raise_for_status().json()["now"])

    async def reconciled(self, account: str, day: date) -> View:
        """The run of an account's day, once it is finished; the last state if it never is."""

        async def read() -> View:
            query: dict[str, str | int] = {"account": account, "limit": 50}
            answer = await self._operator.get("/v1/reconciliations", params=query)
            runs: list[View] = answer.raise_for_status().json()["items"]
            return next((run for run in runs if run["day"] == day.isoformat()), {"status": None})

        return await self._until(read, lambda run: run["status"] == "finished")

    async def differences(self, run: View) -> list[View]:
        """What a run found, the first of it."""
        path = f"/v1/reconciliations/{run['id']}/discrepancies"
        items: list[View] = (await self._operator.get(path)).raise_for_status().json()["items"]
        return items

    async def book(self) -> View:
        """The providers' truth."""
        return View((await self._sandbox.get("/sandbox/book")).raise_for_status().json())

    async def _read(self, path: str, **query: str) -> View:
        return View((await self._api.get(path, params=query)).raise_for_status().json())

    async def _until(self, read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
        seen = await read()
        for _ in range(int(PATIENCE_SECONDS / LOOK_EVERY_SECONDS)):
            if holds(seen):
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            seen = await read()
        return seen


def _client(url: str, key: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    line = AiohttpTransport(total_seconds=30)
    return httpx.AsyncClient(base_url=url, headers=headers, transport=line)
