"""A day of ours against its bill, over the real use cases in memory."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import msgspec
import pytest

from adapters.providers.in_memory import bills as made_here
from application import export_reconciliation, reconciliation_lease, reconciliation_run
from application.reconciliation_lease import LEASE
from application.reconciliation_records import BillNotReady, BillRefused, RunStatus
from application.reconciliation_report import Report, Sum
from application.records import Filter
from domain.bill import BillKind, BillRejected, BillRow, MovementKind
from domain.bill_day import BillDay, bill_day
from domain.discrepancy import Discrepancy, DiscrepancyStatus, Resolution
from domain.errors import (
    DiscrepancyResolved,
    InvalidRequest,
    MoneyDiffers,
    NotRepaired,
    SecondPersonNeeded,
)
from domain.events import IncidentKind
from domain.method import Method
from domain.money import Money
from domain.reconciliation import Class, FeeTerms
from tests.asking import an_order_by
from tests.worlds import SHOP, MemoryWorld

ONE_DAY = timedelta(days=1)
WECHAT, ALIPAY = "wechat-main", "alipay-main"


@pytest.fixture
def world() -> MemoryWorld:
    """Noon in Shanghai: far from midnight."""
    world = MemoryWorld()
    tomorrow = BillDay.of(today(world) + ONE_DAY)
    world.clock.advance((tomorrow.start + ONE_DAY / 2 - world.clock.now()).total_seconds())
    return world


def today(world) -> date:
    return bill_day(world.clock.now())


def until(world, *, days=0, before_midnight=None):
    """Let time pass: to noon so many days on, or close to today's end."""
    day = BillDay.of(today(world) + days * ONE_DAY)
    at = day.start + ONE_DAY / 2 if before_midnight is None else day.end - before_midnight
    world.clock.advance((at - world.clock.now()).total_seconds())


async def reconciled(world, day, account=WECHAT) -> Report:
    run = await world.app.reconcile.start(account, day, by="olga")
    run = await world.app.reconcile.execute(run)
    assert run.status is RunStatus.FINISHED, run.failure
    return Report.from_json(run.report)


async def yesterday_reconciled(world, account=WECHAT) -> Report:
    until(world, days=1)
    return await reconciled(world, today(world) - ONE_DAY, account)


async def found(world, day, account=WECHAT) -> list[Discrepancy]:
    run = await world.app.reconcile.find(account, day)
    page = await world.app.resolve_discrepancy.page(run.id, status=None, limit=100, cursor=None)
    return list(page.items)


async def paid_unheard(world, order_no="SO-1", method=Method.WECHAT_NATIVE):
    """A payment whose callback was lost, and about which nobody has asked yet."""
    how = an_order_by(method) | {"method": method}
    answer = await world.pay(f"k-{order_no}", order_no=order_no, **how)
    payment = json.loads(answer.body)
    world.provider(payment["account"]).payer_pays(payment["provider_order_no"])
    return payment


def classes(report) -> dict[str, tuple[int, int]]:
    return {each.value: (o.count, b.count) for each, (o, b) in report.classes.items()}


def test_a_clean_day_is_matched_and_told(run, world):
    run(world.paid(order_no="SO-1"))
    run(world.paid(order_no="SO-2", amount=1000))

    report = run(yesterday_reconciled(world))

    assert report.discrepancies == 0
    assert report.classes == {Class.MATCHED: (Sum(2, 9888), Sum(2, 9888))}
    assert report.methods == {"wechat_native": (Sum(2, 9888), Sum())}
    assert (report.fee_fen, report.net_fen) == (59, 9888 - 59)
    assert report.funds.moved_fen == report.funds.expected_fen == 9888 - 59
    assert report.bill.rows == 2


def test_anybody_can_hash_the_proof_again_and_add_it_up(run, world):
    run(world.paid())

    report = run(yesterday_reconciled(world))

    proof = json.loads(report.proof)
    assert sha256(report.proof.encode()).hexdigest() == report.certificate
    assert proof["bill_sha256"] == report.bill.sha256
    assert proof["read"]["ours_fen"] == proof["classes"]["matched"]["charge"]["ours_fen"] == 8888


def test_a_day_without_trade_has_no_bill(run, world):
    report = run(yesterday_reconciled(world))

    assert (report.bill, report.classes, report.discrepancies) == (None, {}, 0)


@pytest.mark.parametrize("account", [WECHAT, "nowhere"])
def test_an_unfinished_day_and_an_unknown_account_are_refused(run, world, account):
    day = today(world) - (ONE_DAY if account == "nowhere" else 0 * ONE_DAY)

    with pytest.raises(InvalidRequest) as refused:
        run(world.app.reconcile.start(account, day, by="olga"))

    [error] = refused.value.errors
    assert error.field == ("account" if account == "nowhere" else "day")


