"""The one place that names concrete adapters: settings in, a running basepay out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.clock import MovableClock, SystemClock
from adapters.ids import new_ulid
from adapters.persistence.sql.store import SqlStore
from adapters.providers.transport import AiohttpTransport
from application.app import App, World
from application.ports import Clock
from entrypoints.account_makers import Outside
from entrypoints.configured import Configured
from entrypoints.event_platform import EventPlatform, event_platform
from entrypoints.no_store import NoStore
from entrypoints.platform_settings import Nats
from entrypoints.reconciling import reconciliation_of
from entrypoints.roles import ROLES, Role
from entrypoints.settings import Settings
from entrypoints.sharing import Sharing, sharing
from entrypoints.storage import open_store
from entrypoints.unswept import warn_of_unswept
from entrypoints.upkeep import Upkeep, upkeep_of
from entrypoints.webhooks import webhooks_of
from entrypoints.worker import Wakeups


@dataclass(frozen=True, slots=True)
class Basepay:
    """A wired basepay and what its processes hold on to."""

    app: App
    store: SqlStore
    wakeups: Wakeups
    configured: Configured
    upkeep: Upkeep
    sweeps: bool = True

    async def follow(self, settings: Settings) -> None:
        """Take other accounts while running. Raises SettingsError, and then nothing has changed."""
        await self.configured.follow(settings, getting_ready=self.upkeep.get_ready)
        self.upkeep.follow(self.configured.accounts.values())
        if self.sweeps:
            await warn_of_unswept(self.store.agenda, settings)


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock | None = None, *, roles: Collection[Role] = ROLES
) -> AsyncIterator[Basepay]:
    """Open what the settings name and these roles need; closed in the opposite order.

    Raises SettingsError.
    """
    async with AsyncExitStack() as stack:
        clock = clock or SystemClock()
        transport = AiohttpTransport()
        stack.push_async_callback(transport.aclose)
        twins = await stack.enter_async_context(sharing(settings, clock))
        configured = Configured(Outside(transport, clock, twins.shared))
        await configured.follow(settings)
        needs = needs_of(roles, settings)
        store = await open_store(settings, clock) if needs.database else NoStore()
        stack.push_async_callback(store.close)
        wakeups = Wakeups()
        store.on_message, store.on_callback = wakeups.message.set, wakeups.callback.set
        store.webhooks.on_delivery = wakeups.delivery.set
        webhooks = await stack.enter_async_context(webhooks_of(settings.webhooks, store))
        platform = await stack.enter_async_context(
            event_platform(
                settings.nats if needs.event_platform else Nats(),
                kept=store.callbacks,
                clock=clock,
                on_callback=wakeups.callback.set,
            )
        )
        world = _world(
            settings, clock, store, twins=twins, platform=platform, configured=configured
        )
        pings = _pings(needs, roles, store, platform)
        app = App(replace(world, webhooks=webhooks, pings=pings))
        upkeep = await stack.enter_async_context(upkeep_of(configured.accounts.values()))
        sweeps = "worker" in roles
        if sweeps:
            await warn_of_unswept(store.agenda, settings)
        yield Basepay(app, store, wakeups, configured, upkeep, sweeps)


def clock_of(settings: Settings) -> Clock | None:
    """The clock that all processes read in one file, if the settings name one."""
    return MovableClock(file=Path(settings.clock_file)) if settings.clock_file else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a process opens."""

    database: bool
    event_platform: bool


def needs_of(roles: Collection[Role], settings: Settings) -> Needs:
    """With NATS the gateway needs no database; the API needs no NATS in any case."""
    only_gateway = set(roles) == {"gateway"}
    return Needs(
        database=not (only_gateway and settings.nats.url), event_platform=set(roles) != {"api"}
    )


def _pings(
    needs: Needs, roles: Collection[Role], store: SqlStore, platform: EventPlatform
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Who can't be reached is sent no requests: so only what these roles can't answer without."""
    pings: dict[str, Callable[[], Awaitable[None]]] = {}
    if needs.database:
        pings["database"] = store.ping
    if platform.ping is not None and "gateway" in roles:
        pings["event_platform"] = platform.ping
    return pings


def _world(
    settings: Settings,
    clock: Clock,
    store: SqlStore,
    *,
    twins: Sharing,
    platform: EventPlatform,
    configured: Configured,
) -> World:
    return World(
        work=store.work,
        outbox=store.outbox,
        callbacks=platform.callbacks,
        agenda=store.agenda,
        library=store.library,
        directory=store.directory,
        publisher=platform.publisher,
        event_log=platform.event_log,
        locks=twins.locks,
        answers=twins.answers,
        accounts=configured.accounts,
        clock=clock,
        wall_clock=SystemClock(),
        new_id=new_ulid,
        number_prefix=settings.number_prefix,
        pings={},
        reconciliation=reconciliation_of(settings.reconciliation, store),
        switches=None if settings.environment == "production" else store.switches,
        one_fen=settings.one_fen,
        shared=twins.shared,
        wechat_apps=configured.wechat_apps,
        mp_verify=configured.mp_verify,
        visitors=configured.visitors if settings.wechat.proof_for_tencent_only else None,
        trusted_proxies=tuple(settings.http.trusted_proxies),
    )
