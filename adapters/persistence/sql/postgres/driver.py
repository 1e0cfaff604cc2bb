"""Reads and keeps over a pool of connections."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from adapters.persistence.sql.postgres.connection import Connection, Cursor
from adapters.persistence.sql.postgres.errors import LineCut, translated
from adapters.persistence.sql.postgres.one_statement import fits, joined
from adapters.persistence.sql.postgres.pool import Pool
from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Stored, Value
from application.ports import LostUpdate, Unavailable


class PostgresReader:
    """Reads see what is committed. One that met a dead connection is sent once more."""

    def __init__(self, pool: Pool, connect: Callable[[], Awaitable[Connection]]) -> None:
        """`connect`: a connection of one's own, for what lasts."""
        self._pool, self._connect = pool, connect

    async def rows(self, statement: Prepared, values: Mapping[str, Value]) -> list[Stored]:
        """All rows. Raises Unavailable."""
        bound = statement.bind(values)

        async def ask(connection: Connection) -> list[Stored]:
            return await connection.fetch(statement.text, *bound)

        try:
            return await self._pool.use(ask)
        except LineCut:
            return await self._pool.use(ask)

    async def row(self, statement: Prepared, values: Mapping[str, Value]) -> Stored | None:
        """The only row, or None. Raises Unavailable."""
        found = await self.rows(statement, values)
        return found[0] if found else None

    async def pages(
        self, statement: Prepared, values: Mapping[str, Value], size: int
    ) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """All rows, `size` at a time, as they were when it began; the server sorts and keeps them.

        Raises Unavailable.
        """
        if self._pool.closed:
            raise Unavailable("the store is closed")
        connection = await self._connect()
        try:
            cursor = await _begin_reading(connection, statement, values)
            while rows := await _next(cursor, size):
                yield rows
        finally:
            connection.terminate()

    async def close(self) -> None:
        await self._pool.close()


class PostgresWriter:
    """Keeps each unit in one transaction, in one statement where that is possible.

    A unit whose connection was lost is Unavailable, though it may have been kept: the answer to a
    COMMIT can be lost as well. It is never sent again here; who asks by its key finds out.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, unit: Unit) -> None:
        """Return once `unit` is durable. Raises LostUpdate, AlreadyExists, Unavailable."""
        if unit.steps:
            await self._pool.use(lambda connection: _keep(connection, unit))
        if unit.signal is not None:
            unit.signal()

    async def take(self, step: Step) -> list[Stored]:
        """Keep one step; the rows that it changed, as they are now. Raises Unavailable."""

        async def ask(connection: Connection) -> list[Stored]:
            return await connection.fetch(step.text, *step.values)

        return await self._pool.use(ask)

    async def close(self) -> None:
        await self._pool.close()


async def _begin_reading(
    connection: Connection, statement: Prepared, values: Mapping[str, Value]
) -> Cursor:
    """In a transaction that ends with its connection."""
    try:
        await connection.execute("BEGIN READ ONLY")
        return await connection.cursor(statement.text, *statement.bind(values))
    except Exception as error:  # noqa: BLE001 -- raised again in our words
        raise translated(error) from None


async def _next(cursor: Cursor, size: int) -> Sequence[Sequence[Any]]:
    try:
        return await cursor.fetch(size)
    except Exception as error:  # noqa: BLE001 -- raised again in our words
        raise translated(error) from None


async def _keep(connection: Connection, unit: Unit) -> None:
    steps = unit.steps
    first = steps[0]
    if len(steps) == 1:
        await _keep_one(connection, first)
    elif not unit.in_order and fits(steps):
        text, values = joined(steps)
        await connection.fetch(text, *values)
    elif all(step.text == first.text and not step.changes_one for step in steps):
        await connection.executemany(first.text, [step.values for step in steps])
    else:
        async with connection.transaction():
            await _keep_in_order(connection, steps)


async def _keep_in_order(connection: Connection, steps: tuple[Step, ...]) -> None:
    """Equal statements behind each other travel together."""
    for (text, changes_one), alike in groupby(steps, key=lambda s: (s.text, s.changes_one)):
        if changes_one:
            for step in alike:
                await _keep_one(connection, step)
        else:
            await connection.executemany(text, [step.values for step in alike])


async def _keep_one(connection: Connection, step: Step) -> None:
    # Only Connection.fetch and its kin keep the prepared statement; the count of rows is behind it.
    if not step.changes_one:
        await connection.fetch(step.text, *step.values)
    elif not await connection.fetch(f"{step.text} RETURNING 1", *step.values):
        raise LostUpdate("the row was changed meanwhile")
