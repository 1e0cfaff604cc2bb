"""Shops that sell and refund without a pause, and note whatever did not go as it should."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.rotation.books import disagreements
from tests.rotation.stack import Stack, View, until

METHODS = {"wechat": "wechat_native", "alipay": "alipay_qr"}

#: Shops at each provider; together they keep one core busy.
SHOPS = 3

#: Enough for two refunds of one order a minute apart, and Alipay's first repetition.
SETTLE_STEPS_SECONDS = (2, 61, 61, 300, 700, 7_200, 700)

#: Looks whether everything has come to rest: before much has ended a few; afterwards so many that
#: all orders are asked about, fifty a second.
LOOKS, PATIENT_LOOKS, LONG = 20, 200, 700


@dataclass
class Shops:
    """Customers of both providers, side by side."""

    stack: Stack
    api: httpx.AsyncClient
    failed: list[str] = field(default_factory=list)  # calls that did not get what they asked for
    counts: Counter[str] = field(default_factory=Counter)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _closing: bool = False
    _inside: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def trade(self, provider: str, callbacks: int) -> None:
        """Go on until so many more callbacks of this provider were sent, or calls failed."""
        wanted = self._traffic(provider) + callbacks
        await until(lambda: self._traffic(provider) >= wanted)

    async def night(self, **units: float) -> None:
        """Let much time pass at once, while nobody is at the till: a real clock never jumps."""
        self._open.clear()
        await until(lambda: not self._inside)
        await self.stack.pass_time(**units)
        self._open.set()

    async def settle(self) -> list[str]:
        """Let time pass until nothing is open; whatever the books do not agree on."""
        for seconds in SETTLE_STEPS_SECONDS:
            await self.stack.pass_time(seconds=seconds)
            if await self._come_to_rest(PATIENT_LOOKS if seconds >= LONG else LOOKS):
                break
        return await disagreements(self.api, self.stack.sandbox)

    async def close(self) -> None:
        """Serve who is at the till, and nobody else."""
        self._closing = True
        await asyncio.gather(*self._tasks)

    def open(self) -> None:
        """Begin to sell; `busy` does it."""
        self._tasks = [
            asyncio.create_task(self._serve(provider)) for provider in METHODS for _ in range(SHOPS)
        ]
        self._open.set()

    async def leave(self) -> None:
        """Drop everything that still goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, provider: str) -> None:
        while not self._closing:
            await self._open.wait()
            self._inside += 1
            try:
                await self._sell(provider, f"R-{next(self._numbers)}")
            finally:
                self._inside -= 1

    async def _sell(self, provider: str, number: str) -> None:
        body = {"order_no": number, "amount": 1000, "subject": "tea", "method": METHODS[provider]}
        payment = await self._ask(provider, "payments", number, body)
        if payment is None or payment["action"] is None:
            return
        who = {"code_url": payment["action"]["code_url"], "provider": provider}
        (await self.stack.sandbox.post("/sandbox/payer/pay", json=who)).raise_for_status()
        self.counts[f"{provider} paid"] += 1
        if await self._is_known_to_be_paid(payment) and int(number.partition("-")[2]) % 2:
            body = {"payment_id": payment["id"], "refund_no": number, "amount": 1000, "reason": "x"}
            await self._ask(provider, "refunds", number, body)
            self.counts[f"{provider} refunded"] += 1

    async def _ask(self, provider: str, kind: str, key: str, body: View) -> View | None:
        answer = await self.api.post(f"/v1/{kind}", json=body, headers={"Idempotency-Key": key})
        view: View = answer.json()
        if answer.status_code != 201 or view["status"] not in ("created", "succeeded"):
            self.failed.append(f"{provider} {kind} {key}: {answer.status_code} {answer.text}")
        return view if answer.is_success else None

    async def _is_known_to_be_paid(self, payment: View) -> bool:
        for _ in range(500):
            seen = (await self.api.get(f"/v1/payments/{payment['id']}")).raise_for_status().json()
            if seen["status"] == "succeeded":
                return True
            await asyncio.sleep(0.02)
        return False

    async def _come_to_rest(self, looks: int) -> bool:
        """Whether nothing is open or on its way, within so many looks."""
        for _ in range(looks):
            book = (await self.stack.sandbox.get("/sandbox/book")).raise_for_status().json()
            if not book["pending_callbacks"] and not await self._any_open():
                return True
            await asyncio.sleep(0.05)
        return False

    async def _any_open(self) -> bool:
        for kind in ("payments", "refunds"):
            query = {"status": "created", "limit": "1"}
            page = (await self.api.get(f"/v1/{kind}", params=query)).raise_for_status().json()
            if page["items"]:
                return True
        return False

    def _traffic(self, provider: str) -> int:
        sent = (each.attempts for each in self.stack.callbacks() if each.provider == provider)
        return sum(sent) + sum(each.startswith(provider) for each in self.failed)


@asynccontextmanager
async def busy(stack: Stack) -> AsyncIterator[Shops]:
    """Shops trade inside the block."""
    key = {"Authorization": f"Bearer {stack.started['api_key']}"}
    async with httpx.AsyncClient(base_url=stack.started["api_url"], headers=key, timeout=40) as api:
        shops = Shops(stack, api)
        shops.open()
        try:
            yield shops
        finally:
            await shops.leave()