@pytest.mark.parametrize("day", [date(206, 11, 25), date.min])
def test_a_day_that_no_bill_can_be_of_is_refused(run, world, day):
    with pytest.raises(InvalidRequest) as refused:
        run(world.app.reconcile.start(WECHAT, day, by="olga"))

    assert [error.field for error in refused.value.errors] == ["day"]


# What the provider confirms is repaired.


@pytest.mark.parametrize(
    ("account", "method"), [(WECHAT, Method.WECHAT_NATIVE), (ALIPAY, Method.ALIPAY_QR)]
)
def test_a_payment_that_nobody_heard_of_is_repaired(run, world, account, method):
    payment = run(paid_unheard(world, method=method))
    day = today(world)

    report = run(yesterday_reconciled(world, account))

    assert run(world.payment(payment["id"]))["status"] == "succeeded"
    assert (classes(report), report.repaired) == ({"matched": (1, 1)}, 1)
    [one] = run(found(world, day, account))
    assert (one.cls, one.status) == (Class.MISSING_LOCALLY, DiscrepancyStatus.RESOLVED)
    assert [(entry.by, entry.did) for entry in one.trail] == [
        ("basepay", "found"),
        ("basepay", "repair"),
    ]


def test_a_repeated_run_tells_of_the_same_repair(run, world):
    run(paid_unheard(world))
    day = today(world)
    first = run(yesterday_reconciled(world))

    assert run(reconciled(world, day)) == first


def test_a_refund_made_elsewhere_that_nobody_heard_of_is_adopted(run, world):
    id = run(world.paid())
    number = run(world.stored(id)).provider_order_no
    world.wechat.merchant_refunds(number, "SITE-1", Money(3000))
    world.wechat.refund_arrives("SITE-1")

    report = run(yesterday_reconciled(world))

    assert run(world.payment(id))["refunded_amount"] == 3000
    assert (classes(report), report.repaired) == ({"matched": (2, 2)}, 1)
    assert [each.kind for each in run(world.incidents())] == [IncidentKind.EXTERNAL_REFUND]


def test_a_refund_whose_answer_was_lost_is_asked_about(run, world):
    id = run(world.paid())
    world.wechat.loses_answers()
    run(world.refund(id))
    world.wechat.behaves_again()

    report = run(yesterday_reconciled(world))

    assert (classes(report), report.repaired) == ({"matched": (2, 2)}, 1)
    [one] = run(found(world, today(world) - ONE_DAY))
    assert one.cls is Class.STATUS_MISMATCH


def test_what_a_silent_provider_does_not_confirm_waits_for_a_person(run, world):
    payment = run(paid_unheard(world))
    world.wechat.stops_answering()
    day = today(world)

    report = run(yesterday_reconciled(world))

    assert (classes(report), report.repaired) == ({"missing_locally": (0, 1)}, 0)
    [one] = run(found(world, day))
    assert (one.status, one.order_id) == (DiscrepancyStatus.OPEN, payment["id"])
    world.wechat.behaves_again()
    resolve = world.app.resolve_discrepancy
    one = run(resolve(one.id, Resolution.REPAIR, by="olga", why="the provider is back"))
    assert (one.status, one.trail[-1].by) == (DiscrepancyStatus.RESOLVED, "olga")
    assert run(world.payment(payment["id"]))["status"] == "succeeded"


def test_the_bills_row_is_kept_as_evidence(run, world):
    payment = run(paid_unheard(world))

    run(yesterday_reconciled(world))

    kept = [e for e in world.store._tables.evidence.look() if e.source == "bill"]
    assert [each.order_id for each in kept] == [payment["id"]]
    assert payment["provider_order_no"].encode() in kept[0].body


# What is wrong stays, until persons settle it.


