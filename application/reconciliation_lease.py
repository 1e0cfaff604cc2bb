"""A run belongs to who executes it, as long as he says so every few seconds."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self

from application.ports import Clock, LostUpdate, Unavailable
from application.reconciliation_ports import Runs
from application.reconciliation_records import Run, RunStatus

log = logging.getLogger("basepay.reconciliation")

#: A run whose executor has not been heard of for so long is anybody's.
LEASE = timedelta(minutes=1)

#: Seconds between two signs of life.
RENEW_EVERY = 5.0

#: Called with the rows read so far and those of each second since the last call.
Tell = Callable[[int, float], None]


class Superseded(Exception):
    """Somebody else executes the run now: what we did of it counts no more."""


def claim(run: Run, clock: Clock) -> bool:
    """Take the run if it waits for somebody now; it is ours once it is saved."""
    now = clock.now()
    waits = run.status is RunStatus.WAITING and (run.next_try_at or now) <= now
    abandoned = run.status is RunStatus.RUNNING and (run.leased_until or now) <= now
    if waits or abandoned:
        run.status, run.attempt, run.progress = RunStatus.RUNNING, run.attempt + 1, 0
        run.leased_until = now + LEASE
    return waits or abandoned


class Lease:
    """Keeps one run's lease, and its progress with it; nobody else may save the run meanwhile."""

    def __init__(self, run: Run, runs: Runs, clock: Clock, tell: Tell | None) -> None:
        self._run, self._runs, self._clock, self._tell = run, runs, clock, tell
        self._saving = asyncio.Lock()
        self._lost = False
        self._told_at, self._told_rows = asyncio.get_running_loop().time(), 0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Self]:
        """Inside the block it is renewed; at the end of it the run is the caller's to save."""
        task = asyncio.create_task(self._renew())
        try:
            yield self
        finally:
            async with self._saving:  # cancelled while saving, it would not know what is kept
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def next_attempt(self) -> None:
        """Begin anew. Raises Superseded."""
        self._run.attempt += 1
        await self._save()
        self.check()

    def went_on(self, rows: int) -> None:
        """So many more were read. Raises Superseded."""
        self._run.progress += rows
        self.check()

    def check(self) -> None:
        """Raises Superseded."""
        if self._lost:
            raise Superseded(self._run.id)

    async def _renew(self) -> None:
        while not self._lost:
            await asyncio.sleep(RENEW_EVERY)
            self._tell_pace()
            with contextlib.suppress(Unavailable):  # the lease may still be renewed next time
                await self._save()

    async def _save(self) -> None:
        async with self._saving:
            self._run.leased_until = self._clock.now() + LEASE
            try:
                await self._runs.save(self._run)
            except LostUpdate:
                self._lost = True

    def _tell_pace(self) -> None:
        now, rows = asyncio.get_running_loop().time(), self._run.progress
        pace = max(0.0, (rows - self._told_rows) / (now - self._told_at))
        self._told_at, self._told_rows = now, rows
        log.info("%s %s: %s rows, %.0f a second", self._run.account, self._run.day, rows, pace)
        if self._tell is not None:
            self._tell(rows, pace)
