"""Our client fetches the bills of the pretended WeChat Pay, whatever befalls them on the way."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.faults import ROW_KINDS
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from application.reconciliation_records import BillFile, BillNotReady, BillRefused, NoBill
from domain.bill import CHINA, BillKind, BillRow, BillTotals, MovementKind, UnreadableRow
from domain.money import Money
from tests.adapters.providers.conftest import Merchant, served
from tests.adapters.providers.worlds import WeChatPayWorld

START = datetime(2026, 3, 9, tzinfo=UTC)
DAY_SECONDS = 86_400
CHARGE, REFUND, REVERSAL = MovementKind.CHARGE, MovementKind.REFUND, MovementKind.REVERSAL


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock(wall=lambda: START)


@pytest.fixture(scope="module")
def sandbox_url(sandbox_keys, clock) -> Iterator[str]:
    app = create_sandbox(
        environment="test", clock=clock, providers=[WeChatPaySandbox], keys=sandbox_keys
    )
    with served(app) as url:
        yield url


@pytest.fixture
def world(run, clock, sandbox_url, merchant: Merchant) -> Iterator[WeChatPayWorld]:
    """At 23:00 of a day on which nothing has happened yet."""
    world = WeChatPayWorld(clock, sandbox_url, merchant, "")
    now = clock.now()
    fresh = datetime.combine(now.astimezone(CHINA) + timedelta(days=2), time(23), CHINA)
    clock.advance((fresh - now).total_seconds())
    yield world
    world.sandbox.delete("/sandbox/faults").raise_for_status()
    run(world.aclose())


@pytest.fixture
def day(world, clock) -> date:
    today: datetime = clock.now().astimezone(CHINA)
    return today.date()


@pytest.fixture
def traded(run, world, day):
    """An order of 88.88, 30.00 of it given back, and a charge that was taken back."""
    paid, charged = world.order(), world.charge()
    run(world.account.payments.start(paid))
    world.payer_pays(paid)
    refund = world.refund_of(paid, Money(3000))
    run(world.account.refunds.refund(refund, paid))
    run(world.account.payments.start(charged))
    world.clock.advance(20)
    run(world.account.payments.close(charged))
    world.clock.advance(DAY_SECONDS)
    return paid.provider_order_no, refund.provider_refund_no, charged.provider_order_no


@pytest.fixture
def fetch(run, world, day, tmp_path):
    def one(kind=BillKind.TRADE, of=day):
        return run(world.account.bills.download(kind, of, str(tmp_path / kind.value)))

    return one


@pytest.fixture
def rows(world, day, tmp_path):
    """What a fetched bill says, in one reading."""
    return lambda: list(world.account.bills.read(str(tmp_path / "trade"), day=day))


@pytest.fixture
def arm(world):
    def one(kind, **more):
        body = {"kind": kind, "provider": "wechat"} | more
        world.sandbox.post("/sandbox/faults", json=body).raise_for_status()

    return one


def test_what_moved_is_what_the_bill_tells(traded, fetch, rows):
    paid, refund, charged = traded

    assert isinstance(fetch(), BillFile)

    *moved, totals = rows()
    assert {row.key: (row.fen, row.fee_fen) for row in moved} == {
        (paid, CHARGE, ""): (8888, 53),
        (paid, REFUND, refund): (3000, -18),
        (charged, CHARGE, ""): (8888, 53),
        (charged, REVERSAL, ""): (8888, -53),
    }
    assert totals == BillTotals(rows=4, charged_fen=17776, refunded_fen=11888, fee_fen=35)


def test_the_balance_moved_as_the_trade_bill_says(traded, fetch, rows, world, day, tmp_path):
    fetch()
    fetch(BillKind.FUNDS)
    expected: Counter[str] = Counter()
    came: Counter[str] = Counter()
    for row in rows()[:-1]:
        sign = 1 if row.kind is CHARGE else -1
        expected[row.funds_no] += sign * row.settled_fen - row.fee_fen
    for moved in world.account.bills.read_funds(str(tmp_path / "funds"), day=day):
        came[moved.funds_no] += moved.fen

    assert came == expected
    assert len(came) == 4


def test_a_day_without_trade_has_no_bill_from_ten_on(world, fetch, clock):
    clock.advance(10 * 3600)  # from 23:00 to 09:00
    before = fetch()
    clock.advance(3600)

    assert isinstance(before, BillNotReady)
    assert before.retry_after == timedelta(minutes=30)
    assert fetch() == NoBill()


def test_before_nine_the_bill_is_being_made(run, world, fetch, clock):
    paid = world.order()
    run(world.account.payments.start(paid))
    world.payer_pays(paid)
    today = fetch()
    clock.advance(9 * 3600)  # 08:00
    early = fetch()
    clock.advance(3600)

    assert isinstance(today, BillNotReady)
    assert isinstance(early, BillNotReady)
    assert early.reason.startswith("STATEMENT_CREATING")
    assert isinstance(fetch(), BillFile)


@pytest.mark.parametrize("operation", ["bill", "bill_download"])
@pytest.mark.parametrize(
    ("kind", "more", "wait"),
    [
        ("cut_before_effect", {}, timedelta(minutes=5)),
        ("cut_after_effect", {}, timedelta(minutes=5)),
        ("status", {"status": 500}, timedelta(minutes=5)),
        ("status", {"status": 502}, timedelta(minutes=5)),
        ("status", {"status": 429}, timedelta(seconds=5)),
        ("status", {"status": 429, "seconds": 42}, timedelta(seconds=42)),
        ("error", {"code": "SYSTEM_ERROR"}, timedelta(minutes=5)),
    ],
)
def test_trouble_on_the_way_passes(traded, fetch, arm, operation, kind, more, wait):
    arm(kind, operation=operation, **more)

    found = fetch()

    assert isinstance(found, BillNotReady)
    assert found.retry_after == wait
    assert isinstance(fetch(), BillFile)


@pytest.mark.parametrize(
    "kind", ["bad_signature", "missing_signature", "unknown_serial", "signtest", "stale_timestamp"]
)
def test_where_a_bill_is_has_to_be_signed(traded, fetch, arm, kind):
    arm(kind, operation="bill")

    assert isinstance(fetch(), BillNotReady)
    assert isinstance(fetch(), BillFile)


@pytest.mark.parametrize("code", ["NO_AUTH", "INVALID_REQUEST"])
def test_a_refusal_for_good_is_told(traded, fetch, arm, code):
    arm("error", code=code, operation="bill")

    assert isinstance(fetch(), BillRefused)


def test_a_bill_may_be_late(traded, fetch, arm):
    arm("bill_late", times=2)

    assert [type(fetch()) for _ in range(3)] == [BillNotReady, BillNotReady, BillFile]


@pytest.mark.parametrize("kind", ["bill_wrong_hash", "bill_truncated"])
def test_a_broken_bill_is_fetched_again_and_then_given_up(traded, fetch, arm, kind):
    arm(kind, times=3)

    first, second = fetch(), fetch()

    assert isinstance(first, BillNotReady)
    assert isinstance(second, BillFile)


@pytest.mark.parametrize("kind", sorted(ROW_KINDS - {"bill_row_shifted"}))
def test_a_bill_that_tells_what_never_was_is_true_to_itself(traded, fetch, rows, arm, kind):
    arm(kind)

    assert isinstance(fetch(), BillFile)

    *moved, totals = rows()
    unreadable = [row for row in moved if isinstance(row, UnreadableRow)]
    assert totals.rows == len(moved)
    assert len(unreadable) == totals.unreadable == (kind == "bill_row_garbled")


def test_a_row_that_slips_over_midnight_is_in_the_next_days_bill(
    run, world, day, fetch, arm, clock, rows, tmp_path
):
    clock.advance(3500)
    late = world.order()
    run(world.account.payments.start(late))
    world.payer_pays(late)
    clock.advance(2 * DAY_SECONDS)
    arm("bill_row_shifted")

    today = fetch()
    tomorrow = fetch(of=day + timedelta(days=1))

    (row, _) = world.account.bills.read(str(tmp_path / "trade"), day=day + timedelta(days=1))
    assert today == NoBill()
    assert isinstance(tomorrow, BillFile)
    assert isinstance(row, BillRow)
    assert row.order_no == late.provider_order_no