def test_each_planted_difference_is_found_in_its_class(run, world):
    numbers = {}
    for order_no in ("dropped", "altered", "twice", "fine"):
        id = run(world.paid(order_no=f"SO-{order_no}"))
        numbers[order_no] = run(world.stored(id)).provider_order_no
    strange = "t1" + "0" * 26

    def change(rows):
        by = {row.order_no: row for row in rows}
        return [
            replace(by[numbers["altered"]], fen=8880),
            by[numbers["twice"]],
            by[numbers["twice"]],
            by[numbers["fine"]],
            replace(by[numbers["fine"]], order_no=strange, fen=1),
            replace(by[numbers["fine"]], order_no="x9" + strange, fen=2),
            replace(by[numbers["fine"]], kind=MovementKind.REFUND, refund_no="R", fen=3),
        ]

    world.wechat.bills.will_tell(change)

    report = run(yesterday_reconciled(world))

    assert classes(report) == {
        "matched": (2, 2),
        "missing_at_provider": (1, 0),
        "amount_mismatch": (1, 1),
        "duplicate_in_bill": (0, 1),
        "missing_locally": (0, 1),
        "foreign": (0, 1),
        "unknown_refund": (0, 1),
    }
    kinds = {one.cls for one in run(found(world, today(world) - ONE_DAY))}
    assert {each.value for each in kinds} == set(classes(report)) - {"matched", "foreign"}


def test_a_fee_that_nobody_agreed_to_is_told(run, world):
    account = replace(world.wechat.account(), fees=FeeTerms.of("0.0038", 1))
    world.app.accounts.replace({WECHAT: account})
    run(world.paid())

    report = run(yesterday_reconciled(world))

    assert classes(report) == {"fee_mismatch": (1, 1)}


def lose_a_row(rows: Sequence[BillRow]) -> Sequence[BillRow]:
    return rows[1:]


def test_money_is_accepted_by_two_persons_and_never_explained_away(run, world):
    run(world.paid(order_no="SO-1"))
    run(world.paid(order_no="SO-2"))
    world.wechat.bills.will_tell(lose_a_row)
    run(yesterday_reconciled(world))
    [one] = run(found(world, today(world) - ONE_DAY))
    resolve = world.app.resolve_discrepancy

    with pytest.raises(MoneyDiffers):
        run(resolve(one.id, Resolution.NOTE, by="olga", why="it is nothing"))
    with pytest.raises(NotRepaired):
        run(resolve(one.id, Resolution.REPAIR, by="olga", why="let us see"))
    waiting = run(resolve(one.id, Resolution.ACCEPT, by="olga", why="the bank told us"))
    with pytest.raises(SecondPersonNeeded):
        run(resolve.approve(one.id, by="olga"))
    settled = run(resolve.approve(one.id, by="pjotr"))

    assert waiting.status is DiscrepancyStatus.AWAITING_APPROVAL
    assert settled.status is DiscrepancyStatus.RESOLVED
    with pytest.raises(DiscrepancyResolved):
        run(resolve(one.id, Resolution.REPAIR, by="olga", why="again"))


def told_again():
    """The first row once more, as the next day's bill should never tell it."""
    kept: list[BillRow] = []

    def keep(rows: Sequence[BillRow]) -> Sequence[BillRow]:
        kept.extend(rows[:1])
        return rows

    def show(rows: Sequence[BillRow]) -> Sequence[BillRow]:
        at = kept[0].at + ONE_DAY
        return [*rows, replace(kept[0], at=at)]

    return keep, show


def test_no_person_alone_repairs_what_the_bill_has_on_two_days(run, world):
    run(world.paid())
    first, second = told_again()
    world.wechat.bills.will_tell(first)
    run(yesterday_reconciled(world))
    world.wechat.bills.will_tell(second)
    run(yesterday_reconciled(world))
    [one] = run(found(world, today(world) - ONE_DAY))

    with pytest.raises(NotRepaired):
        run(world.app.resolve_discrepancy(one.id, Resolution.REPAIR, by="olga", why="it is paid"))

    [still] = run(found(world, today(world) - ONE_DAY))
    assert (still.cls, still.status) == (Class.MISSING_LOCALLY, DiscrepancyStatus.OPEN)


def test_nothing_is_told_as_repaired_that_still_differs(run, world):
    run(paid_unheard(world))
    world.wechat.bills.will_tell(lambda rows: [replace(rows[0], fen=9999)])

    report = run(yesterday_reconciled(world))

    assert classes(report)["amount_mismatch"] == (1, 1)
    assert "missing_locally" not in classes(report)
    assert report.repaired == 0
    gone = run(found(world, today(world) - ONE_DAY))[0]
    assert [entry.did for entry in gone.trail] == ["found", "gone"]


def test_a_confirmed_order_with_another_amount_is_not_repaired(run, world):
    run(paid_unheard(world))
    world.wechat.bills.will_tell(lambda rows: [replace(rows[0], fen=9999)])
    world.wechat.stops_answering()
    run(yesterday_reconciled(world))
    world.wechat.behaves_again()
    [one] = run(found(world, today(world) - ONE_DAY))

    with pytest.raises(NotRepaired):
        run(world.app.resolve_discrepancy(one.id, Resolution.REPAIR, by="olga", why="it is paid"))


