"""A business system and its payer, as the demo plays them: over HTTP only, like anyone else."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import httpx

from adapters.providers.transport import AiohttpTransport

View = dict[str, Any]
T = TypeVar("T")

PATIENCE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.05


class Shop:
    """Calls the API with an app's key, plays the payer's phone, and arranges trouble."""

    def __init__(self, api: httpx.AsyncClient, sandbox: httpx.AsyncClient) -> None:
        self._api, self._sandbox = api, sandbox
        self._numbers = itertools.count(1)

    @classmethod
    @asynccontextmanager
    async def open(cls, api_url: str, api_key: str, sandbox_url: str) -> AsyncIterator[Self]:
        """Connect to a running stack."""
        headers = {"Authorization": f"Bearer {api_key}"}
        async with (
            httpx.AsyncClient(base_url=api_url, headers=headers, transport=_line()) as api,
            httpx.AsyncClient(base_url=sandbox_url, transport=_line()) as sandbox,
        ):
            yield cls(api, sandbox)

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
    ) -> httpx.Response:
        """Ask for a payment."""
        order = order_no or self.new_number()
        body = {"order_no": order, "amount": amount, "subject": "两杯茶", "method": method}
        headers = {"Idempotency-Key": key or self.new_number()}
        return await self._api.post("/v1/payments", json=body, headers=headers)

    async def open_payment(self, method: str) -> View:
        """A payment that waits for its payer."""
        return View((await self.pay(method)).raise_for_status().json())

    async def paid_payment(self, method: str) -> View:
        """A payment that has succeeded."""
        payment = await self.open_payment(method)
        await self.payer("pay", payment)
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

    async def payment_becomes(self, payment: View, status: str) -> View:
        """Wait until it has this status; the last state if it never does."""
        return await self._until(lambda: self.payment(payment), lambda it: it["status"] == status)

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

    async def payer(self, action: str, payment: View) -> None:
        """The payer's phone; an Alipay order exists only once it is scanned."""
        number = {"provider_order_no": payment["provider_order_no"]}
        if payment["method"].startswith("alipay"):
            await self._sandbox.post("/sandbox/payer/scan", json=number)
        answer = await self._sandbox.post(f"/sandbox/payer/{action}", json=number)
        answer.raise_for_status()

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

    async def book(self) -> View:
        """The providers' truth."""
        return View((await self._sandbox.get("/sandbox/book")).raise_for_status().json())

    async def _read(self, path: str) -> View:
        return View((await self._api.get(path)).raise_for_status().json())

    async def _until(self, read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
        seen = await read()
        for _ in range(int(PATIENCE_SECONDS / LOOK_EVERY_SECONDS)):
            if holds(seen):
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            seen = await read()
        return seen


def _line() -> AiohttpTransport:
    return AiohttpTransport(total_seconds=30)
