"""Put simulated providers, the tester's controls and the callback sender behind one port."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from litestar import Litestar
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.types import (
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)

from adapters.clock import MovableClock
from adapters.providers.sandbox import back_office, control, phone
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.callbacks import CallbackSender
from adapters.providers.sandbox.faults import Faults
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import SandboxProvider, World
from adapters.providers.sandbox.wire import Wire

ProviderFactory = Callable[[World], SandboxProvider]


class SandboxInProduction(Exception):
    """Simulators were asked to start in production, where pretended money must not exist."""


class Sandbox(Litestar):
    """The simulators' app. Providers' own paths go past the router, byte for byte."""

    __slots__ = ("wire",)

    wire: Wire

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == ScopeType.HTTP:
            call = cast("HTTPScope", scope)
            if provider := self.wire.provider_of(call["path"]):
                await self.wire.serve(provider, call, cast("Receive", receive), cast("Send", send))
                return
        await super().__call__(scope, receive, send)


def create_sandbox(
    *,
    environment: str,
    clock: MovableClock,
    providers: Sequence[ProviderFactory],
    data_directory: Path | None = None,
    keys: KeyRing | None = None,
) -> Litestar:
    """Build the app; its lifespan runs the callback sender.

    With a `data_directory` book and keys outlive the process, otherwise they are in memory.
    Raises `SandboxInProduction` for any environment but `dev` and `test`.
    """
    if environment not in ("dev", "test"):
        raise SandboxInProduction(f"simulators run in dev and test only, not in {environment!r}")
    kinds: dict[str, frozenset[str]] = {}
    faults = Faults(kinds)
    world = World(clock, Book(data_directory), keys or KeyRing(data_directory), faults)
    by_name = {provider.name: provider for provider in (make(world) for make in providers)}
    kinds |= {name: provider.fault_kinds for name, provider in by_name.items()}
    sender = CallbackSender(world, by_name, faults)

    @asynccontextmanager
    async def deliver_callbacks(_: Litestar) -> AsyncIterator[None]:
        await sender.start()
        try:
            yield
        finally:
            await sender.stop()
            world.book.close()

    app = Sandbox(
        route_handlers=[*control.HANDLERS, *back_office.HANDLERS, *phone.HANDLERS],
        dependencies={
            "world": Provide(lambda: world, sync_to_thread=False),
            "providers": Provide(lambda: by_name, sync_to_thread=False),
            "faults": Provide(lambda: faults, sync_to_thread=False),
        },
        lifespan=[deliver_callbacks],
        openapi_config=None,
        logging_config=None,
    )
    app.wire = Wire(list(by_name.values()), faults, world.book)
    return app
