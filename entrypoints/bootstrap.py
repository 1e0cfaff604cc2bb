"""The one place that names concrete adapters: settings in, a running basepay out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.sql.store import SqlStore
from adapters.providers.transport import AiohttpTransport
from application.app import App, World
from application.ports import Clock
from application.shared import Shared
from entrypoints.account_makers import Outside
from entrypoints.configured import Configured
from entrypoints.settings import Settings
from entrypoints.storage import open_store
from entrypoints.upkeep import Upkeep, upkeep_of
from entrypoints.worker import Wakeups


@dataclass(frozen=True, slots=True)
class Basepay:
    """A wired basepay and what its processes hold on to."""

    app: App
    store: SqlStore
    wakeups: Wakeups
    configured: Configured
    upkeep: Upkeep

    async def follow(self, settings: Settings) -> None:
        """Take other accounts while running. Raises SettingsError, and then nothing has changed."""
        await self.configured.follow(settings, getting_ready=self.upkeep.get_ready)
        self.upkeep.follow(self.configured.accounts.values())


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Basepay]:
    """Open everything the settings name; closed in the opposite order. Raises SettingsError."""
    clock, locks = clock or SystemClock(), InProcessLocks()
    transport = AiohttpTransport()
    shared = Shared(tokens=InProcessTokens(clock), locks=locks, clock=clock)
    configured = Configured(Outside(transport, clock, shared))
    await configured.follow(settings)
    store = await open_store(settings, clock)
    wakeups = Wakeups()
    store.on_message, store.on_callback = wakeups.message.set, wakeups.callback.set
    world = World(
        work=store.work,
        outbox=store.outbox,
        callbacks=store.callbacks,
        agenda=store.agenda,
        library=store.library,
        directory=store.directory,
        publisher=InProcessPublisher(),
        locks=locks,
        accounts=configured.accounts,
        clock=clock,
        wall_clock=SystemClock(),
        new_id=new_ulid,
        number_prefix=settings.number_prefix,
        pings={"database": store.ping},
        switches=None if settings.environment == "production" else store.switches,
        one_fen=settings.one_fen,
        shared=shared,
        wechat_apps=configured.wechat_apps,
        mp_verify=configured.mp_verify,
        visitors=configured.visitors if settings.wechat.proof_for_tencent_only else None,
        trusted_proxies=tuple(settings.http.trusted_proxies),
    )
    try:
        async with upkeep_of(configured.accounts.values()) as upkeep:
            yield Basepay(
                app=App(world),
                store=store,
                wakeups=wakeups,
                configured=configured,
                upkeep=upkeep,
            )
    finally:
        await store.close()
        await transport.aclose()