def test_a_repeated_run_keeps_what_persons_settled(run, world):
    run(world.paid(order_no="SO-1"))
    run(world.paid(order_no="SO-2"))
    world.wechat.bills.will_tell(lose_a_row)
    day = today(world)
    first = run(yesterday_reconciled(world))
    [one] = run(found(world, day))
    run(world.app.resolve_discrepancy(one.id, Resolution.ACCEPT, by="olga", why="known"))
    run(world.app.resolve_discrepancy.approve(one.id, by="pjotr"))

    again = run(reconciled(world, day))

    [same] = run(found(world, day))
    assert again == first
    assert (same.id, same.status) == (one.id, DiscrepancyStatus.RESOLVED)


def test_a_long_list_is_exported_part_by_part(run, world, monkeypatch):
    monkeypatch.setattr(export_reconciliation, "BATCH", 1)
    for order_no in ("SO-1", "SO-2"):
        run(world.paid(order_no=order_no))
    world.wechat.bills.will_tell(lambda rows: [replace(row, fen=1) for row in rows])
    run(yesterday_reconciled(world))
    reconciled = run(world.app.reconcile.find(WECHAT, today(world) - ONE_DAY))

    content = run(world.app.export_reconciliation.csv(reconciled))

    lines = Report.from_json(reconciled.report).discrepancies
    assert len(content.decode().splitlines()) == 1 + lines > 2
    assert content.count("差异编号".encode()) == 1


# Around midnight.


def test_a_payment_at_midnight_is_carried_to_the_next_days_bill(run, world):
    until(world, before_midnight=timedelta(seconds=30))
    payment = run(paid_unheard(world))
    world.clock.advance(60)
    run(world.app.get_payment(SHOP, payment["id"], refresh=True))
    day = today(world) - ONE_DAY
    world.wechat.bills.will_tell(lambda _: [])
    first = run(yesterday_of(world, day))
    world.wechat.bills.will_tell(
        lambda rows: [*rows, told_later(world, payment["provider_order_no"])]
    )
    second = run(yesterday_of(world, day + ONE_DAY))

    assert (classes(first), first.discrepancies) == ({"carried_over": (1, 0)}, 0)
    assert (classes(second), second.discrepancies) == ({"matched": (1, 1)}, 0)
    assert run(reconciled(world, day)) == first
    assert run(reconciled(world, day + ONE_DAY)) == second


def test_what_the_next_day_does_not_have_either_is_missing(run, world):
    until(world, before_midnight=timedelta(seconds=30))
    run(world.paid())
    day = today(world)
    world.wechat.bills.will_tell(lambda _: [])
    run(yesterday_of(world, day))

    second = run(yesterday_of(world, day + ONE_DAY))

    assert classes(second) == {"missing_at_provider": (1, 0)}


def test_a_day_that_ran_too_early_is_run_again_for_what_is_carried_to_it(run, world):
    until(world, before_midnight=timedelta(seconds=30))
    run(world.paid())
    day = today(world)
    until(world, days=2)
    early = run(reconciled(world, day + ONE_DAY))
    world.wechat.bills.will_tell(lambda _: [])

    run(reconciled(world, day))
    [due] = run(world.app.reconcile.due(10))
    again = run(world.app.reconcile.execute(due))

    assert early.discrepancies == 0
    assert (due.day, due.started_by) == (day + ONE_DAY, "basepay")
    assert classes(Report.from_json(again.report)) == {"missing_at_provider": (1, 0)}
    assert run(world.app.reconcile.due(10)) == []


def test_what_is_carried_while_the_next_day_is_matched_is_judged_all_the_same(
    run, world, monkeypatch
):
    until(world, before_midnight=timedelta(seconds=30))
    run(world.paid())
    day = today(world)
    until(world, days=2)
    movements = world.store.books.movements

    async def slowly(*asked):
        if asked[2:] == BillDay.of(day + ONE_DAY).window:
            monkeypatch.setattr(world.store.books, "movements", movements)
            world.wechat.bills.will_tell(lambda _: [])
            await reconciled(world, day)  # ends in the middle of the next day's run
        async for page in movements(*asked):
            yield page

    monkeypatch.setattr(world.store.books, "movements", slowly)
    run(reconciled(world, day + ONE_DAY))
    [due] = run(world.app.reconcile.due(10))
    again = run(world.app.reconcile.execute(due))

    assert classes(Report.from_json(again.report)) == {"missing_at_provider": (1, 0)}
    assert run(world.app.reconcile.due(10)) == []


