"""Customers under load: they order, pay, want money back, and remember what they were told."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

View = dict[str, Any]

METHODS = ("wechat_native", "alipay_qr")
CUSTOMERS = 12

#: Enough for every check in the schedule, two refund distances and the grace after expiry.
SETTLE_STEPS_SECONDS = (10, 30, 61, 61, 120, 300, 600, 7_200, 700, 700)


@dataclass
class Said:
    """One request and the answer that was acknowledged."""

    path: str
    key: str
    body: View
    status: int
    content: bytes

    @property
    def view(self) -> View:
        view: View = httpx.Response(200, content=self.content).json()
        return view


@dataclass
class Load:
    """Keeps every acknowledged answer, to hold the system to it."""

    chance: random.Random
    said: list[Said] = field(default_factory=list)
    unanswered: list[tuple[str, str, View]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def summary(self) -> dict[str, int]:
        """What was done and acknowledged."""
        return dict(sorted(self.counts.items()))

    async def until_killed(
        self, started: View, kill: Callable[[], None], *, after_seconds: float
    ) -> None:
        """Keep customers busy, kill in the middle, and let them notice."""
        async with _clients(started) as (api, sandbox):
            customers = [
                asyncio.create_task(self._customer(api, sandbox)) for _ in range(CUSTOMERS)
            ]
            await asyncio.sleep(after_seconds)
            await asyncio.to_thread(kill)
            self.counts["kills"] += 1
            await asyncio.gather(*customers)

    async def settle(self, started: View) -> None:
        """Repeat what had no answer, then let time pass until nothing is open any more."""
        async with _clients(started) as (api, sandbox):
            for path, key, body in self.unanswered:
                await self._until_answered(api, path, key, body)
            for seconds in SETTLE_STEPS_SECONDS:
                move = {"advance_seconds": seconds}
                (await sandbox.post("/sandbox/clock", json=move)).raise_for_status()
                await _quiet(api)

    async def findings(self, started: View) -> list[str]:
        """Everything that is wrong; empty when all promises held."""
        async with _clients(started) as (api, sandbox):
            book = (await sandbox.get("/sandbox/book")).raise_for_status().json()
            payments, refunds = await _all(api, "payments"), await _all(api, "refunds")
            events = await _all(api, "events")
            found = self.compare(book, payments, refunds, events)
            known = {each["id"] for each in (*payments, *refunds)}
            found += [
                f"{s.view['id']} was acknowledged and is gone"
                for s in self.said
                if s.view["id"] not in known
            ]
            found += await self._other_answers(api)
        self.counts |= Counter({"orders": len(book["orders"]), "events": len(events)})
        self.counts |= Counter({"provider refunds": len(book["refunds"])})
        self.counts["succeeded"] = sum(p["status"] == "succeeded" for p in payments)
        return found

    def compare(
        self,
        book: View,
        payments: Sequence[View],
        refunds: Sequence[View],
        events: Sequence[View],
    ) -> list[str]:
        """The provider's book against ours, and ours against what was announced."""
        found = _compare_payments(book["orders"], {p["provider_order_no"]: p for p in payments})
        found += _compare_refunds(book, {r["provider_refund_no"]: r for r in refunds})
        found += _compare_events([*payments, *refunds], events)
        return found

    async def _customer(self, api: httpx.AsyncClient, sandbox: httpx.AsyncClient) -> None:
        try:
            while True:
                await self._buy(api, sandbox)
        except httpx.TransportError:
            return  # the process is gone

    async def _buy(self, api: httpx.AsyncClient, sandbox: httpx.AsyncClient) -> None:
        number = f"C-{next(self._numbers)}"
        method = self.chance.choice(METHODS)
        body = {"order_no": number, "amount": 1000, "subject": "tea", "method": method}
        payment = await self._ask(api, "/v1/payments", number, body)
        if payment is None or self.chance.random() < 0.15:
            return  # the customer leaves without paying
        who = {"provider_order_no": payment["provider_order_no"]}
        if method == "alipay_qr":
            await sandbox.post("/sandbox/payer/scan", json=who)
        await sandbox.post("/sandbox/payer/pay", json=who)
        self.counts["paid"] += 1
        if self.chance.random() < 0.5:
            await self._want_back(api, payment, number)

    async def _want_back(self, api: httpx.AsyncClient, payment: View, number: str) -> None:
        for _ in range(20):
            seen = (await api.get(f"/v1/payments/{payment['id']}")).json()
            if seen["status"] == "succeeded":
                break
            await asyncio.sleep(0.02)
        else:
            return
        for part, amount in enumerate((400, 600), 1):
            key = f"{number}-R{part}"
            body = {"payment_id": payment["id"], "refund_no": key, "amount": amount, "reason": "x"}
            await self._ask(api, "/v1/refunds", key, body)

    async def _ask(self, api: httpx.AsyncClient, path: str, key: str, body: View) -> View | None:
        kind = path.rpartition("/")[2]
        try:
            answer = await api.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            self.unanswered.append((path, key, body))
            self.counts[f"{kind} unanswered"] += 1
            raise
        if not answer.is_success:
            self.counts[f"{kind} refused {answer.json()['code']}"] += 1
            return None
        self.said.append(Said(path, key, body, answer.status_code, answer.content))
        self.counts[f"{kind} acknowledged"] += 1
        view: View = answer.json()
        return view

    async def _until_answered(
        self, api: httpx.AsyncClient, path: str, key: str, body: View
    ) -> None:
        passing = ("idempotency_in_progress", "payment_not_succeeded")
        answer = await api.post(path, json=body, headers={"Idempotency-Key": key})
        for _ in range(30):
            if answer.is_success:
                self.said.append(Said(path, key, body, answer.status_code, answer.content))
                return
            if answer.json()["code"] not in passing:
                break
            await asyncio.sleep(1)
            answer = await api.post(path, json=body, headers={"Idempotency-Key": key})
        self.counts[f"repetition refused {answer.json()['code']}"] += 1

    async def _other_answers(self, api: httpx.AsyncClient) -> list[str]:
        """Who repeats a key hears the first answer, byte for byte."""
        found = []
        for said in self.said:
            answer = await api.post(
                said.path, json=said.body, headers={"Idempotency-Key": said.key}
            )
            if (answer.status_code, answer.content) != (said.status, said.content):
                found.append(f"{said.key} heard {said.content!r}, now {answer.content!r}")
        self.counts["repetitions compared"] = len(self.said)
        return found


