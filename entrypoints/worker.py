"""The background work of one process: apply callbacks, announce events, deliver, sweep."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from application.app import App
from application.deliver_webhooks import DeliverWebhooks
from application.ports import Unavailable
from application.reconciliation_records import Run
from application.reconciliations import Reconciliations

log = logging.getLogger("basepay.worker")

#: Reconciliation runs of one process at a time; each sorts in memory and reads the books.
RUNS_AT_ONCE = 2

Step = Callable[[], Awaitable[int]]

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
        self.stop = asyncio.Event()

    def end(self) -> None:
        """Begin nothing any more."""
        for event in (self.stop, self.callback, self.message, self.delivery):
            event.set()


async def work(app: App, wakeups: Wakeups, *, idle: float = IDLE) -> None:
    """Run until told to stop: what is under way is ended, and nothing begun.

    Every step may be cut anywhere all the same: what it did is committed or not.
    """
    async with asyncio.TaskGroup() as tasks:

        def keep(step: Step, wake: asyncio.Event) -> None:
            tasks.create_task(_repeat(step, wake, wakeups.stop, idle))

        keep(app.apply_callbacks, wakeups.callback)
        keep(app.announce_events, wakeups.message)
        if app.announce_again is not None:
            keep(_look(app.announce_again), asyncio.Event())
        keep(_deliver_each(app.deliver_webhooks, tasks, wakeups.stop), wakeups.delivery)
        if app.reconciliations is not None:
            keep(_reconcile_each(app.reconciliations, tasks, wakeups.stop), asyncio.Event())
        swept: set[str] = set()
        while not wakeups.stop.is_set():
            # One loop an account, so that a silent provider holds up nobody else; new ones join in.
            for name in set(app.accounts) - swept:
                keep(partial(app.sweep.account, name), asyncio.Event())
                swept.add(name)
            await _wait(wakeups.stop, idle)


def _look(announce_again: Step) -> Step:
    """Now and then; what the platform does not take now is found again at the next look."""

    async def look() -> int:
        with contextlib.suppress(Unavailable):  # nothing can be said about it just now
            await announce_again()
        return 0

    return look


def _deliver_each(
    deliver_webhooks: DeliverWebhooks, tasks: asyncio.TaskGroup, stop: asyncio.Event
) -> Step:
    """One task an endpoint while it has something due: a silent receiver holds up nobody else."""
    busy: set[str] = set()

    async def deliver(endpoint: str) -> None:
        try:
            while not stop.is_set() and await deliver_webhooks.endpoint(endpoint):
                pass
        except Exception:
            log.exception("could not deliver to %s; trying again", endpoint)
            await _wait(stop, REST)
        finally:
            busy.discard(endpoint)

    async def start() -> int:
        for endpoint in set(await deliver_webhooks.due()) - busy:
            busy.add(endpoint)
            tasks.create_task(deliver(endpoint))
        return 0

    return start


def _reconcile_each(
    reconciliations: Reconciliations, tasks: asyncio.TaskGroup, stop: asyncio.Event
) -> Step:
    """A task a run, a few at a time: a large account's bill does not hold up the small ones."""
    busy: set[str] = set()

    async def execute(run: Run) -> None:
        try:
            await reconciliations.reconcile.execute(run)
        except Exception:
            log.exception("%s %s could not be reconciled; later again", run.account, run.day)
        finally:
            busy.discard(run.id)

    async def start() -> int:
        await reconciliations.schedule()
        for run in await reconciliations.reconcile.due(RUNS_AT_ONCE + len(busy)):
            if run.id not in busy and len(busy) < RUNS_AT_ONCE and not stop.is_set():
                busy.add(run.id)
                tasks.create_task(execute(run))
        return 0

    return start


async def _repeat(step: Step, wake: asyncio.Event, stop: asyncio.Event, idle: float) -> None:
    while not stop.is_set():
        wake.clear()
        try:
            if await step():
                continue
        except Exception:  # a store that is down for a moment must not end the loop
            log.exception("background work failed; trying again")
            await _wait(stop, REST)
        await _wait(wake, idle)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until it is set, but no longer than this."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