def test_what_a_repeated_run_carries_over_anew_is_judged_all_the_same(run, world, tmp_path):
    until(world, before_midnight=timedelta(seconds=30))
    run(world.paid())
    day = today(world)
    both = [run(yesterday_of(world, each)) for each in (day, day + ONE_DAY)]
    nothing = tmp_path / "bill.json"
    nothing.write_bytes(b"[]")

    run(world.app.reconcile.start(WECHAT, day, by="olga", file=str(nothing)))
    again = run(reconciled(world, day))
    [due] = run(world.app.reconcile.due(10))
    judged = run(world.app.reconcile.execute(due))

    assert [each.discrepancies for each in both] == [0, 0]
    assert classes(again)["carried_over"] == (1, 0)
    assert (due.day, due.started_by) == (day + ONE_DAY, "basepay")
    assert classes(Report.from_json(judged.report)) == {"missing_at_provider": (1, 0)}
    assert run(world.app.reconcile.due(10)) == []


def test_what_another_day_does_not_have_any_more_is_judged_again(run, world, tmp_path):
    until(world, before_midnight=timedelta(seconds=30))
    payment = run(paid_unheard(world))
    world.clock.advance(60)
    run(world.app.get_payment(SHOP, payment["id"], refresh=True))
    world.clock.advance(60)
    late = run(world.paid(order_no="SO-2"))  # just after midnight, and told the day before
    number = run(world.stored(late)).provider_order_no
    day = today(world) - ONE_DAY
    world.wechat.bills.will_tell(lambda rows: [*rows, told_sooner(world, number)])
    first = run(yesterday_of(world, day))
    world.wechat.bills.will_tell(lambda rows: [row for row in rows if row.order_no != number])
    second = run(yesterday_of(world, day + ONE_DAY))
    third = run(yesterday_of(world, day + 2 * ONE_DAY))
    without = tmp_path / "bill.json"
    without.write_bytes(msgspec.json.encode(world.wechat.bills._told(day)[:1]))

    run(world.app.reconcile.start(WECHAT, day, by="olga", file=str(without)))
    run(reconciled(world, day))
    due = run(world.app.reconcile.due(10))
    for each in due:
        run(world.app.reconcile.execute(each))

    assert classes(first) == {"matched": (2, 2)}
    assert (classes(second), classes(third)) == ({"carried_over": (1, 0)}, {})
    last = run(world.app.reconcile.find(WECHAT, day + 2 * ONE_DAY))
    assert classes(Report.from_json(last.report)) == {"missing_at_provider": (1, 0)}
    assert run(world.app.reconcile.due(10)) == []


def test_what_is_found_elsewhere_while_it_is_judged_is_not_missing(run, world, monkeypatch):
    until(world, days=1)
    midnight = BillDay.of(today(world)).end
    world.clock.advance((midnight - world.clock.now()).total_seconds() + 60)
    number = run(world.stored(run(world.paid()))).provider_order_no
    day = today(world)
    until(world, days=2)
    world.wechat.bills.will_tell(lambda _: [])
    run(reconciled(world, day))
    movements = world.store.books.movements

    async def slowly(*asked):
        async for page in movements(*asked):
            yield page
        if asked[2] != BillDay.of(day + ONE_DAY).window[0]:
            return
        monkeypatch.setattr(world.store.books, "movements", movements)
        world.wechat.bills.will_tell(lambda _: [told_sooner(world, number)])
        await reconciled(world, day - ONE_DAY)  # ends in the middle of the last day's run

    monkeypatch.setattr(world.store.books, "movements", slowly)
    run(reconciled(world, day + ONE_DAY))
    for due in run(world.app.reconcile.due(10)):
        run(world.app.reconcile.execute(due))

    last = run(world.app.reconcile.find(WECHAT, day + ONE_DAY))
    assert classes(Report.from_json(last.report)) == {}
    assert run(world.app.reconcile.due(10)) == []


def told_sooner(world, number) -> BillRow:
    """The provider's clock is some minutes behind ours."""
    trade = world.wechat.book[number]
    at = trade.paid_at - timedelta(minutes=5)
    return made_here._row(trade, MovementKind.CHARGE, trade.amount.fen, at)


async def yesterday_of(world, day) -> Report:
    until(world, days=(day + ONE_DAY - today(world)).days)
    return await reconciled(world, day)


def told_later(world, number) -> BillRow:
    """The provider's clock is a minute ahead of ours."""
    trade = world.wechat.book[number]
    later = replace(trade, paid_at=trade.paid_at + timedelta(minutes=1))
    row = made_here._row(later, MovementKind.CHARGE, trade.amount.fen, later.paid_at)
    return replace(row, line=1)


# Bills that don't come, or can't be used.


