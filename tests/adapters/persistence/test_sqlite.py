"""What only the real file can show: groups, kills, full disks, other writers."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import aclosing, closing
from dataclasses import replace

import pytest

from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.store import SqlStore
from application.ports import AlreadyExists, Unavailable
from domain.errors import NotFound
from domain.method import Provider
from tests.adapters.persistence.making import NOW
from tests.adapters.persistence.reconciling import a_carry, a_finding, a_run, an_announcement


async def commit(store, *things):
    async with store.work() as work:
        for thing in things:
            if hasattr(thing, "version"):
                work.payments.save(thing)
            else:
                work.append(thing)
        await work.commit()


async def is_kept(store, payment):
    async with store.work() as work:
        try:
            return await work.payments.get(payment.id) == payment
        except NotFound:
            return False


@pytest.fixture
def other_writer(database):
    """Another process with the write lock in its hand until it rolls back."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def test_a_failing_unit_leaves_its_neighbours_in_the_group_alone(
    run, sqlite_store, other_writer, make
):
    commits = []
    sqlite_store._writer._connection.set_trace_callback(
        lambda text: commits.append(text) if text == "COMMIT" else None
    )
    payments = [make.payment() for _ in range(40)]
    for index in range(1, 40, 4):
        payments[index].provider_order_no = payments[index - 1].provider_order_no

    async def all_at_once():
        units = [asyncio.create_task(commit(sqlite_store, each)) for each in payments]
        await asyncio.sleep(0)
        other_writer.execute("ROLLBACK")
        results = await asyncio.gather(*units, return_exceptions=True)
        return results, [await is_kept(sqlite_store, each) for each in payments]

    results, kept = run(all_at_once())

    assert [isinstance(result, AlreadyExists) for result in results] == [
        index % 4 == 1 for index in range(40)
    ]
    assert kept == [result is None for result in results]
    assert len(commits) <= 2  # one, or the first unit alone and then all others