def _compare_payments(orders: Sequence[View], ours: dict[str, View]) -> list[str]:
    found = []
    for order in orders:
        number, payment = order["provider_order_no"], ours.get(order["provider_order_no"])
        if order["charges"] > 1:
            found.append(f"{number} was charged {order['charges']} times")
        if payment is None:
            found.append(f"{number} is not known here")
        elif (order["charges"] > 0) != (payment["status"] == "succeeded"):
            found.append(f"{number}: charged {order['charges']}, here {payment['status']}")
    open_ones = [p["id"] for p in ours.values() if p["status"] == "created"]
    return found + [f"{id} is still open" for id in open_ones]


def _compare_refunds(book: View, ours: dict[str, View]) -> list[str]:
    found, given = [], Counter[str]()
    for refund in book["refunds"]:
        number, here = refund["provider_refund_no"], ours.get(refund["provider_refund_no"])
        given[refund["provider_order_no"]] += refund["amount"]
        if here is None:
            found.append(f"{number} is not known here")
        elif (here["status"], here["amount"]) != ("succeeded", refund["amount"]):
            found.append(
                f"{number}: {refund['amount']} there, here {here['status']} {here['amount']}"
            )
    theirs = {refund["provider_refund_no"] for refund in book["refunds"]}
    for number, refund in ours.items():
        if refund["status"] == "created":
            found.append(f"{number} is still open")
        if refund["status"] == "succeeded" and number not in theirs:
            found.append(f"{number} succeeded here and is not known there")
    paid = {order["provider_order_no"]: order["amount"] for order in book["orders"]}
    beyond = [number for number, sum_ in given.items() if sum_ > paid.get(number, 0)]
    return found + [f"{number}: refunded more than paid" for number in beyond]


def _compare_events(orders: Sequence[View], events: Sequence[View]) -> list[str]:
    found = []
    ids = Counter(event["id"] for event in events)
    found += [f"{id} appears {count} times" for id, count in ids.items() if count > 1]
    places = Counter((event["subject"], event["sequence"]) for event in events)
    found += [f"{place} has {count} events" for place, count in places.items() if count > 1]
    last = {event["subject"]: event for event in events}
    for order in orders:
        event = last.get(order["id"])
        if order["status"] == "created":
            continue
        if event is None:
            found.append(f"{order['id']} is {order['status']} and has no event")
        elif event["data"]["status"] != order["status"]:
            found.append(f"{order['id']} is {order['status']}, announced {event['data']['status']}")
    return found


class _clients:  # noqa: N801 -- used like a function
    def __init__(self, started: View) -> None:
        key = {"Authorization": f"Bearer {started['api_key']}"}
        limits = httpx.Limits(max_keepalive_connections=0)  # its pool slows down with many
        self._api = httpx.AsyncClient(
            base_url=started["api_url"], headers=key, timeout=40, limits=limits
        )
        self._sandbox = httpx.AsyncClient(
            base_url=started["sandbox_url"], timeout=40, limits=limits
        )

    async def __aenter__(self) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
        return self._api, self._sandbox

    async def __aexit__(self, *_: object) -> None:
        await self._api.aclose()
        await self._sandbox.aclose()


async def _all(api: httpx.AsyncClient, kind: str) -> list[View]:
    items: list[View] = []
    cursor: str | None = None
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get(f"/v1/{kind}", params=query)).raise_for_status().json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items[::-1]


async def _quiet(api: httpx.AsyncClient) -> None:
    """Wait until a look at everything shows what the look before it showed."""
    before: object = None
    for _ in range(120):
        await asyncio.sleep(0.5)
        orders = [*await _all(api, "payments"), *await _all(api, "refunds")]
        now = Counter((order["status"], order["sequence"]) for order in orders)
        if now == before:
            return
        before = now