def test_no_bill_is_not_believed_at_once_of_a_day_with_trade(run, world):
    run(world.paid())
    world.wechat.bills.will_tell(lambda _: [])
    day = today(world)
    until(world, days=1)

    started = run(world.app.reconcile.start(WECHAT, day, by="olga"))
    waiting = run(world.app.reconcile.execute(started))
    until(world, days=2)
    [due] = run(world.app.reconcile.due(10))
    believed = run(world.app.reconcile.execute(due))

    assert waiting.failure == "the provider has no bill yet, and our books have trade"
    assert classes(Report.from_json(believed.report)) == {"missing_at_provider": (1, 0)}


def test_a_late_bill_is_waited_for(run, world):
    run(world.paid())
    world.wechat.bills.late = True
    until(world, days=1)
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))

    waiting = run(world.app.reconcile.execute(started))

    assert (waiting.status, waiting.report) == (RunStatus.WAITING, b"")
    assert timedelta(minutes=25) < waiting.next_try_at - world.clock.now() < timedelta(minutes=40)
    assert run(world.app.reconcile.due(10)) == []
    world.wechat.bills.late = False
    world.clock.advance(2400)
    [due] = run(world.app.reconcile.due(10))
    assert run(world.app.reconcile.execute(due)).status is RunStatus.FINISHED


def test_operators_hear_once_of_a_bill_that_does_not_come(run, world):
    run(world.paid())
    world.wechat.bills.late = True
    until(world, days=1)
    day = today(world) - ONE_DAY
    started = run(world.app.reconcile.start(WECHAT, day, by="olga"))
    waiting = run(world.app.reconcile.execute(started))
    assert run(world.incidents()) == []

    for _ in range(3):
        until(world, days=2)
        waiting = run(world.app.reconcile.execute(run(world.app.reconcile.due(1))[0]))

    assert waiting.status is RunStatus.WAITING
    assert waiting.failure == "overdue: the bill is still being made"
    [incident] = run(world.incidents())
    assert incident.kind is IncidentKind.RECONCILIATION_FAILED
    world.wechat.bills.late = False
    assert run(reconciled(world, day)).discrepancies == 0


def test_a_rejected_bill_is_fetched_again_and_in_the_end_told_to_operators(run, world):
    run(world.paid())
    until(world, days=1)
    read = world.wechat.bills.read
    world.wechat.bills.read = reject
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))
    waiting = run(world.app.reconcile.execute(started))
    assert (waiting.status, run(world.incidents())) == (RunStatus.WAITING, [])

    until(world, days=2)
    failed = run(world.app.reconcile.execute(run(world.app.reconcile.due(1))[0]))

    assert (failed.status, failed.failure) == (
        RunStatus.FAILED,
        "the bill is rejected: cut short",
    )
    [incident] = run(world.incidents())
    assert incident.kind is IncidentKind.RECONCILIATION_FAILED
    assert run(world.app.reconcile.due(10)) == []
    world.wechat.bills.read = read
    assert run(reconciled(world, failed.day)).discrepancies == 0


def reject(*_: object, **__: object):
    raise BillRejected("cut short")


def test_money_that_may_arrive_after_midnight_is_told_apart(run, world, monkeypatch):
    until(world, before_midnight=timedelta(minutes=2))
    run(world.paid())
    monkeypatch.setattr(made_here, "_balance", lambda _: [])

    report = run(yesterday_reconciled(world))

    assert (report.discrepancies, report.funds.moved_fen) == (0, 0)
    assert report.funds.waiting == Sum(1, 53 - 8888)


def without_funds(world, answer):
    """Of the balance there is another answer than a bill."""
    download = world.wechat.bills.download

    async def tell(kind, day, target):
        return answer if kind is BillKind.FUNDS else await download(kind, day, target)

    return tell


def test_whether_the_money_arrived_is_waited_for(run, world, monkeypatch):
    run(world.paid())
    until(world, days=1)
    late = without_funds(world, BillNotReady("no answer", timedelta(minutes=5)))
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))
    with monkeypatch.context() as patch:
        patch.setattr(world.wechat.bills, "download", late)
        waiting = run(world.app.reconcile.execute(started))
    assert (waiting.status, waiting.failure) == (RunStatus.WAITING, "of the balance: no answer")

    world.clock.advance(600)
    ended = run(world.app.reconcile.execute(run(world.app.reconcile.due(1))[0]))

    funds = Report.from_json(ended.report).funds
    assert funds is not None
    assert funds.moved_fen == 8888 - 53


