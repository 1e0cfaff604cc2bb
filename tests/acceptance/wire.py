"""The real stage: HTTP, both simulators' protocols, a worker and SQLite, spoken to by HTTP only."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Self

import httpx

from adapters.ids import new_ulid
from domain.method import TERMS, Method, Provider
from entrypoints.dev import Started
from tests.acceptance.another_till import charge
from tests.acceptance.bills import WireBillStage
from tests.acceptance.stage import METHODS, Reply, T, Trouble, Truth, View
from tests.acceptance.stranger import forged
from tests.asking import an_order_by

#: A story that takes longer than this has failed.
PATIENCE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.02

#: Longer than either provider's simulator needs for a refund.
REFUND_TAKES_SECONDS = 2

#: Everything here is plain HTTP; loading the machine's certificates for each story takes longer.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: Built here without a call: the provider knows of them when the payer opens the link.
OPENED_FIRST = {method for method, terms in TERMS.items() if terms.built_here}

ALWAYS = {"times": None}
UNKNOWN_ORDER = {Provider.WECHAT: "ORDER_NOT_EXIST", Provider.ALIPAY: "ACQ.TRADE_NOT_EXIST"}
FORBIDDEN = {Provider.WECHAT: "NO_AUTH", Provider.ALIPAY: "ACQ.ACCESS_FORBIDDEN"}
NO_REFUNDS = {Provider.WECHAT: "NO_AUTH", Provider.ALIPAY: "ACQ.TRADE_NOT_ALLOW_REFUND"}
EMPTY = {Provider.WECHAT: "NOT_ENOUGH", Provider.ALIPAY: "ACQ.SELLER_BALANCE_NOT_ENOUGH"}

#: What to arm for each trouble, besides the provider; codes are the provider's own words.
FAULTS: Mapping[Trouble, Callable[[Provider], Mapping[str, Any]]] = {
    Trouble.SILENT: lambda _: {"kind": "cut_before_effect"},
    Trouble.ANSWERS_LOST: lambda _: {"kind": "cut_after_effect"},
    Trouble.FORGETFUL: lambda p: {"kind": "error", "code": UNKNOWN_ORDER[p]},
    Trouble.REFUSES_ORDERS: lambda p: {
        "kind": "error",
        "code": FORBIDDEN[p],
        "operation": "prepay",
    },
    Trouble.REFUSES_REFUNDS: lambda p: {
        "kind": "error",
        "code": NO_REFUNDS[p],
        "operation": "refund",
    },
    Trouble.NO_BALANCE: lambda p: {"kind": "error", "code": EMPTY[p], "operation": "refund"},
    Trouble.CARD_CLOSED: lambda _: {"kind": "refund_abnormal"},
    Trouble.CALLBACKS_LOST: lambda _: {"kind": "callback_dropped"},
    Trouble.CALLBACKS_TWICE: lambda _: {"kind": "callback_twice"},
    Trouble.STRANGER_FIRST: lambda _: {"kind": "callback_forged"},
}


class WireStage:
    """A Stage over a running `basepay dev`; scenarios share it, under numbers of their own."""

    def __init__(self, started: Started) -> None:
        self._started = started
        self._clients = AsyncExitStack()
        self._troubled: Provider | None = None
        self._switched = False

    async def __aenter__(self) -> Self:
        started = self._started
        self._shop = await self._client(started.api_url, started.api_key)
        self._operator = await self._client(started.api_url, started.operator_key)
        self._stranger = await self._client(started.api_url)
        self._sandbox = await self._client(started.sandbox_url)
        self.bills = WireBillStage(self._operator, self._sandbox, self.mend)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.mend()
        if self._switched:
            await self.turn_one_fen(on=False)
        await self._clients.aclose()

    async def place(self, order_no: str, amount: int, how: View, *, key: str) -> Reply:
        body = {"order_no": order_no, "amount": amount, "subject": "两杯茶", **how}
        return await self._ask("/v1/payments", body, key)

    async def close(self, payment: View) -> Reply:
        return _heard(await self._shop.post(f"/v1/payments/{payment['id']}/close"))

    async def refund(self, payment: View, refund_no: str, amount: int, *, key: str) -> Reply:
        body = {
            "payment_id": payment["id"],
            "refund_no": refund_no,
            "amount": amount,
            "reason": "冷了",
        }
        return await self._ask("/v1/refunds", body, key)

    async def payment(self, payment: View) -> View:
        return await _read(self._shop, f"/v1/payments/{payment['id']}")

    async def payments(self, order_no: str) -> Sequence[View]:
        return await _items(self._shop, "/v1/payments", order_no=order_no)

    async def refund_now(self, refund: View) -> View:
        return await _read(self._shop, f"/v1/refunds/{refund['id']}")

    async def refunds(self, payment: View) -> Sequence[View]:
        return await _items(self._shop, "/v1/refunds", payment_id=payment["id"])

    async def events(self, order: View) -> Sequence[View]:
        # Newest first; a story announces far less than a page.
        newest = await _items(self._shop, "/v1/events")
        return [each for each in reversed(newest) if each["subject"] == order["id"]]

    async def incidents(self, order: View) -> Sequence[str]:
        newest = await _items(self._operator, "/v1/incidents")
        return [each["kind"] for each in reversed(newest) if each["order_id"] == order["id"]]

    async def payer(self, action: str, payment: View) -> bool:
        action_now = payment["action"] or {}
        link = action_now.get("url") or action_now.get("order_string")
        if link and Method(payment["method"]) in OPENED_FIRST:
            order = {"code_url": link}
        else:
            order = {"provider_order_no": payment["provider_order_no"]}
        answer = await self._sandbox.post(f"/sandbox/payer/{action}", json=order)
        return answer.is_success

    async def truth(self, payment: View) -> Truth:
        book, number = await _read(self._sandbox, "/sandbox/book"), payment["provider_order_no"]
        for order in book["orders"]:
            if order["provider_order_no"] == number:
                back = [
                    refund["amount"]
                    for refund in book["refunds"]
                    if refund["provider_order_no"] == number and refund["succeeded_at"]
                ]
                return Truth(True, order["amount"], order["charges"], sum(back))
        return Truth(known=False)

    async def trouble(self, trouble: Trouble, provider: Provider) -> None:
        self._troubled = provider
        await self._arm({**ALWAYS, **FAULTS[trouble](provider)}, provider)

    async def mend(self) -> None:
        self._troubled = None
        (await self._sandbox.delete("/sandbox/faults")).raise_for_status()

    async def forged_callback(self, payment: View) -> bool:
        account = payment["account"]
        headers, body = forged(payment, await _read(self._sandbox, "/sandbox/credentials"))
        path = f"/callbacks/{account.removesuffix('-main')}/{account}"
        answer = await self._stranger.post(path, content=body, headers=headers)
        return answer.is_success

    async def another_till_takes(self, amount: int, payment: View) -> None:
        credentials = await _read(self._sandbox, "/sandbox/credentials")
        calls_cut = self._troubled
        await self.mend()
        await charge(credentials["wechat"], amount, payment["provider_order_no"])
        if calls_cut:
            await self.trouble(Trouble.SILENT, calls_cut)
        await self.payer("pay", payment)

    async def merchant_refunds(self, payment: View, amount: int) -> None:
        refund = {"provider_order_no": payment["provider_order_no"], "amount": amount}
        made = await self._sandbox.post("/sandbox/merchant/refund", json=refund)
        made.raise_for_status()

    async def refunds_settle(self) -> None:
        await self._advance(REFUND_TAKES_SECONDS)

    async def turn_one_fen(self, *, on: bool) -> None:
        self._switched = on
        turned = await self._operator.put("/v1/test-switches/one-fen", json={"on": on})
        turned.raise_for_status()

    async def time_passes(self, seconds: int) -> None:
        sentinel = await self._place_unheard()
        await self._advance(seconds)
        await self.eventually(
            lambda: self.payment(sentinel), lambda it: it["action"] or it["status"] != "created"
        )

    async def settle(self) -> None:
        """A payment made now goes the whole way; what came before it has gone it, too."""
        marker = (await self._place_marker()).view
        await self.payer("pay", marker)
        await self.eventually(lambda: self.events(marker), bool)

    async def eventually(self, read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
        seen = await read()
        for _ in range(int(PATIENCE_SECONDS / LOOK_EVERY_SECONDS)):
            if holds(seen):
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            seen = await read()
        return seen

    async def _client(self, url: str, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=PATIENCE_SECONDS, verify=NO_TLS
        )
        return await self._clients.enter_async_context(client)

    async def _ask(self, path: str, body: Mapping[str, Any], key: str) -> Reply:
        headers = {"Idempotency-Key": key}
        return _heard(await self._shop.post(path, json=body, headers=headers))

    async def _advance(self, seconds: float) -> None:
        move = {"advance_seconds": seconds}
        (await self._sandbox.post("/sandbox/clock", json=move)).raise_for_status()

    async def _arm(self, fault: Mapping[str, Any], provider: Provider) -> None:
        armed = await self._sandbox.post("/sandbox/faults", json={**fault, "provider": provider})
        armed.raise_for_status()

    async def _place_marker(self) -> Reply:
        """A payment of no story, at the provider that works."""
        number = new_ulid()
        how = an_order_by(METHODS[self._working()])
        return await self.place(f"MARK-{number}", 1, how, key=number)

    async def _place_unheard(self) -> View:
        """Likewise, but left to the sweeper, which is next due when the story's orders are."""
        await self._arm({"kind": "cut_before_effect", "operation": "prepay"}, self._working())
        return (await self._place_marker()).view

    def _working(self) -> Provider:
        return Provider.WECHAT if self._troubled is Provider.ALIPAY else Provider.ALIPAY


def _heard(answer: httpx.Response) -> Reply:
    view = answer.json()
    if answer.is_error:
        return Reply({}, refusal=view["code"])
    replayed = answer.headers.get("Idempotent-Replayed") == "true"
    return Reply(view, answer.content, replayed)


async def _read(client: httpx.AsyncClient, path: str, **query: str) -> View:
    view: View = (await client.get(path, params=query)).raise_for_status().json()
    return view


async def _items(client: httpx.AsyncClient, path: str, **query: str) -> list[View]:
    items: list[View] = (await _read(client, path, **query))["items"]
    return items
