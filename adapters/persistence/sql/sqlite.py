"""SQLite: one connection writes and commits for everybody waiting, others read."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypedDict, cast
from urllib.parse import quote

import aiosqlite

from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Stored, Value
from application.ports import AlreadyExists, LostUpdate, Unavailable

#: Units in one COMMIT. One fsync serves them all; more would hold the event loop too long.
GROUP = 32

#: How long to wait for another process (a backup, `basepay apps add`) that writes, and how often
#: to look.
BUSY_SECONDS, BUSY_LOOK_SECONDS = 5.0, 0.005

_TAKEN = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}

#: Primary result codes that say something about the machine, not about our statement.
_OUT_OF_ORDER = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


class _How(TypedDict):
    uri: bool
    isolation_level: None
    cached_statements: int


_READING: _How = {"uri": True, "isolation_level": None, "cached_statements": 256}


@dataclass(frozen=True, slots=True)
class _Job:
    unit: Unit
    done: asyncio.Future[None]
    found: list[Stored] = field(default_factory=list)


class Writer:
    """The only connection that writes; belongs to the event loop that opened it.

    Whatever waits is written in one transaction, each unit in a savepoint of its own, so that a
    unit that fails leaves its neighbours alone. Statements take some 10 µs and run here; only the
    COMMIT, which waits for the disk, has a thread. Nobody hears of success before it is through.
    """

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._working: asyncio.Task[None] | None = None
        self._closed = False
        self._connection = _connect(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-commit")

    async def keep(self, unit: Unit) -> None:
        """Return once `unit` is durable. Raises LostUpdate, AlreadyExists, Unavailable.

        A caller that is cancelled meanwhile does not learn whether all of it was kept or nothing.
        """
        await self._do(unit)

    async def take(self, step: Step) -> list[Stored]:
        """Keep one step; the rows that it changed, as they are now. Raises Unavailable."""
        return await self._do(Unit((step,)))

    async def close(self) -> None:
        """Write what waits, then let go of the file. Repeating it is harmless."""
        self._closed = True
        if self._working is not None:
            await self._working
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    async def _do(self, unit: Unit) -> list[Stored]:
        if self._closed:
            raise Unavailable("the store is closed")
        job = _Job(unit, self._loop.create_future())
        self._jobs.append(job)
        if self._working is None:
            self._working = self._loop.create_task(self._work())
        await job.done
        return job.found

    async def _work(self) -> None:
        try:
            while self._jobs:
                batch = [self._jobs.popleft() for _ in range(min(GROUP, len(self._jobs)))]
                _deliver(batch, await self._write(batch))
        finally:
            self._working = None

    async def _write(self, batch: Sequence[_Job]) -> list[Exception | None]:
        try:
            await self._begin()
            results = [await self._applied(job) for job in batch]
            await self._loop.run_in_executor(self._thread, self._connection.execute, "COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:  # a full disk has ended it already
                with suppress(sqlite3.Error):  # if even this fails, the next BEGIN says so
                    self._connection.execute("ROLLBACK")
            return [_translated(error) for _ in batch]
        return results

    async def _begin(self) -> None:
        """Begin, waiting for another process that writes without holding up the event loop."""
        patience = self._loop.time() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self._loop.time() >= patience:
                    raise
                await asyncio.sleep(BUSY_LOOK_SECONDS)
            else:
                return

    async def _applied(self, job: _Job) -> Exception | None:
        if job.unit.lasts:
            return await self._loop.run_in_executor(self._thread, self._apply, job)
        return self._apply(job)

    def _apply(self, job: _Job) -> Exception | None:
        execute = self._connection.execute
        execute("SAVEPOINT unit")
        try:
            for step in job.unit.steps:
                done = execute(step.text, step.values)
                if done.description is not None:
                    done.row_factory = sqlite3.Row
                    job.found.extend(done)
                if step.changes_one and done.rowcount != 1:
                    raise LostUpdate("the row was changed meanwhile")  # noqa: TRY301 -- undone below
        except sqlite3.OperationalError:
            raise  # the machine is out of order: that concerns the whole transaction
        except Exception as error:  # noqa: BLE001 -- handed on to the one who waits for this unit
            execute("ROLLBACK TO unit")
            execute("RELEASE unit")
            return _translated(error)
        execute("RELEASE unit")
        return None


class Reader:
    """Connections that only read: each statement sees what is committed when it starts.

    A single row by its key comes from the page cache in some 20 µs, less than waking a thread
    costs, so that one is read where it is asked for; lists are read on a thread of their own.
    """

    def __init__(
        self, connection: aiosqlite.Connection, at_once: sqlite3.Connection, address: str
    ) -> None:
        self._connection, self._at_once, self._address = connection, at_once, address
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """`path` exists, and its writer is open."""
        address = f"file:{quote(str(path))}?mode=ro"
        connection = await aiosqlite.connect(address, **_READING)
        at_once = sqlite3.connect(address, timeout=0, **_READING)  # it must never wait
        connection.row_factory = at_once.row_factory = sqlite3.Row
        return cls(connection, at_once, address)

    async def rows(self, statement: Prepared, values: Mapping[str, Value]) -> list[Stored]:
        """All rows. Raises Unavailable."""
        try:
            found = await self._connection.execute_fetchall(statement.text, statement.bind(values))
        except sqlite3.OperationalError as error:
            raise _translated(error) from error
        except ValueError as error:  # how aiosqlite says that it is closed
            raise Unavailable(str(error)) from error
        return list(found)

    async def row(self, statement: Prepared, values: Mapping[str, Value]) -> Stored | None:
        """The only row, or None. Raises Unavailable."""
        try:
            found = self._at_once.execute(statement.text, statement.bind(values)).fetchone()
        except sqlite3.OperationalError as error:
            raise _translated(error) from error
        except sqlite3.ProgrammingError as error:  # how sqlite3 says that it is closed
            raise Unavailable(str(error)) from error
        return cast("Stored | None", found)

    async def pages(
        self, statement: Prepared, values: Mapping[str, Value], size: int
    ) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """All rows, `size` at a time, as they were when it began; holds nobody up.

        To sort them takes a thread; then each comes in a microsecond, much less than a thread
        would wait for its turn between two rows while others work.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            connection = sqlite3.connect(
                self._address, check_same_thread=False, timeout=0, **_READING
            )
            try:
                cursor = await _begin_reading(connection, statement, values)
                while rows := cursor.fetchmany(size):
                    yield rows
                    await asyncio.sleep(0)
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise _translated(error) from error

    async def close(self) -> None:
        self._closed = True
        self._at_once.close()
        await self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what is acknowledged survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


async def _begin_reading(
    connection: sqlite3.Connection, statement: Prepared, values: Mapping[str, Value]
) -> sqlite3.Cursor:
    """Up to the first row: what takes long before it happens here, in a thread."""
    begun = asyncio.ensure_future(
        asyncio.to_thread(connection.execute, statement.text, statement.bind(values))
    )
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        connection.interrupt()
        with suppress(sqlite3.Error):
            await begun
        raise


def _deliver(batch: Sequence[_Job], results: Sequence[Exception | None]) -> None:
    signals = set()
    for job, error in zip(batch, results, strict=True):
        if error is None and job.unit.signal is not None:
            signals.add(job.unit.signal)
        if job.done.done():  # its caller was cancelled
            continue
        if error is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)
    for signal in signals:
        signal()


def _translated(error: Exception) -> Exception:
    """Our word for it; what is our own mistake (a CHECK, a wrong statement) stays as it is."""
    if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorname in _TAKEN:
        return AlreadyExists(str(error).rpartition(": ")[2])
    if (
        isinstance(error, sqlite3.OperationalError)
        and error.sqlite_errorcode & 0xFF in _OUT_OF_ORDER
    ):
        return Unavailable(str(error))
    return error
