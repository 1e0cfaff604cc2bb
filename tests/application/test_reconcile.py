from datetime import timedelta

import pytest

from application.reconciliation_records import RunStatus
from application.reconciliation_report import Report, Sum
from domain.bill_day import bill_day
from domain.errors import InvalidRequest
from domain.reconciliation import Class
from tests.worlds import MemoryWorld

DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def world() -> MemoryWorld:
    world = MemoryWorld()
    noon_of_the_next_day(world)  # far from midnight
    return world


def noon_of_the_next_day(world):
    now = world.clock.now()
    past = (now - timedelta(hours=4)) - (now - timedelta(hours=4)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    world.clock.advance(DAY - past.total_seconds())


async def reconciled(world, account="wechat-main", *, later=DAY):
    """The day on which it is now, reconciled at noon of the next one."""
    day = bill_day(world.clock.now())
    world.clock.advance(later)
    run = await world.app.reconcile.start(account, day, by="olga")
    return await world.app.reconcile.execute(run)


def report_of(run) -> Report:
    assert run.status is RunStatus.FINISHED, run.failure
    return Report.from_json(run.report)


def test_a_clean_day_is_matched_and_told(run, world):
    run(world.paid(order_no="SO-1"))
    run(world.paid(order_no="SO-2", amount=1000))

    report = report_of(run(reconciled(world)))

    assert report.discrepancies == 0
    assert report.classes == {Class.MATCHED: (Sum(2, 9888), Sum(2, 9888))}
    assert report.methods == {"wechat_native": (Sum(2, 9888), Sum())}
    assert (report.fee_fen, report.net_fen) == (59, 9888 - 59)
    assert report.funds.moved_fen == report.funds.expected_fen == 9888 - 59
    assert report.bill.rows == 2


def test_a_day_without_trade_has_no_bill(run, world):
    report = report_of(run(reconciled(world)))

    assert (report.bill, report.classes, report.discrepancies) == (None, {}, 0)


@pytest.mark.parametrize("account", ["alipay-main", "nowhere"])
def test_an_unfinished_day_and_an_unknown_account_are_refused(run, world, account):
    today = bill_day(world.clock.now())
    with pytest.raises(InvalidRequest, match="day|account"):
        run(world.app.reconcile.start(account, today, by="olga"))
