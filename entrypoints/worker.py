"""The background work of one process: apply callbacks, announce events, deliver, sweep."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from application.app import App
from application.deliver_webhooks import DeliverWebhooks

log = logging.getLogger("basepay.worker")

#: Seconds between looks at the store when nothing woke a loop.
IDLE = 1.0

#: Seconds to rest after a step that failed, so that a broken store is not hammered.
REST = 1.0


class Wakeups:
    """Tells a loop that something was committed for it; polling is only the safety net."""

    def __init__(self) -> None:
        self.callback = asyncio.Event()
        self.message = asyncio.Event()
        self.delivery = asyncio.Event()
        self.never = asyncio.Event()


async def work(app: App, wakeups: Wakeups, *, idle: float = IDLE) -> None:
    """Run until cancelled. Every step may be cut anywhere: what it did is committed or not."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_repeat(app.apply_callbacks, wakeups.callback, idle))
        tasks.create_task(_repeat(app.announce_events, wakeups.message, idle))
        tasks.create_task(_deliver_each(app.deliver_webhooks, tasks, wakeups.delivery, idle))
        tasks.create_task(_sweep_each(app, tasks, wakeups.never, idle))


async def _sweep_each(
    app: App, tasks: asyncio.TaskGroup, never: asyncio.Event, idle: float
) -> None:
    """One loop an account, so that a silent provider holds up nobody else; new ones join in."""
    swept: set[str] = set()
    while True:
        for name in set(app.accounts) - swept:
            tasks.create_task(_repeat(partial(app.sweep.account, name), never, idle))
            swept.add(name)
        await asyncio.sleep(idle)


async def _deliver_each(
    deliver_webhooks: DeliverWebhooks, tasks: asyncio.TaskGroup, wake: asyncio.Event, idle: float
) -> None:
    """One task an endpoint while it has something due: a silent receiver holds up nobody else."""
    busy: set[str] = set()

    async def deliver(endpoint: str) -> None:
        try:
            while await deliver_webhooks.endpoint(endpoint):
                pass
        except Exception:
            log.exception("could not deliver to %s; trying again", endpoint)
            await asyncio.sleep(REST)
        finally:
            busy.discard(endpoint)

    async def start() -> int:
        for endpoint in set(await deliver_webhooks.due()) - busy:
            busy.add(endpoint)
            tasks.create_task(deliver(endpoint))
        return 0

    await _repeat(start, wake, idle)


async def _repeat(step: Callable[[], Awaitable[int]], wake: asyncio.Event, idle: float) -> None:
    while True:
        wake.clear()
        try:
            if await step():
                continue
        except Exception:  # a store that is down for a moment must not end the loop
            log.exception("background work failed; trying again")
            await asyncio.sleep(REST)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(idle):
                await wake.wait()