@pytest.mark.parametrize("answer", [BillRefused("no permission"), BillNotReady("no answer")])
def test_a_day_is_not_held_up_for_ever_by_a_balance_that_nobody_tells(run, world, answer):
    run(world.paid())
    until(world, days=1 if isinstance(answer, BillRefused) else 3)
    day = today(world) - (1 if isinstance(answer, BillRefused) else 3) * ONE_DAY
    world.wechat.bills.download = without_funds(world, answer)

    report = run(reconciled(world, day))

    assert (classes(report), report.funds) == ({"matched": (1, 1)}, None)


def test_a_rejected_bill_of_the_balance_is_fetched_again(run, world, monkeypatch):
    run(world.paid())
    until(world, days=1)
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))
    with monkeypatch.context() as patch:
        patch.setattr(world.wechat.bills, "read_funds", reject)
        run(world.app.reconcile.execute(started))
    downloads = world.wechat.bills.downloads

    world.clock.advance(2400)
    ended = run(world.app.reconcile.execute(run(world.app.reconcile.due(1))[0]))

    assert (ended.status, world.wechat.bills.downloads) == (RunStatus.FINISHED, downloads + 1)


def test_a_file_that_a_person_hands_in_takes_the_bills_place(run, world, tmp_path):
    run(world.paid())
    day = today(world)
    first = run(yesterday_reconciled(world))
    file = tmp_path / "bill.json"
    [row] = world.wechat.bills._told(day)
    file.write_bytes(msgspec.json.encode([replace(row, fen=8000)]))

    run(world.app.reconcile.start(WECHAT, day, by="olga", file=str(file)))
    second = run(reconciled(world, day))

    assert (first.bill.source, second.bill.source) == ("provider", "olga")
    # The balance did not follow it either.
    assert classes(second) == {"amount_mismatch": (1, 1), "funds_mismatch": (0, 1)}


def test_a_file_is_not_taken_while_another_bill_is_being_matched(run, world, tmp_path):
    until(world, days=1)
    day = today(world) - ONE_DAY
    started = run(world.app.reconcile.start(WECHAT, day, by="olga"))
    started.status, started.leased_until = RunStatus.RUNNING, world.clock.now() + LEASE
    run(world.store.runs.save(started))
    file = tmp_path / "bill.json"
    file.write_bytes(b"[]")

    with pytest.raises(InvalidRequest) as refused:
        run(world.app.reconcile.start(WECHAT, day, by="pjotr", file=str(file)))

    assert [error.field for error in refused.value.errors] == ["bill"]
    assert run(world.store.bills.find(WECHAT, day, BillKind.TRADE)) is None


def test_a_file_that_is_no_bill_of_that_day_is_refused(run, world, tmp_path):
    until(world, days=1)
    file = tmp_path / "bill.json"
    file.write_text("nonsense")

    with pytest.raises(InvalidRequest, match="bill"):
        run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga", file=str(file)))


# Several at a time.


def test_of_two_who_execute_one_run_one_does_it(run, world):
    run(world.paid())
    until(world, days=1)
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))

    async def both():
        copies = replace(started), replace(started)
        return await asyncio.gather(*(world.app.reconcile.execute(each) for each in copies))

    ended = run(both())

    assert world.wechat.bills.downloads == 2  # of one execution: trade and funds
    assert RunStatus.FINISHED in {each.status for each in ended}


def test_how_far_a_run_is_can_be_read_and_heard(run, world, monkeypatch):
    run(world.paid())
    until(world, days=1)
    day, enough = today(world) - ONE_DAY, asyncio.Event()
    heard: list[int] = []
    stored: list[int] = []
    started = run(world.app.reconcile.start(WECHAT, day, by="olga"))
    monkeypatch.setattr(reconciliation_lease, "RENEW_EVERY", 0.001)
    check = reconciliation_run.Execution.repaired

    async def at_leisure(execution):
        await enough.wait()
        stored.append((await world.app.reconcile.find(WECHAT, day)).progress)
        return await check(execution)

    monkeypatch.setattr(reconciliation_run.Execution, "repaired", at_leisure)

    def tell(rows: int, _: float) -> None:
        if heard[-1:] == [rows] and rows > 0:  # so it was stored in between
            enough.set()
        heard.append(rows)

    run(world.app.reconcile.execute(started, tell))

    assert stored[0] > 0


