"""A database made by an older version keeps everything on its way to the newest schema."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from adapters.persistence.sql import migrate
from adapters.persistence.sql.order_rows import payment_row, refund_row
from adapters.persistence.sql.record_rows import incident_row
from adapters.persistence.sql.store import SqlStore
from application.records import Filter
from domain.events import IncidentKind
from domain.method import Provider
from domain.money import Money
from domain.outcome import Failure
from domain.status import RefundStatus
from tests.adapters.persistence.making import NOW

WECHAT, ALIPAY = Provider

#: What each revision of the database lacks of the rows that are written today.
YOUNGER = {"payments": {"refunded_charge"}, "refunds": {"sent_at"}}


def go_to(path: Path, revision: str, *, down: bool = False) -> None:
    """Bring the file to `revision` as `basepay migrate` would have at its time."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrate.MIGRATIONS))
        (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()


def insert(connection: sqlite3.Connection, table: str, row) -> None:
    row = {name: value for name, value in row.items() if name not in YOUNGER.get(table, ())}
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


@pytest.fixture
def old(tmp_path) -> Iterator[sqlite3.Connection]:
    """The first schema, written to in WAL mode as the service did."""
    path = tmp_path / "old.db"
    go_to(path, "0001")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


@pytest.fixture
def old_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'old.db'}"


def orders_of_every_kind(make):
    """Payments with the refunds that belong to them."""
    untouched = make.payment(next_check_at=NOW)
    refunded = make.paid(
        account="alipay-main",
        metadata={"桌": "7"},
        reserved_amount=Money(3_000),
        refunded_amount=Money(2_000),
        refunded_charge=Money(5_000),
        refund_count=4,
    )
    exceeded = make.paid(
        refunded_amount=Money(10_001), refunded_charge=Money(10_001), excess_amount=Money(1)
    )
    done = {"status": RefundStatus.SUCCEEDED, "succeeded_at": NOW, "provider_refund_id": "5030"}
    failed = {"status": RefundStatus.FAILED}
    refunds = [
        make.refund(refunded, **done),
        make.refund(refunded, **done),
        make.refund(refunded, next_check_at=NOW),
        make.refund(refunded, **failed, failure=Failure("refused")),
        make.refund(
            refunded,
            **failed,
            failure=Failure("abnormal"),
            amount=Money(2_000),
            charged_amount=Money(2_000),
        ),
        make.refund(exceeded, **done, amount=Money(10_001), charged_amount=Money(10_001)),
    ]
    return [untouched, refunded, exceeded], refunds


def fill(connection, payments, refunds) -> None:
    for payment in payments:
        insert(connection, "payments", payment_row(payment))
    for refund in refunds:
        insert(connection, "refunds", refund_row(refund))
    for row in (*payments, *refunds):
        row.version += 1


def test_orders_of_the_first_schema_survive_with_their_shares_of_the_charge(
    run, make, old, old_url
):
    payments, refunds = orders_of_every_kind(make)
    fill(old, payments, refunds)

    migrate.upgrade(old_url)

    async def everything():
        store = await SqlStore.open(old_url)
        try:
            found = await store.library.payments(Filter()), await store.library.refunds(Filter())
            due = [
                await ask("wechat-main", NOW, 10, until=NOW)
                for ask in (store.agenda.due_payments, store.agenda.due_refunds)
            ]
            return [page.items for page in found], due, await store.switches.one_fen()
        finally:
            await store.close()

    (found_payments, found_refunds), due, one_fen = run(everything())
    assert found_payments == payments[::-1]
    assert found_refunds == refunds[::-1]
    assert due == [[payments[0].id], []]
    assert one_fen is False


def test_the_shares_of_old_payments_are_those_of_their_refunds(make, old, old_url):
    fill(old, *orders_of_every_kind(make))

    migrate.upgrade(old_url)

    shares = old.execute(
        "SELECT refunded_charge, coalesce((SELECT sum(charged_amount) FROM refunds"
        " WHERE payment_id = payments.id"
        " AND (refunds.status <> 'failed' OR CAST(refunds.failure AS TEXT) LIKE '%abnormal%')), 0)"
        " FROM payments ORDER BY id"
    )
    assert shares.fetchall() == [(0, 0), (5_000, 5_000), (10_001, 10_001)]


def test_the_migrated_database_is_sound_and_still_knows_its_rules(make, old, old_url):
    payments, refunds = orders_of_every_kind(make)
    fill(old, payments, refunds)

    migrate.upgrade(old_url)

    assert old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert old.execute("PRAGMA foreign_key_check").fetchall() == []
    for wrong in (
        "UPDATE payments SET refunded_charge = NULL",
        "UPDATE payments SET refunded_charge = -1",
        "UPDATE payments SET reserved_amount = 10002",
        "UPDATE refunds SET payment_id = 'pay_unknown'",
        "DELETE FROM payments",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            old.execute(wrong)


def test_an_incident_of_a_kind_that_is_gone_is_listed_as_what_it_is_now(run, make, old, old_url):
    incident = make.incident(kind=IncidentKind.EXTERNAL_REFUND)
    insert(old, "incidents", {**incident_row(incident), "kind": "reversed_after_success"})

    migrate.upgrade(old_url)

    async def incidents():
        store = await SqlStore.open(old_url)
        try:
            return (await store.library.incidents(Filter())).items
        finally:
            await store.close()

    assert run(incidents()) == [incident]


def test_what_moved_before_the_upgrade_can_be_reconciled(run, make, old, old_url):
    payments, refunds = orders_of_every_kind(make)
    fill(old, payments, refunds)

    migrate.upgrade(old_url)

    async def movements():
        store = await SqlStore.open(old_url)
        window = NOW - timedelta(days=1), NOW + timedelta(days=1)
        found = []
        try:
            for account, provider in (("wechat-main", WECHAT), ("alipay-main", ALIPAY)):
                async for page in store.books.movements(account, provider, *window):
                    found += [each.order_id for each in page]
            return found, await store.runs.find("wechat-main", NOW.date())
        finally:
            await store.close()

    paid, exceeded = payments[1], payments[2]
    done = [refunds[0].id, refunds[1].id]
    assert run(movements()) == ([exceeded.id, paid.id, *done], None)


def test_an_upgrade_that_fails_changes_nothing(make, old, old_url, monkeypatch):
    fill(old, *orders_of_every_kind(make))
    before = old.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    old.execute("CREATE TABLE switches (name TEXT)")  # in the way of the last step

    with pytest.raises(Exception, match="switches"):
        migrate.upgrade(old_url)

    old.execute("DROP TABLE switches")
    assert old.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    assert migrate.current_revision(old_url) == "0001"
    migrate.upgrade(old_url)
    assert migrate.current_revision(old_url) == migrate.HEAD


def test_rows_go_back_to_the_first_schema_and_up_again(make, old, old_url):
    fill(old, *orders_of_every_kind(make))
    rows = "SELECT * FROM payments ORDER BY id", "SELECT * FROM refunds ORDER BY id"
    before = [old.execute(each).fetchall() for each in rows]
    schema = set(old.execute("SELECT name FROM sqlite_master"))
    migrate.upgrade(old_url)

    go_to(migrate.database_path(old_url), "0001", down=True)

    assert [old.execute(each).fetchall() for each in rows] == before
    assert set(old.execute("SELECT name FROM sqlite_master")) == schema
    migrate.upgrade(old_url)
