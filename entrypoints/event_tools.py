"""`basepay events`: watch what is announced, and announce it again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from adapters.ids import made_at
from application.announce_again import first_id
from application.ports import EventPublisher, Outbox, Unavailable
from application.records import Message
from application.views import event_view, to_json
from entrypoints.errors import SettingsError, Trouble
from entrypoints.event_platform import opened
from entrypoints.settings import Settings
from entrypoints.storage import open_store
from entrypoints.telling import tell

BATCH = 500

#: Seconds between looks at the outbox.
REST = 0.5

#: Where there is no NATS, an event becomes readable this much after it was made, at the latest.
OVERLAP = timedelta(minutes=1)


async def tail(settings: Settings, *, since: datetime, app: str | None) -> None:
    """Print each event as one line of JSON, as it is announced, until cancelled."""
    follow = _followed_store if settings.nats.url is None else _followed_stream
    async with aclosing(follow(settings, since, app)) as events:
        async for event in events:
            tell(event.decode())


async def _followed_stream(
    settings: Settings, since: datetime, app: str | None
) -> AsyncGenerator[bytes, None]:
    from adapters.nats.events import follow

    platform = await opened(settings.nats)
    try:
        async with aclosing(follow(platform, since=since, app=app)) as events:
            async for event in events:
                yield event
    except Unavailable:
        raise Trouble("nats.url: does not answer; try again when it is up") from None
    finally:
        await platform.aclose()


async def _followed_store(
    settings: Settings, since: datetime, app: str | None
) -> AsyncGenerator[bytes, None]:
    store = await open_store(settings)
    try:
        async with aclosing(announced(store.outbox, since=since)) as messages:
            async for message in messages:
                if app in (None, message.app):
                    yield to_json(event_view(message))
    finally:
        await store.close()


async def announced(
    outbox: Outbox, *, since: datetime, rest: float = REST
) -> AsyncGenerator[Message, None]:
    """Every announced event that was made from then on, once, and so on for ever."""
    start = last = first_id("evt", since)
    seen: set[str] = set()
    while True:
        while messages := await outbox.announced(last, BATCH):
            last = messages[-1].id
            for message in messages:
                if message.id not in seen:
                    seen.add(message.id)
                    yield message
        last = max(start, first_id("evt", datetime.now(UTC) - OVERLAP))
        seen = {id for id in seen if id > last}
        await asyncio.sleep(rest)


async def replay(
    settings: Settings, *, since: datetime, until: datetime, app: str | None = None
) -> int:
    """Announce a range on NATS again, the same ids, oldest first; how many. Raises Trouble."""
    if settings.nats.url is None:
        raise SettingsError(
            "nats.url: is not configured, so nothing is announced elsewhere; events stay readable "
            "at /v1/events, and webhooks are sent again by POST /v1/events/redeliver"
        )
    from adapters.nats.events import JetStreamEvents

    store = await open_store(settings)
    platform = await opened(settings.nats)
    try:
        publisher = JetStreamEvents(platform)
        return await announce_range(store.outbox, publisher, since=since, until=until, app=app)
    finally:
        await platform.aclose()
        await store.close()


async def announce_range(
    outbox: Outbox,
    publisher: EventPublisher,
    *,
    since: datetime,
    until: datetime,
    app: str | None = None,
) -> int:
    """Hand over what was announced between the two; how many. Raises Trouble."""
    count, last, end = 0, first_id("evt", since), first_id("evt", until)
    while last < end and (messages := await outbox.announced(last, BATCH)):
        last = messages[-1].id
        wanted = [each for each in messages if each.id < end and app in (None, each.app)]
        taken = set(await publisher.publish(wanted)) if wanted else set()
        count += len(taken)
        if left := [each for each in wanted if each.id not in taken]:
            at = made_at(left[0].id).isoformat()
            raise Trouble(
                f"the event platform took {count} events and then no more; go on with --from {at}"
            )
    return count


def moment(text: str | None) -> datetime:
    """A time as people type it; now, if they did not. Raises Trouble."""
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at
    except ValueError:
        pass
    raise Trouble(f"expected a time with its offset, like 2026-11-26T12:00+08:00, got {text!r}")
