"""Tells other processes that something was committed for them. Polling is the safety net."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from adapters.persistence.sql.postgres.connection import Connection

log = logging.getLogger("basepay.database")

CHANNEL = "basepay"

#: Rings within this time are one. Every NOTIFY waits in one line for the whole server, so it is
#: never part of a unit, and there are few of them.
QUIET_SECONDS = 0.005

#: Seconds before a lost line is opened again.
REST_SECONDS = 1.0


class Bell:
    """Rings at the others, and hears them; belongs to the event loop that made it."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], hear: Callable[[str], None]
    ) -> None:
        self._connect, self._hear = connect, hear
        self._rung: set[str] = set()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._keep_ringing())

    def ring(self, what: str) -> None:
        """Soon, and at all other processes; nobody waits for it."""
        self._rung.add(what)
        self._wake.set()

    async def close(self) -> None:
        """Repeating it is harmless."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _keep_ringing(self) -> None:
        while True:
            try:
                await self._ring_until_it_is_cut()
            except Exception as error:  # noqa: BLE001 -- whatever it is, polling goes on
                log.debug("no line to other processes: %s", type(error).__name__)
            await asyncio.sleep(REST_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 -- no secret

    async def _ring_until_it_is_cut(self) -> None:
        connection = await self._connect()
        try:
            await connection.execute("SET synchronous_commit = off")  # nothing here is worth a wait
            connection.add_termination_listener(lambda _: self._wake.set())
            await connection.add_listener(CHANNEL, self._heard_by(connection))
            await self._ring_on(connection)
        finally:
            connection.terminate()

    async def _ring_on(self, connection: Connection) -> None:
        while not connection.is_closed():
            self._wake.clear()
            while self._rung:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._rung.pop())
                await asyncio.sleep(QUIET_SECONDS)
            await self._wake.wait()

    def _heard_by(self, connection: Connection) -> Callable[..., None]:
        ours = connection.get_server_pid()

        def heard(_: object, pid: int, channel: str, what: str) -> None:  # noqa: ARG001 -- as asyncpg calls it
            if pid != ours:
                self._hear(what)

        return heard
