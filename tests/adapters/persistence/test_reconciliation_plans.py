"""What reconciliation asks is found by indexes, and the order of its keys depends on no locale."""

import sqlite3
from contextlib import closing

import asyncpg
import pytest

from adapters.persistence.sql.book_statements import BookStatements
from adapters.persistence.sql.reconciliation_statements import ReconciliationStatements
from adapters.persistence.sql.store import POSTGRES, SQLITE
from domain.method import Provider

MOVEMENTS = [
    (Provider.WECHAT, ["ix_payments_succeeded", "ix_payments_reversed", "ix_refunds_accepted"]),
    (Provider.ALIPAY, ["ix_payments_succeeded", "ix_payments_reversed", "ix_refunds_succeeded"]),
]


@pytest.fixture
def plan(database):
    """How SQLite goes about a statement."""

    def explained(prepared):
        marks = ["[]" if name.endswith("numbers") else 0 for name in prepared.names]
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(f"EXPLAIN QUERY PLAN {prepared.text}", marks)
            return [row[3] for row in found]

    return explained


@pytest.fixture
def postgres_plan(run, postgres_url):
    """How PostgreSQL goes about a statement when a table is too big to be read whole."""

    async def explain(prepared):
        connection = await asyncpg.connect(postgres_url)
        try:
            await connection.execute(
                "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"
            )
            await connection.execute(f"PREPARE asked AS {prepared.text}")
            values = ", ".join(
                "'[]'" if name.endswith(("numbers", "ids")) else "'0'" for name in prepared.names
            )
            return await connection.fetch(f"EXPLAIN (VERBOSE) EXECUTE asked({values})")
        finally:
            await connection.close()

    return lambda prepared: [row[0].strip() for row in run(explain(prepared))]


@pytest.mark.parametrize(("provider", "indexes"), MOVEMENTS)
def test_movements_are_found_without_reading_other_days(plan, provider, indexes):
    steps = plan(BookStatements(SQLITE).movements[provider])

    for index in indexes:
        assert any(f"USING INDEX {index} (account=? AND" in step for step in steps)
    assert not any(step.startswith("SCAN") and step != "SCAN moved" for step in steps)
    assert steps.count("USE TEMP B-TREE FOR ORDER BY") == 1


@pytest.mark.parametrize(("provider", "indexes"), MOVEMENTS)
def test_postgres_finds_movements_and_sorts_them_by_their_bytes(postgres_plan, provider, indexes):
    steps = postgres_plan(BookStatements(POSTGRES).movements[provider])

    for index in indexes:
        assert any(index in step for step in steps)
    assert not any("Seq Scan" in step for step in steps)
    [sort] = [step for step in steps if step.startswith("Sort Key:")]
    assert sort.count('COLLATE "C"') == 2


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("held", "(provider_order_no=?)"),
        ("held_refunds", "(payment_id=? AND provider_refund_no=?)"),
    ],
)
def test_what_we_hold_is_found_by_its_numbers(plan, statement, index):
    steps = plan(getattr(BookStatements(SQLITE), statement))

    assert index in str(steps)
    assert "SCAN payments" not in steps
    assert "SCAN refunds" not in steps


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("run_found", "(account=? AND day=?)"),
        ("runs_due", "ix_reconciliations_due"),
        ("known", "(run_id=? AND order_no=? AND nth>? AND nth<?)"),
        ("unresolved", "COVERING INDEX ix_discrepancies_run_id_status_id (run_id=? AND status=?)"),
        ("carried", "ix_carries_account_from_day (account=? AND from_day>? AND from_day<?)"),
    ],
)
def test_what_runs_look_up_is_found_by_an_index(plan, statement, index):
    steps = plan(getattr(ReconciliationStatements(SQLITE), statement))

    assert index in str(steps)
