"""The schema as created and as migrated is one, and its guards refuse what must not be stored."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.persistence.sql import migrate
from adapters.persistence.sql.order_rows import payment_row, refund_row
from adapters.persistence.sql.store import SqlStore
from domain.money import Money
from domain.order import Order

REVISION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


def schema_of(path):
    """Each object by name, its lines in any order and unquoted: migrations write them so."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: _lines(text) for name, text in found if name != "alembic_version"}


def _lines(text):
    """A column that was added stands behind the last one."""
    lines = re.split(r"\n|, (?=(?:claimed_until|sent_at) )", text.replace('"', ""))
    return sorted(line.strip(" \t,") for line in lines)


def test_created_and_migrated_databases_have_the_same_schema(database, tmp_path):
    migrated = tmp_path / "migrated.db"
    with closing(sqlite3.connect(migrated)) as connection:
        connection.execute(REVISION_TABLE)
    migrate.upgrade(f"sqlite:///{migrated}")

    assert migrate.current_revision(f"sqlite:///{migrated}") == migrate.HEAD
    assert schema_of(migrated) == schema_of(database)


def test_the_known_head_is_the_newest_script():
    scripts = ScriptDirectory.from_config(_config())

    assert scripts.get_current_head() == migrate.HEAD


def test_a_database_goes_down_and_up_again(database):
    """Downgrading leaves nothing of ours behind."""
    from alembic import command
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()
    assert schema_of(database) == {}

    migrate.upgrade(f"sqlite:///{database}")

    assert migrate.current_revision(f"sqlite:///{database}") == migrate.HEAD


def _config():
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    return config


def test_neither_a_fresh_nor_a_current_database_loads_alembic(tmp_path):
    script = (
        "import sys; from adapters.persistence.sql import migrate;"
        "migrate.upgrade(sys.argv[1]); migrate.upgrade(sys.argv[1]);"
        "assert migrate.current_revision(sys.argv[1]) == migrate.HEAD;"
        "sys.exit('alembic' in sys.modules)"
    )
    url = f"sqlite:///{tmp_path / 'fresh.db'}"

    assert subprocess.run([sys.executable, "-c", script, url], check=False).returncode == 0


def test_upgrading_again_changes_nothing(database, run, sqlite_store, make):
    before = schema_of(database)

    migrate.upgrade(f"sqlite:///{database}")

    assert schema_of(database) == before


def test_a_missing_database_has_no_revision_and_is_not_made_by_asking(tmp_path):
    path = tmp_path / "none.db"

    assert migrate.current_revision(f"sqlite:///{path}") is None
    assert not path.exists()


def test_opening_an_outdated_database_names_the_command_that_mends_it(run, database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(migrate.SchemaOutdated, match=r"0000.*`basepay migrate`"):
        run(SqlStore.open(f"sqlite:///{database}"))


def test_a_version_goes_on_over_the_schema_of_a_later_one(run, database):
    """In the middle of an upgrade: it starts again, and takes nothing back."""
    later = f"{int(migrate.HEAD) + 1:04}"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [later])

    migrate.upgrade(f"sqlite:///{database}")
    run(run(SqlStore.open(f"sqlite:///{database}")).close())

    assert migrate.current_revision(f"sqlite:///{database}") == later


def test_opening_a_database_that_does_not_exist_makes_none(run, tmp_path):
    path = tmp_path / "none.db"

    with pytest.raises(migrate.SchemaOutdated, match="`basepay migrate`"):
        run(SqlStore.open(f"sqlite:///{path}"))

    assert not path.exists()


def test_the_url_names_the_file(tmp_path):
    assert migrate.database_path("sqlite:///a/b.db").as_posix() == "a/b.db"
    assert migrate.database_path("sqlite+aiosqlite:////a/b.db").as_posix() == "/a/b.db"


@pytest.mark.parametrize("url", ["postgresql://u:secret@h/d", "sqlite://"])
def test_another_url_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="sqlite:///") as refused:
        migrate.database_path(url)

    assert "secret" not in str(refused.value)


def insert(connection, table, row):
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": -1, "charged_amount": -1},
        {"charged_amount": 0},
        {"charged_amount": 10_001},
        {"reserved_amount": -1},
        {"refunded_amount": -1},
        {"refunded_charge": -1},
        {"excess_amount": -1},
        {"reserved_amount": 5_000, "refunded_amount": 5_001},
        {"reserved_amount": 10_002, "excess_amount": 1},
        {"status": "paid"},
        {"status": "succeeded", "provider_transaction_id": "1"},
        {"status": "succeeded", "succeeded_at": 1},
        {"account": None},
    ],
    ids=str,
)
def test_a_payment_that_breaks_a_rule_of_money_cant_be_stored(database, make, wrong):
    with closing(sqlite3.connect(database)) as connection:
        insert(connection, "payments", payment_row(make.payment()))  # as it is, it fits

        with pytest.raises(sqlite3.IntegrityError):
            insert(connection, "payments", payment_row(make.payment()) | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0, "charged_amount": 0},
        {"charged_amount": -1},
        {"charged_amount": 1_001},
        {"status": "done"},
        {"status": "succeeded"},
        {"payment_id": "pay_unknown"},
        {"refund_no": "RF-1"},
        {"provider_refund_no": "d1-1"},
    ],
    ids=str,
)
def test_a_refund_that_breaks_a_rule_of_money_cant_be_stored(database, make, wrong):
    payment = make.payment()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        insert(connection, "payments", payment_row(payment))
        known = make.refund(payment, refund_no="RF-1", provider_refund_no="d1-1")
        insert(connection, "refunds", refund_row(known))

        with pytest.raises(sqlite3.IntegrityError):
            insert(connection, "refunds", refund_row(make.refund(payment)) | wrong)


def test_our_own_mistake_is_loud_and_no_conflict(run, sqlite_store, make):
    async def keep_nonsense():
        async with sqlite_store.work() as work:
            work.orders.save(Order(app="shop", order_no="1", current="pay_1"))
            work.payments.save(make.payment(reserved_amount=Money(10_001)))
            await work.commit()

    async def order():
        async with sqlite_store.work() as work:
            return await work.orders.find("shop", "1")

    with pytest.raises(sqlite3.IntegrityError, match="ck_payments_refundable"):
        run(keep_nonsense())
    assert run(order()) is None


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("any_payment_due", "COVERING INDEX ix_payments_due (account=? AND next_check_at"),
        ("any_refund_due", "COVERING INDEX ix_refunds_due (account=? AND next_check_at"),
        ("due_payments", "INDEX ix_payments_due (account=? AND next_check_at"),
        ("latest_payments", "INDEX ix_payments_due (account=? AND next_check_at"),
        ("due_refunds", "INDEX ix_refunds_due (account=? AND next_check_at"),
        ("any_callback_due", "ix_inbox_waiting"),
        ("unpublished", "ix_events_unpublished"),
        ("due_callbacks", "ix_inbox_waiting"),
    ],
)
def test_what_waits_is_found_without_reading_the_past(database, sqlite_store, statement, index):
    prepared = getattr(sqlite_store._statements, statement)
    with closing(sqlite3.connect(database)) as connection:
        marks = [0] * len(prepared.names)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {prepared.text}", marks).fetchall()

    assert index in str(plan)
    assert "ORDER BY" not in str(plan)  # nothing is sorted: however much waits, a page is a page
