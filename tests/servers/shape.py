"""The many-machine shape in one test: instances of each role over real servers, and simulators."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import httpx
from msgspec.structs import replace

from adapters.clock import MovableClock
from adapters.http.app import create_http
from domain.method import Method
from entrypoints.bootstrap import running
from entrypoints.dev import Started, credentials_of, keys_of, table
from entrypoints.roles import Role
from entrypoints.sandbox import simulators
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import Database, check
from entrypoints.storage import upgrade_schema
from entrypoints.web import background
from tests.asking import an_order_by
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

#: With NATS the gateway needs no database, so it is told of one that is not there.
NOWHERE = Database(url="postgresql://nobody@127.0.0.1:1/nothing")

PATIENCE_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.02


class Shape:
    """Two of the API, a gateway and a worker, each with connections of its own."""

    def __init__(
        self, postgres: PostgresServer, redis: RedisServer, nats: NatsServer, data_dir: Path
    ) -> None:
        self.postgres, self.redis, self.nats = postgres, redis, nats
        self._data_dir, self._stack = data_dir, AsyncExitStack()
        self._roles = AsyncExitStack()

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        self._clock = MovableClock(file=self._data_dir / "clock")
        sandbox, self._gateway = bind(0), bind(0)
        self._stack.callback(self._gateway.close)
        await enter(serving(simulators(self._clock, None), sandbox))
        self.sandbox = await enter(httpx.AsyncClient(base_url=url_of(sandbox), timeout=30))
        credentials = await credentials_of(url_of(sandbox))
        self._written = table(url_of(self._gateway), url_of(sandbox), self._data_dir, credentials)
        self._written |= {
            "redis": {"url": self.redis.url},
            "nats": {"url": self.nats.url(), "monitor_url": self.nats.monitor_url},
        }
        await self.serve_from(await self.postgres.create())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self._stack.aclose()

    async def serve_from(self, database_url: str) -> None:
        """Every role, over this database."""
        self._settings = check(self._written | {"database": {"url": database_url}})
        self.database_url = database_url
        await asyncio.to_thread(upgrade_schema, self._settings)
        self.gateway = await self._serve("gateway", self._gateway.dup())
        self.apis: list[httpx.AsyncClient] = [await self._serve("api", bind(0)) for _ in range(2)]
        enter = self._roles.enter_async_context
        worker = await enter(running(self._settings, self._clock, roles=["worker"]))
        keys = await keys_of(worker.store.directory, self._clock, self._data_dir)
        await enter(background(worker, idle=0.05))
        for api in self.apis:
            api.headers["Authorization"] = f"Bearer {keys[0]}"
        urls = str(self.apis[0].base_url), str(self.sandbox.base_url)
        #: What `basepay dev` tells.
        self.started = asdict(Started(urls[0], *keys, sandbox_url=urls[1]))

    async def end(self) -> None:
        """Of every role; the servers and the simulators go on."""
        await self._roles.aclose()

    async def pay(
        self, number: str, method: Method = Method.WECHAT_NATIVE, *, api: int = 0
    ) -> httpx.Response:
        """Order at one of the two; the same number is the same key."""
        order = {"order_no": number, "amount": 1999, "subject": "Tea", **an_order_by(method)}
        headers = {"Idempotency-Key": number}
        return await self.apis[api].post("/v1/payments", json=order, headers=headers)

    async def payer_pays(self, payment: Any) -> None:
        number = {"provider_order_no": payment["provider_order_no"]}
        (await self.sandbox.post("/sandbox/payer/pay", json=number)).raise_for_status()

    async def status(self, payment: Any) -> str:
        answer = await self.apis[1].get(f"/v1/payments/{payment['id']}")
        return str(answer.json()["status"]) if answer.is_success else answer.reason_phrase

    async def can_be_paid(self, payment: Any) -> bool:
        answer = await self.apis[1].get(f"/v1/payments/{payment['id']}")
        return answer.is_success and answer.json()["action"] is not None

    async def heard(self, payment: Any) -> list[str]:
        """What was announced about it."""
        items = (await self.apis[0].get("/v1/events")).raise_for_status().json()["items"]
        return [each["type"] for each in items if each["subject"] == payment["id"]]

    async def book(self) -> Any:
        """The providers' truth."""
        return (await self.sandbox.get("/sandbox/book")).json()

    async def time_passes(self, seconds: float) -> None:
        moved = await self.sandbox.post("/sandbox/clock", json={"advance_seconds": seconds})
        moved.raise_for_status()

    async def until(self, read: Callable[[], Any], wanted: Any) -> Any:
        """What is read, at the latest after a while."""
        seen = await read()
        for _ in range(int(PATIENCE_SECONDS / LOOK_EVERY_SECONDS)):
            if seen == wanted:
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            seen = await read()
        return seen

    async def _serve(self, role: Role, listener: Any) -> httpx.AsyncClient:
        enter = self._roles.enter_async_context
        settings = (
            replace(self._settings, database=NOWHERE) if role == "gateway" else self._settings
        )
        basepay = await enter(running(settings, self._clock, roles=[role]))
        await enter(serving(create_http(basepay.app, roles=[role]), listener))  # type: ignore[list-item]  # no worker
        return await enter(httpx.AsyncClient(base_url=url_of(listener), timeout=30))
