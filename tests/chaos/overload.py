"""basepay between customers and two providers, with somebody at their door who counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from litestar.types import ASGIApp, LifeSpanScope, Receive, Scope, Send

from adapters.clock import MovableClock
from adapters.http.app import create_http
from domain.method import Method
from entrypoints.bootstrap import running
from entrypoints.dev import credentials_of, keys_of, table
from entrypoints.sandbox import simulators
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import check
from entrypoints.storage import upgrade_schema
from entrypoints.web import background
from tests.asking import an_order_by
from tests.books import View
from tests.load import Lines

#: Where each provider's calls arrive.
DOORS = {"/v3/": "wechat", "/gateway.do": "alipay"}

PATIENCE_SECONDS = 120.0
LOOK_EVERY_SECONDS = 0.05


class Door:
    """Counts the calls to each provider as they arrive, whatever becomes of them."""

    def __init__(self, app: ASGIApp) -> None:
        self.calls: Counter[str] = Counter()
        self._app = app

    async def __call__(self, scope: Scope | LifeSpanScope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        self.calls.update(name for start, name in DOORS.items() if path.startswith(start))
        await self._app(scope, receive, send)  # type: ignore[arg-type]  # also a lifespan


@dataclass
class Shop(Lines):
    """What customers and testers do."""

    door: Door = field(kw_only=True)

    async def order(self, number: str, method: Method, *, again: str = "") -> View:
        """Ask for it; the status code is kept beside what was answered."""
        body = {"order_no": number, "amount": 1999, "subject": "Tea"} | an_order_by(method)
        headers = {"Idempotency-Key": number + again}
        answer = await self.api.post("/v1/payments", json=body, headers=headers)
        view: View = answer.json()
        return {"code": answer.status_code} | view

    async def suffers(self, kind: str, **fault: Any) -> None:
        """All that WeChat Pay is asked ends so, until everything is `well`."""
        await self.arm(**{"kind": kind, "provider": "wechat", "times": None} | fault)

    async def well(self) -> None:
        """Nothing is wrong any more."""
        (await self.sandbox.delete("/sandbox/faults")).raise_for_status()

    async def stand(self, payments: list[View]) -> list[View]:
        """These payments as they are now."""
        wanted = {each["id"] for each in payments}
        return [each for each in await self.all_of("payments") if each["id"] in wanted]


@asynccontextmanager
async def open_shop(data_dir: Path) -> AsyncIterator[Shop]:
    """All of it in this process, over real sockets."""
    clock, api, sandbox = MovableClock(), bind(0), bind(0)
    door = Door(simulators(clock, None))
    async with serving(door, sandbox):
        credentials = await credentials_of(url_of(sandbox))
        settings = check(table(url_of(api), url_of(sandbox), data_dir, credentials))
        upgrade_schema(settings)
        async with running(settings, clock) as basepay:
            key, _ = await keys_of(basepay.store.directory, clock, data_dir)
            async with (
                serving(create_http(basepay.app), api),
                background(basepay, idle=0.05),
                shop_at(url_of(api), key, url_of(sandbox), door) as shop,
            ):
                yield shop


@asynccontextmanager
async def shop_at(api_url: str, key: str, sandbox_url: str, door: Door) -> AsyncIterator[Shop]:
    """Customers and testers with as many connections as they like."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    nobody, customers, tester = (
        httpx.AsyncClient(base_url=url, timeout=60, limits=limits)
        for url in ("", api_url, sandbox_url)
    )
    customers.headers["Authorization"] = f"Bearer {key}"
    async with Shop(customers, nobody, tester, door=door) as shop:
        yield shop


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it, however long the machine takes."""
    loop = asyncio.get_running_loop()
    patience = loop.time() + PATIENCE_SECONDS
    while not await holds():
        assert loop.time() < patience, "it does not come true"
        await asyncio.sleep(LOOK_EVERY_SECONDS)