class FailsToCommit:
    """A connection whose disk breaks at the last moment."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)

    def execute(self, text, *values):
        if text == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._real.execute(text, *values)


def test_nobody_hears_of_success_before_the_commit(run, sqlite_store, make):
    real = sqlite_store._writer._connection
    sqlite_store._writer._connection = FailsToCommit(real)
    heard = []
    sqlite_store.on_message = lambda: heard.append("message")
    payments = [make.payment() for _ in range(3)]

    async def all_at_once():
        units = [commit(sqlite_store, each, make.message()) for each in payments]
        return await asyncio.gather(*units, return_exceptions=True)

    results = run(all_at_once())
    sqlite_store._writer._connection = real

    assert [type(result) for result in results] == [Unavailable] * 3
    assert not any(run(is_kept(sqlite_store, each)) for each in payments)
    assert heard == []


def test_a_run_that_could_not_be_sealed_is_as_before(run, sqlite_store, make):
    """Neither its findings, nor its end, nor its message; and it can be sealed again."""
    reconciliation = a_run(make)
    known, new = a_finding(make, reconciliation), a_finding(make, reconciliation)
    run(sqlite_store.runs.save(reconciliation))
    run(sqlite_store.findings.put(reconciliation, [known]))
    reconciliation.attempt += 1
    run(sqlite_store.runs.save(reconciliation))
    announced = an_announcement(make, reconciliation)
    real = sqlite_store._writer._connection
    findings = sqlite_store.findings

    async def end():
        await findings.seal(reconciliation, [a_carry(make)], NOW, announce=announced)

    sqlite_store._writer._connection = FailsToCommit(real)
    for failing in (findings.put(reconciliation, [new]), end()):
        with pytest.raises(Unavailable):
            run(failing)
    sqlite_store._writer._connection = real

    page = sqlite_store.discrepancies.page(reconciliation.id, status=None, limit=9, cursor=None)
    assert run(page).items == [replace(known, version=1)]
    assert run(sqlite_store.runs.get(reconciliation.id)) == reconciliation
    assert run(sqlite_store.outbox.waiting(1)) == []
    run(end())
    assert run(sqlite_store.outbox.waiting(1)) == [announced]
    assert run(sqlite_store.discrepancies.unresolved(reconciliation.id)) == 0


def test_a_long_sort_can_be_given_up(run, sqlite_store):
    """Who reads movements and is cancelled waits for no sort, and leaves no thread behind."""
    endless = Prepared(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n ORDER BY random()",
        (),
    )

    async def give_up():
        async with aclosing(sqlite_store._reader.pages(endless, {}, 1)) as pages:
            reading = asyncio.ensure_future(anext(pages))
            await asyncio.sleep(0.05)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

    run(give_up())


def test_what_a_cancelled_caller_staged_is_kept_whole_or_not_at_all(
    run, sqlite_store, other_writer, make
):
    heard = []
    sqlite_store.on_message = lambda: heard.append("message")
    payment, message = make.payment(), make.message()

    async def cancel_while_waiting():
        unit = asyncio.create_task(commit(sqlite_store, payment, message))
        await asyncio.sleep(0)
        unit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unit
        other_writer.execute("ROLLBACK")
        await commit(sqlite_store, make.payment())  # comes after it
        async with sqlite_store.work() as work:
            found = await work.payments.numbered(payment.provider_order_no)
        return found is not None, await sqlite_store.outbox.waiting(10) == [message], bool(heard)

    assert run(cancel_while_waiting()) in {(True, True, True), (False, False, False)}


def test_a_lock_that_is_never_released_is_unavailable(
    run, sqlite_store, other_writer, make, monkeypatch
):
    monkeypatch.setattr("adapters.persistence.sql.sqlite.BUSY_SECONDS", 0.01)
    payment = make.payment()

    with pytest.raises(Unavailable):
        run(commit(sqlite_store, payment))

    assert payment.version == 0
    other_writer.execute("ROLLBACK")
    run(commit(sqlite_store, payment))
    assert run(is_kept(sqlite_store, payment))


def test_a_full_disk_is_unavailable_and_keeps_nothing(run, sqlite_store, make):
    pages = sqlite_store._writer._connection.execute("PRAGMA page_count").fetchone()[0]
    sqlite_store._writer._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    payment = make.payment()

    with pytest.raises(Unavailable, match="full"):
        run(commit(sqlite_store, payment, make.evidence(body=bytes(100_000))))

    assert not run(is_kept(sqlite_store, payment))
    sqlite_store._writer._connection.execute("PRAGMA max_page_count = 1000000")
    run(commit(sqlite_store, payment))
    assert run(is_kept(sqlite_store, payment))


def test_closing_writes_what_waits(run, database, make):
    payment = make.payment()
    url = f"sqlite:///{database}"

    async def close_at_once():
        store = await SqlStore.open(url)
        unit = asyncio.create_task(commit(store, payment))
        await asyncio.sleep(0)
        await store.close()
        await unit

    async def look_again():
        store = await SqlStore.open(url)
        try:
            return await is_kept(store, payment)
        finally:
            await store.close()

    run(close_at_once())

    assert run(look_again())


def test_a_closed_store_is_unavailable(run, database, make):
    async def use_after_close():
        store = await SqlStore.open(f"sqlite:///{database}")
        await store.close()
        await store.close()  # once more is harmless
        with pytest.raises(Unavailable):
            await store.ping()
        with pytest.raises(Unavailable):
            await anext(store.books.movements("wechat-main", Provider.WECHAT, NOW, NOW))
        with pytest.raises(Unavailable):
            await commit(store, make.payment())

    run(use_after_close())


def test_the_file_is_as_durable_as_promised(sqlite_store):
    ask = sqlite_store._writer._connection.execute

    assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ask("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert ask("PRAGMA foreign_keys").fetchone() == (1,)


def test_readers_cant_write(run, sqlite_store):
    with pytest.raises(Unavailable, match="readonly"):
        run(sqlite_store._reader.rows(Prepared("DELETE FROM payments", ()), {}))


@pytest.mark.parametrize("acknowledged", [1, 300])
def test_what_was_acknowledged_survives_a_kill(run, database, acknowledged):
    url = f"sqlite:///{database}"
    writer = [sys.executable, "-m", "tests.adapters.persistence.busy_writer", url]
    with subprocess.Popen(writer, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
    heard = {line.decode().strip() for line in first + rest if line.endswith(b"\n")}

    async def look():
        store = await SqlStore.open(url)
        try:
            async with store.work() as work:
                for id in heard:
                    await work.payments.get(id)
            await commit_one_more(store)
        finally:
            await store.close()

    async def commit_one_more(store):
        await store.outbox.published(
            ["evt_unknown"], (await store.outbox.waiting(1))[0].occurred_at
        )

    run(look())

    assert len(heard) >= acknowledged
    with closing(sqlite3.connect(database)) as connection:
        unpaired = connection.execute(
            "SELECT count(*) FROM payments"
            " FULL JOIN events ON order_id = payments.id"
            " WHERE payments.id IS NULL OR events.id IS NULL"
        ).fetchone()
        assert unpaired == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
