"""Bills of finished days: what is planted in them is told, once and for good."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.bills import Bills, fee_of
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.china_days import day_of, is_finished, start_of
from adapters.providers.sandbox.faults import ADDED, ROW_KINDS, Fault, Faults, UnknownFault
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Entry, EntryKind, Order
from adapters.providers.sandbox.rows import bill_row

DAY = date(2026, 3, 10)
NEXT = date(2026, 3, 11)


def an_order(number, fen, at):
    return Order(
        provider="wechat",
        merchant="1900000001",
        provider_order_no=number,
        amount=fen,
        subject="茶",
        state="SUCCESS",
        created_at=at,
        paid_at=at,
        provider_transaction_id=f"42{number}",
    )


def a_charge(number, at, fen=1000):
    return Entry(kind=EntryKind.CHARGE, order=an_order(number, fen, at), fen=fen, fee_fen=6, at=at)


#: Six charges a day, the last one half a minute before midnight, the first one a second after.
MINUTES = (1 / 60, 60, 180, 700, 1000, 1439.5)
CHARGES = [
    a_charge(f"d1{day}{place}", start_of(day) + timedelta(minutes=minutes))
    for day in (DAY, NEXT)
    for place, minutes in enumerate(MINUTES)
]


@pytest.fixture
def world():
    return World(MovableClock(), Book(), KeyRing(), Faults({"wechat": frozenset()}))


@pytest.fixture
def bills(world):
    return Bills(
        world,
        "wechat",
        lambda day: [each for each in CHARGES if day_of(each.at) == day],
        an_order,
    )


def true_rows(day):
    return [each for each in CHARGES if day_of(each.at) == day]


@pytest.mark.parametrize("kind", sorted(ROW_KINDS))
def test_a_bill_tells_what_is_planted_and_says_so(world, bills, kind):
    world.faults.arm(Fault(kind=kind))

    told = bills.told(DAY)

    (planted,) = bill_row(world.book.bill("wechat", DAY)).planted
    assert planted.fault == kind
    assert planted.true != planted.told or kind == "bill_row_duplicated"
    assert told != true_rows(DAY)
    assert bills.told(DAY) == told
    assert world.faults.armed() == ()


def test_a_bill_with_nothing_planted_is_true(world, bills):
    assert bills.told(DAY) == true_rows(DAY)


@pytest.mark.parametrize("code", ADDED)
def test_a_row_is_added_that_nobody_made(world, bills, code):
    world.faults.arm(Fault(kind="bill_row_added", code=code))

    (row,) = [each for each in bills.told(DAY) if each not in true_rows(DAY)]

    known = {each.order.provider_order_no for each in true_rows(DAY)}
    ours = row.order.provider_order_no.startswith("d1")
    assert row.kind == (code if code in ("refund", "reversal") else "charge")
    assert (row.order.provider_order_no in known) == (code in ("refund", "reversal"))
    assert ours == (code != "foreign")
    assert day_of(row.at) == DAY


def test_as_many_rows_are_changed_as_the_fault_says_each_once(world, bills):
    world.faults.arm(Fault(kind="bill_row_altered", times=4))
    world.faults.arm(Fault(kind="bill_row_dropped", times=4))

    told = bills.told(DAY)

    assert len(told) == 4
    assert sum(each.fen != 1000 for each in told) == 4
    assert [fault.times for fault in world.faults.armed()] == [2]  # for the next bill


def test_a_fault_for_a_day_waits_for_it(world, bills):
    world.faults.arm(Fault(kind="bill_row_dropped", day=NEXT))

    assert bills.told(DAY) == true_rows(DAY)
    assert len(bills.told(NEXT)) == 5


@pytest.mark.parametrize("rows", [1, 2])
def test_a_row_near_midnight_slips_into_the_neighbouring_bill(world, bills, rows):
    world.faults.arm(Fault(kind="bill_row_shifted", day=DAY, times=rows))

    told = {day: bills.told(day) for day in (DAY, NEXT)}

    moved = [(day, each) for day in told for each in told[day] if each not in true_rows(day)]
    assert len(moved) == rows
    assert all(day_of(each.at) == day for day, each in moved)
    numbers = [each.order.provider_order_no for rows in told.values() for each in rows]
    assert sorted(numbers) == sorted(each.order.provider_order_no for each in CHARGES)


def test_no_row_slips_into_a_bill_that_was_made_before(world, bills):
    bills.told(NEXT)
    world.faults.arm(Fault(kind="bill_row_shifted", day=DAY, times=2))

    assert bills.told(DAY) == true_rows(DAY)
    assert bills.told(NEXT) == true_rows(NEXT)


def test_what_slipped_in_stays_when_more_is_planted(world, bills):
    world.faults.arm(Fault(kind="bill_row_shifted", day=DAY, times=2))
    bills.told(DAY)
    world.faults.arm(Fault(kind="bill_row_dropped", day=NEXT, times=99))

    assert [each.key for each in bills.told(NEXT)] == [CHARGES[5].key]


def test_rows_come_in_the_order_of_time(world, bills):
    world.faults.arm(Fault(kind="bill_row_added", times=20))

    assert all(one.at <= other.at for one, other in pairwise(bills.told(DAY)))


def test_a_bill_is_the_same_after_a_restart(tmp_path, run):
    def world_of(book):
        return World(MovableClock(), book, KeyRing(), Faults({"wechat": frozenset()}))

    def bills_of(world):
        return Bills(world, "wechat", true_rows, an_order)

    before = world_of(Book(tmp_path))
    for kind in sorted(ROW_KINDS):
        before.faults.arm(Fault(kind=kind))
    told = bills_of(before).told(DAY)
    run(before.book.durable())
    before.book.close()

    after = world_of(Book(tmp_path))
    assert bills_of(after).told(DAY) == told
    assert bill_row(after.book.bills()[0]) == bill_row(before.book.bills()[0])
    after.book.close()


def test_an_unknown_row_to_add_is_refused(world):
    with pytest.raises(UnknownFault):
        world.faults.arm(Fault(kind="bill_row_added", code="elephant"))


def test_a_fault_for_rows_strikes_no_exchange_and_the_others_where_they_belong():
    faults = Faults({"wechat": frozenset()})
    for kind in ("bill_row_dropped", "bill_late", "bill_truncated"):
        faults.arm(Fault(kind=kind))

    assert faults.strike("wechat", "query") == {}
    assert set(faults.strike("wechat", "bill")) == {"bill_late"}
    assert set(faults.strike("wechat", "bill_download")) == {"bill_truncated"}
    assert [fault.kind for fault in faults.armed()] == ["bill_row_dropped"]


def test_a_day_is_finished_at_its_hour_in_china():
    nine = datetime(2026, 3, 11, 1, tzinfo=UTC)

    assert not is_finished(DAY, now=nine - timedelta(seconds=1), hour=9)
    assert is_finished(DAY, now=nine, hour=9)
    assert day_of(datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)) == DAY
    assert day_of(datetime(2026, 3, 10, 16, tzinfo=UTC)) == NEXT


def test_half_a_fen_is_kept_by_the_provider():
    assert [fee_of(fen, Decimal("0.006")) for fen in (83, 84, 250, 8888)] == [0, 1, 2, 53]
