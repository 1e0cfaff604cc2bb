"""Brings a PostgreSQL database to the schema this version wants, while others use it."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.persistence.sql import migrate
from adapters.persistence.sql.migrate import DatabaseUnusable, check_revision, suffices
from adapters.persistence.sql.postgres.connection import Connection
from adapters.persistence.sql.postgres.pool import Address
from application.ports import Unavailable

#: Whoever holds it migrates. Only tried, never waited for: a waiting statement would hold up
#: CREATE INDEX CONCURRENTLY, and so the one that migrates.
_TURN = "SELECT pg_try_advisory_lock(7_305_804_402_566_529_401)"

#: A step that changes a table waits so long for those who use it. Meanwhile everybody else queues
#: behind it, so it gives up soon and comes again.
_ONLINE = {"lock_timeout": "2000", "statement_timeout": "0"}

PAUSE_SECONDS, ROUNDS = 1.0, 30

_LOCKED = "55P03"


async def check(address: Address) -> None:
    """Raises SchemaOutdated, DatabaseUnusable."""
    check_revision(await _with(address, _revision))


def upgrade(address: Address) -> None:
    """Create what is missing, or migrate. Raises DatabaseUnusable."""
    with ThreadPoolExecutor(1) as apart:  # whoever calls may have an event loop of his own
        apart.submit(asyncio.run, _with(address, lambda found: _upgrade(address, found))).result()


async def _with(address: Address, do: Callable[[Connection], Awaitable[str | None]]) -> str | None:
    try:
        connection = await address.connect()
    except Unavailable as error:
        raise DatabaseUnusable(str(error)) from None
    try:
        return await do(connection)
    finally:
        await connection.close()


async def _revision(connection: Connection) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def _upgrade(address: Address, holder: Connection) -> None:
    if suffices(await _revision(holder)):
        return
    while not await holder.fetchval(_TURN):  # noqa: ASYNC110 -- another process has it
        await asyncio.sleep(PAUSE_SECONDS)

    async def connect() -> Connection:
        return await address.connect(settings=_ONLINE, answer_seconds=None)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await _patiently(connection)
    finally:
        await engine.dispose()


async def _patiently(connection: AsyncConnection) -> None:
    """Every step can be repeated: what a revision has done outside a transaction stays done."""
    for _ in range(ROUNDS):
        try:
            await connection.run_sync(_create_or_migrate)
        except DBAPIError as error:
            if _sqlstate(error) != _LOCKED:
                raise
            await connection.rollback()
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
    raise DatabaseUnusable("a table is in use all the time: end long transactions, and try again")


def _create_or_migrate(connection: SqlConnection) -> None:
    if migrate.is_empty(connection):
        migrate.create(connection)
        connection.commit()
    else:
        connection.rollback()  # looking has begun a transaction, and alembic begins its own
        migrate.migrate(connection)


def _sqlstate(error: DBAPIError) -> str | None:
    cause: BaseException | None = error.orig
    while cause is not None and not isinstance(cause, asyncpg.PostgresError):
        cause = cause.__cause__
    return cause.sqlstate if cause is not None else None
