"""What findings, their end and the persons who settle them promise, held against every store."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from application.ports import LostUpdate
from application.reconciliation_records import Carry, Run, RunStatus
from domain.bill import MovementKind
from domain.discrepancy import DiscrepancyStatus, Entry, Resolution
from domain.errors import NotFound
from domain.reconciliation import Class
from tests.adapters.persistence.making import NOW
from tests.adapters.persistence.reconciling import (
    DAY,
    a_carry,
    a_finding,
    a_movement,
    a_run,
    an_announcement,
)

CHARGE, REVERSAL, REFUND = MovementKind
OPEN, AWAITING, RESOLVED = DiscrepancyStatus
LATER = NOW + timedelta(hours=1)
NEXT_DAY, DAY_BEFORE = DAY + timedelta(days=1), DAY - timedelta(days=1)


@pytest.fixture
def execution(run, store, make):
    """A run under way."""

    def begin(**fields):
        reconciliation = a_run(make, **fields)
        run(store.runs.save(reconciliation))
        return reconciliation

    return begin


@pytest.fixture
def again(run, store):
    """The next attempt of a run."""

    def begin(reconciliation):
        reconciliation.attempt += 1
        reconciliation.status = RunStatus.RUNNING
        run(store.runs.save(reconciliation))

    return begin


@pytest.fixture
def seal(run, store, make):
    def end(reconciliation, *carries, at=LATER):
        reconciliation.status = RunStatus.FINISHED
        announced = an_announcement(make, reconciliation)
        run(store.findings.seal(reconciliation, carries, at, announce=announced))
        return announced

    return end


@pytest.fixture
def found(run, store):
    """Everything a run found, oldest first."""

    def listed(reconciliation, status=None):
        page = store.discrepancies.page(reconciliation.id, status=status, limit=5_000, cursor=None)
        return list(run(page).items)

    return listed


def as_kept(finding, version=1):
    return replace(finding, version=version)


def test_a_finding_returns_as_it_was_kept(run, store, execution, make, found):
    reconciliation = execution()
    everything = a_finding(
        make,
        reconciliation,
        cls=Class.AMOUNT_MISMATCH,
        kind=REFUND,
        refund_no="R-\u6d4b\u8bd5",
        nth=3,
        ours_fen=-5,
        bill_fen=-(10**13),
        fee_fen=-1,
        order_id="ref_1",
        detail="Our books have a refund; \u9000\u6b3e",
        raw='`2026-11-21 10:00:00,"\u6d4b"\t\r\n',
        line=7,
        status=RESOLVED,
        resolution=Resolution.REPAIR,
        trail=(Entry(NOW, "basepay", "found"), Entry(LATER, "basepay", "repair", "asked")),
        found_at=LATER,
    )
    unreadable = a_finding(
        make,
        reconciliation,
        cls=Class.UNREADABLE_ROW,
        kind=None,
        order_no="",
        bill_fen=None,
        trail=(),
    )
    run(store.findings.put(reconciliation, [everything, unreadable]))

    for each in (everything, unreadable):
        assert run(store.discrepancies.get(each.id)) == as_kept(each)
    assert found(reconciliation) == [as_kept(everything), as_kept(unreadable)]
    with pytest.raises(NotFound):
        run(store.discrepancies.get("dis_unknown"))


def test_what_no_text_can_hold_is_kept_readable(run, store, execution, make, found):
    reconciliation = execution()
    broken = {"order_no": "d1\0", "raw": "a\0b\udcff", "detail": "\0", "refund_no": "\ud800"}
    finding = a_finding(make, reconciliation, **broken)
    for _ in range(2):
        run(store.findings.put(reconciliation, [finding]))

    [kept] = found(reconciliation)
    assert (kept.id, kept.raw[0], kept.raw[2]) == (finding.id, "a", "b")


def test_a_row_that_no_text_can_hold_is_known_again(run, store, execution, again, make, found):
    reconciliation = execution()
    finding = a_finding(make, reconciliation, cls=Class.UNREADABLE_ROW, raw="a\0b\udcff")
    run(store.findings.put(reconciliation, [finding]))
    [kept] = found(reconciliation)
    kept.accept(by="olga", why="nothing in it", at=NOW)
    run(store.discrepancies.save(kept))
    again(reconciliation)

    run(store.findings.put(reconciliation, [finding]))

    assert [each.status for each in found(reconciliation)] == [AWAITING]


def test_what_is_seen_again_is_the_same_discrepancy(run, store, execution, again, make, found):
    reconciliation = execution()
    first = a_finding(make, reconciliation, detail="as it was", raw="old", line=1)
    run(store.findings.put(reconciliation, [first]))
    again(reconciliation)
    second = replace(first, id="dis_new", detail="as it is", raw="new", line=2, found_at=LATER)
    run(store.findings.put(reconciliation, [second]))

    [kept] = found(reconciliation)
    assert (kept.id, kept.found_at, kept.trail) == (first.id, NOW, first.trail)
    assert (kept.detail, kept.raw, kept.line) == ("as it is", "new", 2)


#: Whatever of it differs makes another discrepancy.
OTHERS: tuple[dict[str, Any], ...] = (
    {"cls": Class.STATUS_MISMATCH},
    {"order_no": "other"},
    {"kind": REVERSAL},
    {"kind": None},
    {"refund_no": "R"},
    {"nth": 1},
)


def test_each_part_of_its_name_makes_another_discrepancy(run, store, execution, make, found):
    reconciliation = execution()
    finding = a_finding(make, reconciliation, order_no="d1")
    twins = [replace(finding, id=f"dis_z{place}", **each) for place, each in enumerate(OTHERS)]
    for batch in ([finding], twins, [*twins, finding]):
        run(store.findings.put(reconciliation, batch))

    assert found(reconciliation) == [as_kept(finding), *map(as_kept, twins)]


def test_the_same_finding_of_another_run_is_another_discrepancy(run, store, execution, make, found):
    mine, other = execution(), execution(account="wechat-second")
    finding = a_finding(make, mine)
    run(store.findings.put(mine, [finding]))
    elsewhere = replace(finding, id="dis_z", run_id=other.id, account=other.account)
    run(store.findings.put(other, [elsewhere]))

    assert found(mine) == [as_kept(finding)]
    assert found(other) == [as_kept(elsewhere)]


def test_what_a_person_settled_stays_settled(run, store, execution, again, make, found, seal):
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(3)]
    run(store.findings.put(reconciliation, findings))
    accepted, awaiting = (run(store.discrepancies.get(each.id)) for each in findings[:2])
    for each in (accepted, awaiting):
        each.accept(by="li", why="agreed", at=LATER)
    accepted.approve(by="wang", at=LATER)
    for each in (accepted, awaiting):
        run(store.discrepancies.save(each))
    seal(reconciliation)

    again(reconciliation)
    run(store.findings.put(reconciliation, [replace(each, id=f"{each.id}x") for each in findings]))
    seal(reconciliation)

    kept = found(reconciliation)
    assert [each.status for each in kept] == [RESOLVED, AWAITING, OPEN]
    assert [each.resolution for each in kept] == [Resolution.ACCEPT, None, None]
    assert [each.trail for each in kept] == [accepted.trail, awaiting.trail, findings[2].trail]


def test_what_was_accepted_of_other_sums_is_open_again(run, store, execution, again, make, found):
    reconciliation = execution()
    finding = a_finding(make, reconciliation)
    run(store.findings.put(reconciliation, [finding]))
    accepted = run(store.discrepancies.get(finding.id))
    accepted.accept(by="li", why="agreed", at=LATER)
    run(store.discrepancies.save(accepted))
    again(reconciliation)
    run(store.findings.put(reconciliation, [replace(finding, bill_fen=2_000, found_at=LATER)]))

    [kept] = found(reconciliation)
    assert (kept.status, kept.bill_fen) == (OPEN, 2_000)
    assert kept.trail[:2] == accepted.trail
    assert [each.did for each in kept.trail] == ["found", "accept", "found"]


def test_what_only_an_older_attempt_saw_is_gone(run, store, execution, again, make, found, seal):
    reconciliation, other = execution(), execution(account="wechat-second")
    open_one, awaiting, accepted, seen = (a_finding(make, reconciliation) for _ in range(4))
    run(store.findings.put(reconciliation, [open_one, awaiting, accepted, seen]))
    elsewhere = a_finding(make, other)
    run(store.findings.put(other, [elsewhere]))
    for each, approved in ((awaiting, False), (accepted, True)):
        settled = run(store.discrepancies.get(each.id))
        settled.accept(by="li", why="agreed", at=NOW)
        if approved:
            settled.approve(by="wang", at=NOW)
        run(store.discrepancies.save(settled))
    again(reconciliation)
    run(store.findings.put(reconciliation, [seen]))
    assert run(store.discrepancies.unresolved(reconciliation.id)) == 3

    seal(reconciliation, at=LATER)

    kept = found(reconciliation)
    assert [each.status for each in kept] == [RESOLVED, RESOLVED, RESOLVED, OPEN]
    assert [each.resolution for each in kept] == [None, None, Resolution.ACCEPT, None]
    gone = Entry(LATER, "basepay", "gone")
    assert kept[0].trail == (*open_one.trail, gone)
    assert [each.did for each in kept[1].trail] == ["found", "accept", "gone"]
    assert [each.did for each in kept[2].trail] == ["found", "accept", "approve"]
    assert run(store.discrepancies.unresolved(reconciliation.id)) == 1
    assert found(other) == [as_kept(elsewhere)]


def test_what_was_gone_and_shows_again_is_open_again(
    run, store, execution, again, make, found, seal
):
    reconciliation = execution()
    finding = a_finding(make, reconciliation)
    run(store.findings.put(reconciliation, [finding]))
    for attempt in ([], [replace(finding, id="dis_z", found_at=LATER)], []):
        again(reconciliation)
        run(store.findings.put(reconciliation, attempt))
        seal(reconciliation)

    [kept] = found(reconciliation)
    assert kept.status is RESOLVED
    assert [each.did for each in kept.trail] == ["found", "gone", "found", "gone"]


def test_what_an_earlier_batch_saw_is_not_gone(run, store, execution, again, make, found, seal):
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(6)]
    for _ in range(2):
        for place in range(0, 6, 2):
            run(store.findings.put(reconciliation, findings[place : place + 2]))
        seal(reconciliation)
        again(reconciliation)

    assert [each.status for each in found(reconciliation)] == [OPEN] * 6


def test_a_thousand_findings_are_one_batch(run, store, execution, again, make, found, seal):
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(1_000)]
    twins = [
        a_finding(make, reconciliation, cls=Class.UNREADABLE_ROW, kind=None, order_no="", nth=nth)
        for nth in range(1_000)
    ]
    for batch in (findings, twins, twins, findings):
        run(store.findings.put(reconciliation, batch))
    again(reconciliation)
    changed = [replace(each, detail="other") for each in findings[:500]]
    run(store.findings.put(reconciliation, changed))
    seal(reconciliation)

    kept = found(reconciliation)
    assert [each.id for each in kept] == [each.id for each in (*findings, *twins)]
    assert [each.status for each in kept] == [OPEN] * 500 + [RESOLVED] * 1_500
    assert run(store.discrepancies.unresolved(reconciliation.id)) == 500


def test_an_execution_that_was_superseded_keeps_nothing(
    run, store, execution, again, make, found, seal
):
    reconciliation = execution()
    old = replace(reconciliation)
    again(reconciliation)

    with pytest.raises(LostUpdate):
        run(store.findings.put(old, [a_finding(make, old)]))
    with pytest.raises(LostUpdate):
        seal(old, a_carry(make))

    assert found(reconciliation) == []
    assert run(store.findings.carried(old.account, NEXT_DAY)) == []
    assert run(store.outbox.waiting(10)) == []
    assert run(store.runs.get(old.id)) == reconciliation


def test_of_two_seals_one_holds_with_its_carries_and_its_message(
    run, store, execution, make, again, found
):
    reconciliation = execution()
    run(store.findings.put(reconciliation, [a_finding(make, reconciliation)]))
    again(reconciliation)
    rivals = [replace(reconciliation, status=RunStatus.FINISHED) for _ in range(4)]
    carries = [a_carry(make) for _ in rivals]
    messages = [an_announcement(make, each) for each in rivals]
    heard = []
    store.on_message = lambda: heard.append("message")

    async def race():
        seals = (
            store.findings.seal(each, [carry], LATER, announce=message)
            for each, carry, message in zip(rivals, carries, messages, strict=True)
        )
        return await asyncio.gather(*seals, return_exceptions=True)

    results = run(race())

    winner = results.index(None)
    assert sorted(type(each).__name__ for each in results) == ["LostUpdate"] * 3 + ["NoneType"]
    assert run(store.runs.get(reconciliation.id)) == rivals[winner]
    assert run(store.findings.carried("wechat-main", NEXT_DAY)) == [carries[winner]]
    assert run(store.outbox.waiting(10)) == [messages[winner]]
    assert [each.did for each in found(reconciliation)[0].trail] == ["found", "gone"]
    assert heard == ["message"]


def test_sealing_and_settling_at_once_lose_no_word(run, store, execution, make, again, found):
    """Whoever is first: the trail is whole, and nothing is both settled and gone."""
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(20)]
    run(store.findings.put(reconciliation, findings))
    again(reconciliation)
    reconciliation.status = RunStatus.FINISHED
    settled = [run(store.discrepancies.get(each.id)) for each in findings]
    for each in settled:
        each.repair(by="li", why="asked", at=LATER)

    async def race():
        announced = an_announcement(make, reconciliation)
        saves = [store.discrepancies.save(each) for each in settled]
        sealed = store.findings.seal(reconciliation, [], LATER, announce=announced)
        return await asyncio.gather(*saves[:10], sealed, *saves[10:], return_exceptions=True)

    results = run(race())

    assert results.pop(10) is None
    for kept, result in zip(found(reconciliation), results, strict=True):
        assert kept.status is RESOLVED
        assert [each.did for each in kept.trail] == ["found", "gone" if result else "repair"]
        assert result is None or isinstance(result, LostUpdate)


def test_of_two_persons_the_second_learns_it_lost(run, store, execution, make):
    reconciliation = execution()
    finding = a_finding(make, reconciliation)
    run(store.findings.put(reconciliation, [finding]))
    mine, yours = (run(store.discrepancies.get(finding.id)) for _ in range(2))
    mine.accept(by="li", why="agreed", at=LATER)
    yours.repair(by="wang", why="asked", at=LATER)
    run(store.discrepancies.save(mine))

    with pytest.raises(LostUpdate):
        run(store.discrepancies.save(yours))

    assert yours.version == 1
    assert run(store.discrepancies.get(finding.id)) == mine
    mine.approve(by="wang", at=LATER)
    run(store.discrepancies.save(mine))
    assert run(store.discrepancies.get(finding.id)) == mine


def test_the_trail_can_only_grow(run, store, execution, make):
    reconciliation = execution()
    finding = a_finding(make, reconciliation)
    run(store.findings.put(reconciliation, [finding]))
    forger = run(store.discrepancies.get(finding.id))
    forger.trail = (Entry(NOW, "li", "nothing"), Entry(LATER, "li", "note", "why"))
    run(store.discrepancies.save(forger))
    forger.trail = ()
    run(store.discrepancies.save(forger))

    kept = run(store.discrepancies.get(finding.id))
    assert kept.trail == (*finding.trail, Entry(LATER, "li", "note", "why"))


def test_discrepancies_of_all_days_are_listed_by_account(run, store, execution, make):
    days = [execution(account="ages", day=day) for day in (NEXT_DAY, DAY)]
    other = execution(account="elsewhere")
    for reconciliation in (*days, other):
        run(store.findings.put(reconciliation, [a_finding(make, reconciliation)]))

    def listed(account, limit=9, cursor=None):
        page = store.discrepancies.page(
            None, account=account, status="open", limit=limit, cursor=cursor
        )
        return run(page)

    everything = listed("ages").items
    first = listed("ages", limit=1)

    assert [each.run_id for each in everything] == [each.id for each in days]
    assert first.items == everything[:1]
    assert listed("ages", cursor=first.next_cursor).items == everything[1:]
    assert {other.id, *(each.id for each in days)} <= {each.run_id for each in listed(None).items}


def test_discrepancies_are_listed_oldest_first_page_by_page(run, store, execution, make):
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(5)]
    run(store.findings.put(reconciliation, findings[::-1]))
    settled = run(store.discrepancies.get(findings[1].id))
    settled.accept(by="li", why="agreed", at=LATER)
    run(store.discrepancies.save(settled))

    def pages(status, limit):
        cursor, found = None, []
        while True:
            page = store.discrepancies.page(
                reconciliation.id, status=status, limit=limit, cursor=cursor
            )
            page = run(page)
            found.append([each.id for each in page.items])
            cursor = page.next_cursor
            if cursor is None:
                return found

    ids = [each.id for each in findings]
    assert pages(None, 2) == [ids[:2], ids[2:4], ids[4:]]
    assert pages(None, 5) == [ids]
    assert pages("open", 3) == [[ids[0], *ids[2:4]], ids[4:]]
    assert pages("awaiting_approval", 3) == [[ids[1]]]
    assert pages("resolved", 3) == [[]]


def test_a_carry_returns_as_it_was_kept(run, store, execution, make, seal):
    reconciliation = execution()
    movement = a_movement(
        make,
        kind=REFUND,
        refund_no="R-\u6d4b",
        method="wechat_app",
        settled_fen=1,
        test=True,
        carried_from=DAY,
    )
    carry = Carry(movement, DAY, None)
    seal(reconciliation, carry)

    assert run(store.findings.carried("wechat-main", NEXT_DAY)) == [carry]
    assert run(store.findings.carried("wechat-second", NEXT_DAY)) == []


@pytest.fixture
def sealed_days(execution, seal):
    """Ends the runs of days with their carries; a day that comes twice is run again."""
    runs: dict[date, Run] = {}

    def end(day, *carries):
        if day in runs:
            runs[day].attempt += 1
        else:
            runs[day] = execution(day=day)
        seal(runs[day], *carries)

    return end


def test_what_a_day_carries_over_is_the_next_days_until_somebody_has_it(
    run, store, make, sealed_days
):
    waiting = a_carry(make)
    has_it = replace(waiting, settled_day=NEXT_DAY)

    def carried(day):
        return run(store.findings.carried("wechat-main", day))

    sealed_days(DAY, waiting)
    assert (carried(DAY), carried(NEXT_DAY)) == ([], [waiting])
    sealed_days(NEXT_DAY, has_it)
    assert (carried(DAY), carried(NEXT_DAY)) == ([has_it], [has_it])
    sealed_days(DAY, waiting)
    assert (carried(DAY), carried(NEXT_DAY)) == ([has_it], [has_it])
    sealed_days(NEXT_DAY)
    assert (carried(DAY), carried(NEXT_DAY)) == ([], [waiting])
    sealed_days(DAY)
    assert (carried(DAY), carried(NEXT_DAY)) == ([], [])


def test_what_the_next_day_lacks_is_the_day_befores(run, store, make, sealed_days):
    waiting = a_carry(make, from_day=NEXT_DAY)
    has_it = replace(waiting, settled_day=DAY)

    def carried(day):
        return run(store.findings.carried("wechat-main", day))

    sealed_days(NEXT_DAY, waiting)
    assert (carried(DAY), carried(NEXT_DAY)) == ([waiting], [])
    sealed_days(DAY, has_it)
    assert (carried(DAY), carried(NEXT_DAY)) == ([has_it], [has_it])


def test_each_carried_movement_is_told_once(run, store, make, sealed_days):
    """Two neighbours say they have it; and two days wait for it."""
    twice = a_carry(make)
    sealed_days(DAY_BEFORE, replace(twice, settled_day=DAY_BEFORE))
    sealed_days(NEXT_DAY, replace(twice, settled_day=NEXT_DAY))
    waiting = a_carry(make)
    sealed_days(DAY, twice, waiting)

    def carried(day):
        return run(store.findings.carried("wechat-main", day))

    assert carried(DAY) == [replace(twice, settled_day=DAY_BEFORE)]
    assert carried(NEXT_DAY) == [replace(twice, settled_day=NEXT_DAY), waiting]
    assert carried(DAY_BEFORE) == [replace(twice, settled_day=DAY_BEFORE), waiting]


def test_carries_are_replaced_with_their_day_and_account_only(run, store, execution, make, seal):
    mine, other = execution(), execution(account="wechat-second")
    first, second, theirs = (a_carry(make) for _ in range(3))
    seal(other, theirs)
    seal(mine, *(a_carry(make) for _ in range(40)), first)
    mine.attempt += 1
    seal(mine, first, second)

    assert run(store.findings.carried("wechat-main", NEXT_DAY)) == [first, second]
    assert run(store.findings.carried("wechat-second", NEXT_DAY)) == [theirs]


def test_findings_and_persons_at_once_lose_no_word(run, store, execution, again, make, found):
    """A repeated run finds with new details what persons settle at this moment."""
    reconciliation = execution()
    findings = [a_finding(make, reconciliation) for _ in range(20)]
    run(store.findings.put(reconciliation, findings))
    again(reconciliation)
    settled = [run(store.discrepancies.get(each.id)) for each in findings]
    for each in settled:
        each.accept(by="li", why="agreed", at=LATER)
    seen = [replace(each, detail="seen again") for each in findings]

    async def race():
        saves = [store.discrepancies.save(each) for each in settled]
        put = store.findings.put(reconciliation, seen)
        return await asyncio.gather(*saves[:10], put, *saves[10:], return_exceptions=True)

    results = run(race())

    assert results.pop(10) is None
    for kept, result in zip(found(reconciliation), results, strict=True):
        assert kept.detail == "seen again"
        assert [each.did for each in kept.trail] == ["found", *([] if result else ["accept"])]
        assert result is None or isinstance(result, LostUpdate)
