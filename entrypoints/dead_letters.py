"""Callbacks that were given up: operators see them, and bring them back once mended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.clock import SystemClock
from application.ports import DeadCallbacks, Unavailable
from entrypoints.errors import SettingsError, Trouble
from entrypoints.event_platform import opened
from entrypoints.settings import Settings
from entrypoints.storage import open_store

#: So many are listed; with more of them something is wrong that one mend cures for all.
MOST = 1_000


async def list_dead(settings: Settings) -> str:
    """A line each: id, account, when it came. Raises SettingsError."""
    async with _dead_callbacks(settings) as letters:
        rows = [
            f"{each.id}\t{each.account}\t{each.received_at.isoformat(timespec='seconds')}"
            for each in await letters.dead(MOST)
        ]
    return "\n".join(rows) or "no dead callbacks"


async def replay_dead(settings: Settings, id: str | None) -> str:
    """Offer one again, or all of them. Raises SettingsError, Trouble for an unknown id."""
    async with _dead_callbacks(settings) as letters:
        ids = [id] if id else [each.id for each in await letters.dead(MOST)]
        revived = [each for each in ids if await letters.revive(each)]
    if id and not revived:
        raise Trouble(f"{id}: not among the dead callbacks; `basepay callbacks dead` lists them")
    return f"{len(revived)} offered again"


@asynccontextmanager
async def _dead_callbacks(settings: Settings) -> AsyncIterator[DeadCallbacks]:
    if settings.nats.url is None:
        store = await open_store(settings)
        try:
            yield store.dead_callbacks
        finally:
            await store.close()
        return
    from adapters.nats.callbacks import JetStreamCallbacks

    platform = await opened(settings.nats)
    try:
        yield JetStreamCallbacks(platform, clock=SystemClock())
    except Unavailable as error:
        raise SettingsError(f"nats.url: {error}") from None
    finally:
        await platform.aclose()
