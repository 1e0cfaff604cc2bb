"""Customers under load: they order, pay, want money back, and remember what they were told."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from domain.method import TERMS, Method, Provider
from tests.asking import ASKS_PASSWORD, HAS_NO_BALANCE, PAYS, an_order_by
from tests.books import SITE, View, by_order, disagreements, taken_back

CUSTOMERS = 12

#: Codes behind which the money lies ready, a password is wanted, nothing is left, time is over,
#: or the bank says no; most customers can pay.
WALLETS = (PAYS, PAYS, PAYS, ASKS_PASSWORD, ASKS_PASSWORD, HAS_NO_BALANCE, "03", "04")

#: Fen, in one, two or three parts of what was ordered.
PARTS = ((1000,), (400, 600), (333, 333, 334), (999, 1))

#: What is lost on the way while a provider is in trouble; the call itself takes effect.
LOST = ("charge", "query", "reverse", "prepay", "refund")

#: Lost until the payer's time is over: nobody knows of the charge, so it is taken back.
AT_TILL = ("charge", "query")

#: Enough for every check in the schedule, two refund distances and the grace after expiry.
SETTLE_STEPS_SECONDS = (10, 30, 61, 61, 61, 120, 300, 600, 7_200, 700, 700)


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
class Lines:
    """The ways to a running `basepay dev`: as an app, as an operator, as payer and provider."""

    api: httpx.AsyncClient
    operator: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    look_every_seconds: float = 0.5  # longer than the worker rests

    @classmethod
    def to(cls, started: View) -> Self:
        """Connect nothing yet."""
        url = started["api_url"]
        return cls(
            _client(url, started["api_key"]),
            _client(url, started["operator_key"]),
            _client(started["sandbox_url"]),
        )

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        for each in (self.api, self.operator, self.sandbox):
            await self._open.enter_async_context(each)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def payer(self, action: str, payment: View) -> bool:
        """The payer holds the phone to what is shown, or the phone shows the order by itself."""
        shown = payment["action"] or {}
        links = (shown.get(name) for name in ("code_url", "url", "order_string"))
        link = next((each for each in links if each), None)
        held = {"code_url": link} if link else {"provider_order_no": payment["provider_order_no"]}
        return (await self.sandbox.post(f"/sandbox/payer/{action}", json=held)).is_success

    async def arm(self, **fault: Any) -> None:
        """Arrange trouble at a provider."""
        (await self.sandbox.post("/sandbox/faults", json=fault)).raise_for_status()

    async def pass_time(self, seconds: float) -> None:
        """Move the clock that both sides share."""
        move = {"advance_seconds": seconds}
        (await self.sandbox.post("/sandbox/clock", json=move)).raise_for_status()

    async def all_of(self, kind: str) -> list[View]:
        """Every payment, refund or event of the app, oldest first."""
        items: list[View] = []
        cursor: str | None = None
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = (await self.api.get(f"/v1/{kind}", params=query)).raise_for_status().json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items[::-1]

    async def quiet(self) -> None:
        """Wait until a look at everything shows what the look before it showed."""
        before: object = None
        for _ in range(120):
            await asyncio.sleep(self.look_every_seconds)
            orders = [*await self.all_of("payments"), *await self.all_of("refunds")]
            now = Counter((order["status"], order["sequence"]) for order in orders)
            if now == before:
                return
            before = now

    async def settle(self) -> None:
        """Let time pass until nothing is open any more."""
        for seconds in SETTLE_STEPS_SECONDS:
            await self.pass_time(seconds)
            await self.quiet()

    async def books(self) -> tuple[View, list[View], list[View], list[View]]:
        """The providers' book, our payments and refunds, and what was announced of them."""
        book = (await self.sandbox.get("/sandbox/book")).raise_for_status().json()
        ours = [await self.all_of(kind) for kind in ("payments", "refunds", "events")]
        return book, ours[0], ours[1], ours[2]


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
        async with Lines.to(started) as lines:
            deeds = [self.buy] * CUSTOMERS + [self._turn_switch]
            if self.chance.random() < 0.5:
                deeds.append(self._lose_answers)
            busy = [asyncio.create_task(self._over_and_over(each, lines)) for each in deeds]
            await asyncio.sleep(after_seconds)
            await asyncio.to_thread(kill)
            self.counts["kills"] += 1
            await asyncio.gather(*busy)

    async def settle(self, started: View) -> None:
        """Repeat what had no answer, then let time pass until nothing is open any more."""
        async with Lines.to(started) as lines:
            for path, key, body in self.unanswered:
                await self._until_answered(lines, path, key, body)
            await lines.settle()

    async def findings(self, started: View) -> list[str]:
        """Everything that is wrong; empty when all promises held."""
        async with Lines.to(started) as lines:
            book, payments, refunds, events = await lines.books()
            found = disagreements(book, payments, refunds, events)
            known = {each["id"] for each in (*payments, *refunds)}
            found += [
                f"{s.view['id']} was acknowledged and is gone"
                for s in self.said
                if s.view["id"] not in known
            ]
            found += await self._other_answers(lines)
        self.counts |= Counter({"orders there": len(book["orders"]), "events": len(events)})
        self.counts |= Counter({"refunds there": len(book["refunds"])})
        self.counts |= _ends(book, payments, refunds)
        return found

    async def _over_and_over(self, deed: Callable[[Lines], Any], lines: Lines) -> None:
        with suppress(httpx.TransportError):  # the process is gone
            while True:
                await deed(lines)

    async def buy(self, lines: Lines) -> None:
        number, method = f"C-{next(self._numbers)}", self.chance.choice(list(Method))
        at_till = TERMS[method].charges_at_once
        how = an_order_by(method, wallet=self.chance.choice(WALLETS))
        payment = await self._order(lines, number, number, amount=1000, **how)
        if payment is None or self.chance.random() < 0.15:
            return  # the customer leaves without paying
        if payment["status"] == "created":
            if at_till and self.chance.random() < 0.2:
                await lines.payer("decline", payment)
                return
            if not at_till and self.chance.random() < 0.1:
                await self._change_mind(lines, payment)
                return
            self.counts["paid"] += await lines.payer("pay", payment)
        if self.chance.random() < 0.5:
            await self._want_back(lines, payment, number)

    async def _order(self, lines: Lines, number: str, key: str, **what: Any) -> View | None:
        body = {"order_no": number, "subject": "tea", **what}
        return await self._ask(lines, "/v1/payments", key, body)

    async def _change_mind(self, lines: Lines, first: View) -> None:
        """Another price, another way to pay; some pay both."""
        number, method = first["order_no"], self.chance.choice(list(Method))
        how = an_order_by(method, wallet=PAYS)
        both = self.chance.random() < 0.5
        second = asyncio.create_task(
            self._order(lines, number, f"{number}-again", amount=900, **how)
        )
        if both:
            await asyncio.sleep(self.chance.uniform(0, 0.05))
            self.counts["paid"] += await lines.payer("pay", first)
        payment = await second
        if payment is not None and payment["status"] == "created":
            self.counts["paid"] += await lines.payer("pay", payment)

    async def _want_back(self, lines: Lines, payment: View, number: str) -> None:
        for _ in range(20):
            seen = (await lines.api.get(f"/v1/payments/{payment['id']}")).json()
            if seen["status"] == "succeeded":
                break
            await asyncio.sleep(0.02)
        else:
            return
        # WeChat Pay calls nobody back about what was paid by a code, refunds included.
        if self.chance.random() < 0.2 and seen["method"] != Method.WECHAT_CODE:
            await self._refund_on_site(lines, seen)
        for part, amount in enumerate(self.chance.choice(PARTS), 1):
            key = f"{number}-R{part}"
            body = {"payment_id": payment["id"], "refund_no": key, "amount": amount, "reason": "x"}
            await self._ask(lines, "/v1/refunds", key, body)

    async def _refund_on_site(self, lines: Lines, payment: View) -> None:
        amount = self.chance.choice((1, min(350, payment["charged_amount"])))
        refund = {"provider_order_no": payment["provider_order_no"], "amount": amount}
        made = await lines.sandbox.post("/sandbox/merchant/refund", json=refund)
        self.counts["refunded on the site"] += made.is_success

    async def _turn_switch(self, lines: Lines) -> None:
        """Operators let new payments charge 1 fen, or their amount again."""
        await asyncio.sleep(self.chance.uniform(0.05, 0.5))
        on = self.chance.random() < 0.4
        turned = await lines.operator.put("/v1/test-switches/one-fen", json={"on": on})
        turned.raise_for_status()
        self.counts["switch turned"] += 1

    async def _lose_answers(self, lines: Lines) -> None:
        """A provider does what it is asked and nobody hears; meanwhile time runs out at a till."""
        provider = self.chance.choice(list(Provider))
        for operation in self.chance.choice((AT_TILL, self.chance.sample(LOST, 3))):
            kind, times = "cut_after_effect", self.chance.randint(3, 20)
            await lines.arm(kind=kind, provider=provider, operation=operation, times=times)
        await lines.arm(kind="callback_dropped", provider=provider, times=20)
        await asyncio.sleep(self.chance.uniform(0.2, 0.6))
        await lines.pass_time(self.chance.choice((3, 46, 46)))
        self.counts["troubles"] += 1

    async def _ask(self, lines: Lines, path: str, key: str, body: View) -> View | None:
        kind = path.rpartition("/")[2]
        try:
            answer = await lines.api.post(path, json=body, headers={"Idempotency-Key": key})
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

    async def _until_answered(self, lines: Lines, path: str, key: str, body: View) -> None:
        passing = ("idempotency_in_progress", "payment_not_succeeded", "payment_in_progress")
        answer = await lines.api.post(path, json=body, headers={"Idempotency-Key": key})
        for _ in range(30):
            if answer.is_success:
                self.said.append(Said(path, key, body, answer.status_code, answer.content))
                return
            if answer.json()["code"] not in passing:
                break
            await asyncio.sleep(1)
            answer = await lines.api.post(path, json=body, headers={"Idempotency-Key": key})
        self.counts[f"repetition refused {answer.json()['code']}"] += 1

    async def _other_answers(self, lines: Lines) -> list[str]:
        """Who repeats a key hears the first answer, byte for byte."""
        found = []
        for said in self.said:
            answer = await lines.api.post(
                said.path, json=said.body, headers={"Idempotency-Key": said.key}
            )
            if (answer.status_code, answer.content) != (said.status, said.content):
                found.append(f"{said.key} heard {said.content!r}, now {answer.content!r}")
        self.counts["repetitions compared"] = len(self.said)
        return found


def _ends(book: View, payments: list[View], refunds: list[View]) -> Counter[str]:
    """How it all ended, for whoever wants to know whether everything was met."""
    ends = Counter(payment["status"] for payment in payments)
    ends["charged 1 fen"] = sum(p["charged_amount"] < p["amount"] for p in payments)
    ends["taken back"] = len(taken_back(book))
    ends["duplicates"] = sum(p["duplicate_of"] is not None for p in payments)
    ends["superseded"] = sum(len(each) > 1 for each in by_order(payments).values())
    site = [r for r in book["refunds"] if r["provider_refund_no"].startswith(SITE)]
    ends["refunds on the site"] = len(site)
    return ends + Counter(f"refund {refund['status']}" for refund in refunds)


def _client(url: str, key: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx.Limits(max_keepalive_connections=0)  # its pool slows down with many
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=40, limits=limits)