def test_a_run_that_is_under_way_is_given_as_it_is_until_its_lease_is_over(run, world):
    until(world, days=1)
    day = today(world) - ONE_DAY
    started = run(world.app.reconcile.start(WECHAT, day, by="olga"))
    started.status, started.leased_until = RunStatus.RUNNING, world.clock.now() + LEASE
    run(world.store.runs.save(started))

    meanwhile = run(world.app.reconcile.start(WECHAT, day, by="pjotr"))
    as_it_is = run(world.app.reconcile.execute(meanwhile))

    assert (meanwhile.status, meanwhile.started_by) == (RunStatus.RUNNING, "olga")
    assert as_it_is.status is RunStatus.RUNNING
    world.clock.advance(61)
    [due] = run(world.app.reconcile.due(1))
    assert run(world.app.reconcile.execute(due)).status is RunStatus.FINISHED


def test_a_run_that_breaks_lets_go_of_the_books(run, world, monkeypatch):
    run(world.paid())
    closed = []

    async def pages(*_):
        try:
            yield []
            yield []
        finally:
            closed.append(True)

    def breaks(*_):
        raise ConnectionError

    until(world, days=1)
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))
    monkeypatch.setattr(world.store.books, "movements", pages)
    monkeypatch.setattr(reconciliation_run.Execution, "_count", breaks)
    monkeypatch.setattr(reconciliation_run, "slices", breaks)

    with pytest.raises(ConnectionError) as kept:
        run(world.app.reconcile.execute(started))

    assert closed == [True], kept


def test_what_breaks_is_tried_again_later(run, world, monkeypatch):
    until(world, days=1)
    started = run(world.app.reconcile.start(WECHAT, today(world) - ONE_DAY, by="olga"))

    async def broken(*_: object) -> None:
        raise RuntimeError("a cable")

    with monkeypatch.context() as patch:
        patch.setattr(world.store.findings, "carried", broken)
        with pytest.raises(RuntimeError):
            run(world.app.reconcile.execute(started))

    waiting = run(world.app.reconcile.get(started.id))
    assert (waiting.status, waiting.failure) == (RunStatus.WAITING, "RuntimeError: a cable")
    world.clock.advance(900)
    [due] = run(world.app.reconcile.due(1))
    assert run(world.app.reconcile.execute(due)).status is RunStatus.FINISHED


# By itself.


async def runs_by_day(world, account=WECHAT) -> list[date]:
    page = await world.app.reconcile.page(account=account, limit=50, cursor=None)
    return [each.day for each in page.items]


def test_a_fresh_deployment_begins_with_its_first_yesterday(run, world):
    asked = run(world.app.reconciliations.schedule())

    assert asked == 2  # accounts
    assert run(runs_by_day(world)) == [today(world) - ONE_DAY]
    assert run(world.app.reconciliations.schedule()) == 0


def test_yesterday_is_asked_for_from_its_hour_on(run, world):
    run(world.app.reconciliations.schedule())
    until(world, days=1)
    world.clock.advance((BillDay.of(today(world)).end - world.clock.now()).total_seconds())
    world.clock.advance(timedelta(hours=9, minutes=59).total_seconds())
    before = run(runs_by_day(world))
    run(world.app.reconciliations.schedule())
    assert run(runs_by_day(world)) == [before[0] + ONE_DAY, *before]  # the day before only

    world.clock.advance(60)
    assert run(world.app.reconciliations.schedule()) == 1  # Alipay's hour comes later

    assert run(runs_by_day(world))[0] == today(world) - ONE_DAY


def test_what_was_missed_is_caught_up_with_but_not_for_ever(run, world):
    run(world.app.reconciliations.schedule())
    until(world, days=30)

    run(world.app.reconciliations.schedule())

    days = run(runs_by_day(world))
    assert days[:7] == [today(world) - n * ONE_DAY for n in range(1, 8)]
    assert len(days) == 8


def test_old_bills_are_let_go(run, world):
    run(world.paid())
    day = today(world)
    run(yesterday_reconciled(world))
    until(world, days=399)
    run(world.app.reconciliations.schedule())
    assert run(world.store.bills.find(WECHAT, day, BillKind.TRADE)) is not None

    until(world, days=2)
    run(world.app.reconciliations.schedule())

    assert run(world.store.bills.find(WECHAT, day, BillKind.TRADE)) is None


# Telling.


def test_each_end_is_announced_to_operators_alone(run, world):
    day = today(world)
    run(yesterday_reconciled(world))
    run(reconciled(world, day))

    told = run(world.store.outbox.waiting(10))
    run(world.settle())

    ended = run(world.app.reconcile.find(WECHAT, day))
    assert [(each.app, each.type, each.order_id, each.sequence) for each in told] == [
        ("_operator", "basepay.reconciliation.finished", ended.id, number) for number in (1, 2)
    ]
    assert json.loads(told[0].data)["report"] == json.loads(ended.report)
    assert run(world.store.library.messages(Filter(limit=10))).items == []
