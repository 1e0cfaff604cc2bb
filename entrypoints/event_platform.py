"""The event platform: NATS JetStream where it is configured, else the database itself."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.in_process.publisher import InProcessPublisher
from application.ports import CallbackQueue, Clock, EventLog, EventPublisher
from entrypoints.errors import SettingsError
from entrypoints.platform_settings import Nats

if TYPE_CHECKING:  # what need not be loaded without NATS
    from adapters.nats.platform import Platform

log = logging.getLogger("basepay.nats")


@dataclass(frozen=True, slots=True)
class EventPlatform:
    """Callbacks in, events out, and what has to be held against the outbox."""

    publisher: EventPublisher
    callbacks: CallbackQueue
    event_log: EventLog | None = None  # None: the outbox itself is the log
    ping: Callable[[], Awaitable[None]] | None = None  # raises Unavailable


@asynccontextmanager
async def event_platform(
    nats: Nats, *, kept: CallbackQueue, clock: Clock, on_callback: Callable[[], None]
) -> AsyncIterator[EventPlatform]:
    """Open it; `kept`: the queue in the database. Raises SettingsError.

    A NATS that is down does not stop the start; one whose streams differ does.
    """
    if nats.url is None:
        yield EventPlatform(InProcessPublisher(), kept)
        return
    from adapters.nats.callbacks import JetStreamCallbacks
    from adapters.nats.events import JetStreamEvents

    platform = await opened(nats)
    events = JetStreamEvents(platform)
    callbacks = JetStreamCallbacks(platform, clock=clock, on_callback=on_callback)
    try:
        yield EventPlatform(events, callbacks, events, platform.ping)
    finally:
        await callbacks.aclose()
        await platform.aclose()


async def opened(nats: Nats) -> "Platform":
    """A connection with everything declared. Raises SettingsError."""
    from adapters.nats.declared import StreamDiffers
    from adapters.nats.platform import Platform
    from adapters.nats.syncing import loses_power_cuts

    platform = Platform(nats.url or "", replicas=nats.replicas)
    try:
        await platform.open()
    except StreamDiffers as error:
        await platform.aclose()
        raise SettingsError(f"nats: {error}") from None
    if warning := await loses_power_cuts(nats.monitor_url):
        log.warning("%s; what is lost is published again from the database", warning)
    return platform
