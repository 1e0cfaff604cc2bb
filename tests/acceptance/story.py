"""One scenario as it goes: what the shop asked for, what it heard, and what to look at."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from adapters.ids import new_ulid
from domain.method import TERMS, Method, Provider
from tests.acceptance.stage import METHODS, Reply, Stage, View
from tests.asking import an_order_by

Ask = Callable[[], Awaitable[Reply]]


class Story:
    """A customer's order on a stage; "the payment" and "the refund" are always the latest."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.order_no = f"SO-{new_ulid()}"
        self.how: View = {}
        self.by(METHODS[Provider.WECHAT])
        self.amount = 0  # fen
        self.payments: list[View] = []
        self.refunds: list[View] = []
        self.replies: list[Reply] = []
        self._refund_amount = 0
        self._last_request: Ask = self.place

    def by(self, method: Method, **needs: Any) -> None:
        """How the customer wants to pay from now on."""
        self.how = {**an_order_by(method), **needs}

    @property
    def provider(self) -> Provider:
        return TERMS[Method(self.how["method"])].provider

    @property
    def payment(self) -> View:
        return self.payments[-1]

    @property
    def refund(self) -> View:
        return self.refunds[-1]

    async def place(self) -> Reply:
        """A new request for a payment, as the order stands now."""
        return await self.new_order()()

    def new_order(self) -> Ask:
        """Likewise, not yet sent."""
        return self._request(partial(self._place, f"key-{new_ulid()}"), self.payments)

    async def refund_part(self, amount: int, *, refund_no: str | None = None) -> Reply:
        """A new request for money back, under a new number unless one is given."""
        return await self.new_refund(amount, refund_no=refund_no)()

    def new_refund(self, amount: int, *, refund_no: str | None = None) -> Ask:
        """Likewise, not yet sent."""
        number, key = refund_no or f"RF-{new_ulid()}", f"key-{new_ulid()}"
        self._refund_amount = amount
        ask = partial(self.stage.refund, self.payment, number, amount, key=key)
        return self._request(ask, self.refunds)

    async def repeat(self) -> Reply:
        """The last request again, key and all."""
        return await self._last_request()

    async def place_with_old_key(self, amount: int) -> None:
        """The key of the last request, with another amount."""
        self.amount = amount
        await self._last_request()

    async def refund_again(self) -> Reply:
        """The last refund under its number, with a new key."""
        return await self.refund_part(self._refund_amount, refund_no=self.refund["refund_no"])

    async def close(self) -> None:
        self.replies.append(await self.stage.close(self.payment))

    async def at_once(self, asks: Sequence[Ask]) -> None:
        """Many requests at the same time."""
        await asyncio.gather(*(ask() for ask in asks))

    async def payment_becomes(self, payment: View, status: str) -> View:
        """The payment once it has this status; an open one when all that could end it has been."""
        if status == "created":
            await self.stage.settle()
        read = partial(self.stage.payment, payment)
        return await self.stage.eventually(read, lambda it: bool(it["status"] == status))

    async def payment_once(self, holds: Callable[[View], bool]) -> View:
        """The payment once this is true of it."""
        return await self.stage.eventually(partial(self.stage.payment, self.payment), holds)

    async def refund_becomes(self, status: str) -> View:
        """The refund once it has this status, given the time that its provider takes."""
        await self.stage.refunds_settle()
        read = partial(self.stage.refund_now, self.refund)
        return await self.stage.eventually(read, lambda it: bool(it["status"] == status))

    async def told(self, order: View) -> list[str]:
        """What was announced about an order, oldest first: the last words of the events' types."""
        await self.stage.settle()
        return [
            event["type"].rpartition(".")[2] + (" late" if event["late"] else "")
            for event in await self.stage.events(order)
        ]

    async def told_at_least(self, order: View, word: str) -> list[str]:
        """Likewise, once `word` is among it."""
        return await self.stage.eventually(partial(self.told, order), lambda words: word in words)

    async def returned(self) -> int:
        """What reached the payer over all payments of the order, fen."""
        return sum([(await self.stage.truth(each)).returned for each in self.payments])

    async def returned_becomes(self, amount: int) -> int:
        """Likewise, once it is that much and our books say so too; -1 if these two differ."""

        async def read() -> int:
            returned = await self.returned()
            now = [await self.stage.payment(each) for each in self.payments]
            return returned if returned == sum(each["refunded_amount"] for each in now) else -1

        await self.stage.refunds_settle()
        return await self.stage.eventually(read, lambda it: it == amount)

    async def _place(self, key: str) -> Reply:
        return await self.stage.place(self.order_no, self.amount, self.how, key=key)

    def _request(self, ask: Ask, kept: list[View]) -> Ask:
        async def request() -> Reply:
            reply = await ask()
            self.replies.append(reply)
            if reply.refusal is None and all(it["id"] != reply.view["id"] for it in kept):
                kept.append(reply.view)
            return reply

        self._last_request = request
        return request
