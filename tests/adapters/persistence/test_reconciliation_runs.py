"""What runs of reconciliation promise, held against every store."""

import asyncio
from datetime import date, timedelta

import pytest

from application.ports import AlreadyExists, LostUpdate
from application.reconciliation_records import RunStatus
from domain.errors import NotFound
from tests.adapters.persistence.making import NOW
from tests.adapters.persistence.reconciling import DAY, a_run

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def kept(run, store, make):
    """Keeps a run, valid unless a field says otherwise."""

    def keep(**fields):
        reconciliation = a_run(make, **fields)
        run(store.runs.save(reconciliation))
        return reconciliation

    return keep


def test_a_run_returns_as_it_was_kept(run, store, kept):
    everything = kept(
        status=RunStatus.FAILED,
        started_by="金莲",
        attempt=3,
        leased_until=NOW,
        next_try_at=LATER,
        finished_at=LATER,
        progress=1_000_000,
        failure="Zeile 7 \U0001f375",
        report=b'{"day":"2026-11-21"}\x00\xff',
    )
    plain = kept(account="alipay-main")

    for each in (everything, plain):
        assert run(store.runs.get(each.id)) == each
        assert run(store.runs.find(each.account, DAY)) == each
        assert each.version == 1
    with pytest.raises(NotFound):
        run(store.runs.get("rec_unknown"))
    assert run(store.runs.find("wechat-main", DAY + timedelta(days=1))) is None


def test_what_was_kept_does_not_change_with_what_the_caller_holds(run, store, kept):
    mine = kept()
    mine.progress = 7

    assert run(store.runs.get(mine.id)).progress == 0


def test_an_account_has_one_run_a_day(run, store, kept, make):
    first = kept()
    rivals = [a_run(make), a_run(make, id=first.id, account="other")]

    for rival in rivals:
        with pytest.raises(AlreadyExists):
            run(store.runs.save(rival))
        assert rival.version == 0

    assert run(store.runs.find(first.account, DAY)) == first


def test_of_two_who_begin_a_day_one_has_it(run, store, make):
    rivals = [a_run(make) for _ in range(8)]

    async def race():
        return await asyncio.gather(*map(store.runs.save, rivals), return_exceptions=True)

    results = run(race())

    assert sorted(type(each).__name__ for each in results) == ["AlreadyExists"] * 7 + ["NoneType"]
    winner = rivals[results.index(None)]
    assert run(store.runs.find(winner.account, DAY)) == winner


def test_of_two_who_claim_a_run_the_second_learns_it_lost(run, store, kept):
    mine = kept(status=RunStatus.WAITING)
    yours = run(store.runs.get(mine.id))
    for each in (mine, yours):
        each.status, each.attempt = RunStatus.RUNNING, each.attempt + 1
    run(store.runs.save(mine))
    yours.started_by = "somebody else"

    with pytest.raises(LostUpdate):
        run(store.runs.save(yours))

    assert yours.version == 1
    assert run(store.runs.get(mine.id)) == mine
    run(store.runs.save(mine))
    assert mine.version == 3


def test_runs_are_listed_newest_day_first_page_by_page(run, store, kept):
    days = [date(2026, 1, 31), date(2025, 12, 31), date(2026, 10, 2), date(2026, 9, 30)]
    mine = [kept(day=day) for day in days]
    other = kept(day=days[2], account="alipay-main")
    newest_first = sorted([*mine, other], key=lambda each: (each.day, each.id), reverse=True)

    def pages(account, limit):
        cursor, found = None, []
        while True:
            page = run(store.runs.page(account=account, limit=limit, cursor=cursor))
            found.append(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return found

    assert pages(None, 10) == [newest_first]
    assert pages(None, 2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert pages("wechat-main", 3) == [
        [each for each in newest_first if each is not other][:3],
        [mine[1]],
    ]
    assert pages("unknown", 3) == [[]]


def test_a_cursor_that_is_none_of_ours_breaks_nothing(run, store, kept):
    kept()

    for cursor in ("", ".", "nonsense", "2026-10-02.'; --", "\u6d4b"):
        assert len(run(store.runs.page(account=None, limit=5, cursor=cursor)).items) <= 1


def test_what_waits_or_was_abandoned_is_due(run, store, kept):
    before, exactly, after = NOW - timedelta(seconds=1), NOW, NOW + timedelta(microseconds=1)
    wanted = []
    for place, at in enumerate((before, exactly, None, after)):
        due = at is not after
        for status, field in (
            (RunStatus.WAITING, "next_try_at"),
            (RunStatus.RUNNING, "leased_until"),
        ):
            each = kept(
                day=DAY - timedelta(days=place), status=status, account=field, **{field: at}
            )
            wanted += [each] if due else []
    for status in (RunStatus.FINISHED, RunStatus.FAILED):
        kept(status=status, account=status, next_try_at=before, leased_until=before)
    kept(status=RunStatus.RUNNING, account="held", next_try_at=before, leased_until=after)
    kept(status=RunStatus.WAITING, account="later", next_try_at=after, leased_until=before)
    wanted.sort(key=lambda each: (each.day, each.id))

    assert run(store.run_agenda.due(NOW, 100)) == wanted
    assert run(store.run_agenda.due(NOW, 4)) == wanted[:4]
