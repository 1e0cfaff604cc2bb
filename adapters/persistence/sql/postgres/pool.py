"""A bounded number of held connections, and how one is made."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from adapters.persistence.sql.postgres.connection import Connection
from adapters.persistence.sql.postgres.errors import spoils, translated
from application.ports import Unavailable

T = TypeVar("T")

#: Connections of one process. What waits for the disk is committed together by the server, so
#: that more of them bring little, and every one costs the server memory.
SIZE = 16

#: How long a request waits for a free connection, a connection for the server's welcome, and
#: anybody for an answer.
TURN_SECONDS, WELCOME_SECONDS, ANSWER_SECONDS = 5.0, 5.0, 10.0

#: The server gives up a little before we do, so that we learn that nothing was kept.
_SETTINGS = {
    "application_name": "basepay",
    "statement_timeout": "8000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
    "default_transaction_isolation": "read committed",
    "jit": "off",
}

#: For what lasts: a statement that reads a day of movements, held open while they are matched.
PATIENT_SECONDS = 600.0
_PATIENT = {
    "statement_timeout": "590000",
    "idle_in_transaction_session_timeout": "600000",
    "work_mem": "65536",
}

#: Who turned it off for the whole server did not think of money.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, and who we are there."""

    url: str = field(repr=False)
    password: str | None = field(default=None, repr=False)

    async def connect(
        self,
        *,
        settings: Mapping[str, str] = {},
        answer_seconds: float | None = ANSWER_SECONDS,
    ) -> Connection:
        """A connection of our own. Raises Unavailable."""
        try:
            connection: Connection = await asyncpg.connect(
                self.url,
                password=self.password,
                timeout=WELCOME_SECONDS,
                command_timeout=answer_seconds,
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                server_settings={**_SETTINGS, **settings},
            )
            try:
                await connection.execute(_DURABLE)
            except BaseException:  # cancelled, too
                connection.terminate()
                raise
        except ValueError:
            raise Unavailable(
                "its URL can't be read: write what is special in a password as %40 and the like"
            ) from None
        except Exception as error:  # noqa: BLE001 -- raised again in our words
            raise translated(error) from None  # without what may hold the URL
        return connection

    async def connect_patiently(self) -> Connection:
        """A connection for what lasts. Raises Unavailable."""
        return await self.connect(settings=_PATIENT, answer_seconds=PATIENT_SECONDS)


class Pool:
    """Lends connections; belongs to the event loop that made it.

    Nothing is reset between two uses: nobody here leaves anything behind in a session.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int = SIZE) -> None:
        self._connect = connect
        self._free: list[Connection] = []
        self._size, self._turns = size, asyncio.Semaphore(size)
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    async def use(self, ask: Callable[[Connection], Awaitable[T]]) -> T:
        """What `ask` found on a connection of its own. Raises what ports promise."""
        await self._turn()
        try:
            connection = await self._one()
            try:
                return await ask(connection)
            except Exception as error:  # noqa: BLE001 -- raised again in our words
                if spoils(error):
                    connection.terminate()
                raise translated(error) from None  # it may quote the row
            except BaseException:  # cancelled: the server may still be at it
                connection.terminate()
                raise
            finally:
                self._give_back(connection)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Let everybody finish, then let go. Repeating it is harmless."""
        self._closed = True
        for _ in range(self._size):
            await self._turns.acquire()  # the last one is given back
        self._turns = asyncio.Semaphore(self._size)
        free, self._free = self._free, []
        for connection in free:
            connection.terminate()

    async def _turn(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("every connection to the database is busy") from None

    async def _one(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def _give_back(self, connection: Connection) -> None:
        if not connection.is_closed():
            self._free.append(connection)
