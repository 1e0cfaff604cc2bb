"""A PostgreSQL made by an older version is migrated while it is in use."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.persistence.sql import migrate, online
from adapters.persistence.sql.order_rows import payment_row, refund_row
from adapters.persistence.sql.postgres import schema
from adapters.persistence.sql.postgres.pool import Address
from adapters.persistence.sql.store import SqlStore
from application.records import Filter
from tests.adapters.persistence.making import NOW
from tests.adapters.persistence.test_upgrade import YOUNGER, orders_of_every_kind

#: Everything about the schema that a query or a rule could notice.
SCHEMA = """
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', data_type, is_nullable, column_default, collation_name)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname,
                 pg_get_constraintdef(oid) || convalidated
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
"""


async def go_to(url, revision):
    async def connect():
        return await asyncpg.connect(url)

    def run_revisions(connection):
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrate.MIGRATIONS))
        command.upgrade(config, revision)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run_revisions)
    await engine.dispose()


@asynccontextmanager
async def connected(url):
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def insert(connection, table, row):
    row = {name: value for name, value in row.items() if name not in YOUNGER.get(table, ())}
    marks = ", ".join(f"${place + 1}" for place in range(len(row)))
    text = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
    await connection.execute(text, *row.values())


async def schema_of(url):
    async with connected(url) as connection:
        return {tuple(row) for row in await connection.fetch(SCHEMA)}


@pytest.fixture
def old(run, postgres_server):
    """The first schema."""
    url = run(postgres_server.create())
    run(go_to(url, "0001"))
    yield url
    run(postgres_server.drop(url))


@pytest.fixture
def filled(run, old, make):
    """Orders of every kind in the first schema, as they are to be found afterwards."""
    payments, refunds = orders_of_every_kind(make)

    async def fill():
        async with connected(old) as connection:
            for payment in payments:
                await insert(connection, "payments", payment_row(payment))
            for refund in refunds:
                await insert(connection, "refunds", refund_row(refund))

    run(fill())
    for each in (*payments, *refunds):
        each.version += 1
    return payments, refunds


def test_created_and_migrated_databases_have_the_same_schema(run, old, postgres_url):
    migrate.upgrade(old)

    assert run(schema_of(old)) ^ run(schema_of(postgres_url)) == set()


def test_orders_of_the_first_schema_survive(run, old, filled, monkeypatch):
    monkeypatch.setattr(online, "BATCH", 2)

    migrate.upgrade(old)

    async def everything():
        store = await SqlStore.open(old)
        try:
            found = await store.library.payments(Filter()), await store.library.refunds(Filter())
            due = await store.agenda.due_payments("wechat-main", NOW, 10, until=NOW)
            return [page.items for page in found], due
        finally:
            await store.close()

    (payments, refunds), due = run(everything())
    assert payments == filled[0][::-1]
    assert refunds == filled[1][::-1]
    assert due == [filled[0][0].id]


def test_readers_and_writers_go_on_while_it_migrates(run, old, filled, monkeypatch):
    """A transaction that holds a row makes the migration come again, and nobody else wait."""
    monkeypatch.setattr(schema, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(schema, "_ONLINE", {"lock_timeout": "100", "statement_timeout": "0"})
    held = filled[0][0].id

    async def migrate_meanwhile():
        async with connected(old) as holder, connected(old) as other:
            async with holder.transaction():
                await holder.execute("UPDATE payments SET subject = 'held' WHERE id = $1", held)
                migration = asyncio.create_task(asyncio.to_thread(migrate.upgrade, old))
                for _ in range(10):
                    await other.execute(
                        "UPDATE payments SET checks = checks + 1 WHERE id <> $1", held
                    )
                    assert await other.fetchval("SELECT count(*) FROM payments") == 3
                    await asyncio.sleep(0.05)
                assert not migration.done()
            await migration

    run(migrate_meanwhile())

    assert run(schema._with(Address(old), schema._revision)) == migrate.HEAD


def test_of_two_that_migrate_at_once_one_does_and_both_end_well(run, old, filled, monkeypatch):
    monkeypatch.setattr(schema, "PAUSE_SECONDS", 0.05)

    async def both():
        await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, old) for _ in range(2)))

    run(both())

    assert run(schema._with(Address(old), schema._revision)) == migrate.HEAD


def test_an_index_that_was_left_half_built_is_built_anew(run, old, filled):
    """Cancelled in the middle, CREATE INDEX CONCURRENTLY leaves one that nobody uses."""

    async def leave_it_half_built():
        await go_to(old, "0004")
        async with connected(old) as connection:
            await connection.execute("CREATE INDEX ix_payments_succeeded ON payments (account)")
            await connection.execute(
                "UPDATE pg_index SET indisvalid = false"
                " WHERE indexrelid = 'ix_payments_succeeded'::regclass"
            )

    run(leave_it_half_built())

    migrate.upgrade(old)

    async def definition():
        async with connected(old) as connection:
            return await connection.fetchrow(
                "SELECT indisvalid, pg_get_indexdef(indexrelid) AS text FROM pg_index"
                " WHERE indexrelid = 'ix_payments_succeeded'::regclass"
            )

    valid, text = run(definition())
    assert valid
    assert text.endswith("(account, succeeded_at) WHERE (succeeded_at IS NOT NULL)")


def test_a_migration_that_broke_off_is_taken_up_again(run, old, filled, monkeypatch):
    def breaks(*_, **__):
        raise RuntimeError("the operator pressed Ctrl-C")

    with monkeypatch.context() as patch:
        patch.setattr(online, "unique", breaks)
        with pytest.raises(RuntimeError):
            migrate.upgrade(old)
    assert run(schema._with(Address(old), schema._revision)) == "0001"

    migrate.upgrade(old)

    assert run(schema._with(Address(old), schema._revision)) == migrate.HEAD


def test_a_version_goes_on_over_the_schema_of_a_later_one(run, postgres_url):
    async def stand_at(revision):
        async with connected(postgres_url) as connection:
            await connection.execute("UPDATE alembic_version SET version_num = $1", revision)

    run(stand_at("9999"))

    migrate.upgrade(postgres_url)
    run(run(SqlStore.open(postgres_url)).close())

    assert run(schema._with(Address(postgres_url), schema._revision)) == "9999"


def test_a_table_in_use_all_the_time_is_said_to_be(run, old, filled, monkeypatch):
    monkeypatch.setattr(schema, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(schema, "ROUNDS", 2)
    monkeypatch.setattr(schema, "_ONLINE", {"lock_timeout": "50", "statement_timeout": "0"})

    async def migrate_while_held():
        async with connected(old) as holder, holder.transaction():
            await holder.execute("LOCK TABLE payments IN ACCESS SHARE MODE")
            with pytest.raises(migrate.DatabaseUnusable, match="in use"):
                await asyncio.to_thread(migrate.upgrade, old)

    run(migrate_while_held())
