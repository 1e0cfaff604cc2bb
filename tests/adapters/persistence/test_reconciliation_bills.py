"""What the archive of bills promises, held against every store."""

import asyncio
import hashlib
import random
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.ids import new_ulid
from adapters.persistence.sql import bill_archive
from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Step, Unit
from application.ports import Unavailable
from application.reconciliation_records import StoredBill
from domain.bill import BillKind
from tests.adapters.persistence.making import NOW
from tests.adapters.persistence.reconciling import DAY

TRADE, FUNDS = BillKind


@pytest.fixture
def small_parts(monkeypatch):
    """So that a few bytes are many parts."""
    monkeypatch.setattr(bill_archive, "PART", 10)
    monkeypatch.setattr(bill_archive, "SLICE", 3)


@pytest.fixture
def a_bill(tmp_path):
    """A file and what is said of it."""

    def made(content=b"", **fields):
        file = tmp_path / new_ulid()
        file.write_bytes(content)
        bill = StoredBill(
            account="wechat-main",
            day=DAY,
            kind=TRADE,
            name="20261121_ALL.csv.gz",
            source="provider",
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            fetched_at=NOW,
        )
        return replace(bill, **fields), str(file)

    return made


@pytest.fixture(params=["sqlite", "postgres"])
def database_store(request):
    """Where bills lie in parts."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def fetched(run, tmp_path):
    """The bytes of a bill out of the archive."""

    def read(store, bill):
        target = tmp_path / new_ulid()
        run(store.bills.fetch(bill, str(target)))
        return target.read_bytes()

    return read


def parts_of(run, store):
    """How many parts the database holds, of any bill."""
    if not hasattr(store, "_reader"):
        return 0
    count = Prepared("SELECT count(*) AS parts FROM bill_parts", ())
    return run(store._reader.row(count, {}))["parts"]


def test_a_bill_returns_byte_for_byte(run, store, small_parts, a_bill, fetched):
    for length in (0, 1, 9, 10, 11, 20, 200, 201):
        content = random.Random(length).randbytes(length)
        bill, file = a_bill(content, name="\u8d26\u5355.zip", source="金莲")
        run(store.bills.put(bill, file))

        assert run(store.bills.find("wechat-main", DAY, TRADE)) == bill
        assert fetched(store, bill) == content


def test_each_account_day_and_kind_has_its_own(run, store, a_bill, fetched):
    ways: list[dict[str, Any]] = [
        {},
        {"account": "alipay-main"},
        {"day": DAY + timedelta(days=1)},
        {"kind": FUNDS},
    ]
    bills = [a_bill(bytes([place]), **way) for place, way in enumerate(ways)]
    for bill, file in bills:
        run(store.bills.put(bill, file))

    assert [fetched(store, bill) for bill, _ in bills] == [b"\0", b"\1", b"\2", b"\3"]
    assert run(store.bills.find("unknown", DAY, TRADE)) is None


def test_a_newer_bill_takes_the_place_of_the_older(run, store, small_parts, a_bill, fetched):
    old, old_file = a_bill(b"o" * 100)
    new, new_file = a_bill(b"n" * 35, name="by hand.csv", source="li")
    run(store.bills.put(old, old_file))
    run(store.bills.put(new, new_file))

    assert run(store.bills.find("wechat-main", DAY, TRADE)) == new
    assert fetched(store, new) == b"n" * 35
    with pytest.raises(Unavailable, match="was replaced or forgotten"):
        fetched(store, old)
    assert parts_of(run, store) in {0, 4}


def test_the_same_bill_can_be_kept_again(run, store, a_bill, fetched):
    bill, file = a_bill(b"same")
    for _ in range(3):
        run(store.bills.put(bill, file))

    assert fetched(store, bill) == b"same"


def test_a_file_that_is_another_is_not_kept(run, store, small_parts, a_bill, fetched):
    bill, file = a_bill(b"a" * 35)
    run(store.bills.put(bill, file))
    for wrong in ({"sha256": "0" * 64}, {"size": 34}):
        other, other_file = a_bill(b"b" * 35, **wrong)
        with pytest.raises(ValueError, match="is not the file"):
            run(store.bills.put(other, other_file))

    assert run(store.bills.find("wechat-main", DAY, TRADE)) == bill
    assert fetched(store, bill) == b"a" * 35
    assert parts_of(run, store) in {0, 4}


@pytest.mark.parametrize("error", [Unavailable("no answer"), asyncio.CancelledError()])
def test_a_bill_that_was_kept_without_our_knowing_is_whole(
    run, sqlite_store, small_parts, a_bill, fetched, monkeypatch, error
):
    bill, file = a_bill(b"b" * 25)
    keep, kept = sqlite_store.bills._writer.keep, []

    async def answer_is_lost(unit):
        await keep(unit)
        kept.append(unit)
        if len(kept) == 4:  # three parts, and then the bill itself
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_store.bills._writer, "keep", answer_is_lost)
        with pytest.raises(type(error)):
            run(sqlite_store.bills.put(bill, file))

    assert run(sqlite_store.bills.find("wechat-main", DAY, TRADE)) == bill
    assert fetched(sqlite_store, bill) == b"b" * 25


def test_of_many_at_once_one_is_kept_whole(run, store, small_parts, a_bill, fetched):
    bills = [a_bill(bytes([65 + place]) * 50) for place in range(6)]

    async def all_at_once():
        await asyncio.gather(*(store.bills.put(*each) for each in bills))

    run(all_at_once())

    kept = run(store.bills.find("wechat-main", DAY, TRADE))
    assert kept in [bill for bill, _ in bills]
    assert hashlib.sha256(fetched(store, kept)).hexdigest() == kept.sha256
    assert parts_of(run, store) in {0, 5}


def test_bills_of_old_days_are_forgotten(run, store, small_parts, a_bill, fetched):
    days = [DAY - timedelta(days=age) for age in range(5)]
    bills = [
        a_bill(b"x" * 100, day=day, kind=kind, account=account)
        for day in days
        for kind in BillKind
        for account in ("a", "b")
    ]
    for bill, file in bills:
        run(store.bills.put(bill, file))

    assert run(store.bills.forget(DAY - timedelta(days=2))) == 8
    assert run(store.bills.forget(DAY - timedelta(days=2))) == 0

    for bill, _ in bills[:12]:
        assert fetched(store, bill) == b"x" * 100
    for bill, _ in bills[12:]:
        assert run(store.bills.find(bill.account, bill.day, bill.kind)) is None
        with pytest.raises(Unavailable, match="was replaced or forgotten"):
            fetched(store, bill)
    assert parts_of(run, store) in {0, 120}


def test_a_big_bill_passes_through_little_memory(run, database_store, tmp_path, a_bill):
    content = random.Random(1).randbytes(1 << 20) * 24
    bill, file = a_bill(content)
    target = tmp_path / "fetched"
    del content

    async def through():
        await database_store.bills.put(bill, file)
        await database_store.bills.fetch(bill, str(target))

    tracemalloc.start()
    try:
        run(through())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert hashlib.sha256(target.read_bytes()).hexdigest() == bill.sha256
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE bill_parts SET body = CAST('x' AS {blob}) WHERE place = 1",
        "DELETE FROM bill_parts WHERE place = 2",
        "DELETE FROM bill_parts WHERE place = 9",
        "DELETE FROM bill_parts",
    ],
)
def test_bytes_that_are_not_what_was_kept_are_refused(
    request, run, database_store, small_parts, a_bill, tmp_path, harm
):
    bill, file = a_bill(b"y" * 95)
    run(database_store.bills.put(bill, file))
    blob = "BYTEA" if "postgres" in request.node.name else "BLOB"
    run(database_store._writer.keep(Unit((Step(harm.format(blob=blob), ()),))))

    with pytest.raises(Unavailable):
        run(database_store.bills.fetch(bill, str(tmp_path / "fetched")))

    assert not (tmp_path / "fetched").exists()


class Dies(Exception):
    """The process ends here."""


def test_what_a_process_left_when_it_died_is_cleared_away_a_day_later(
    run, database_store, small_parts, a_bill, fetched, monkeypatch
):
    bill, file = a_bill(b"first" * 10)
    run(database_store.bills.put(bill, file))
    archive = database_store.bills

    async def dies(*_):
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_show", dies)
        patch.setattr(archive, "_drop", dies)
        with pytest.raises(Dies):
            run(archive.put(*a_bill(b"second" * 10)))
    assert fetched(database_store, bill) == b"first" * 10
    assert parts_of(run, database_store) == 11

    run(archive.put(bill, file))
    assert parts_of(run, database_store) == 11  # it might still be writing
    monkeypatch.setattr(bill_archive, "ABANDONED_AFTER", timedelta(0))
    run(archive.put(bill, file))

    assert fetched(database_store, bill) == b"first" * 10
    assert parts_of(run, database_store) == 5
    assert Path(file).exists()
