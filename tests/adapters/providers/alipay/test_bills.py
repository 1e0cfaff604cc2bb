"""How a bill is asked for and fetched, answer by answer, and over real HTTP with every fault."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.providers.alipay.bill_answers import BUSINESS, GATEWAY
from adapters.providers.alipay.bills import AlipayBills
from adapters.providers.alipay.client import Client
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from application.reconciliation_records import BillFile, BillNotReady, BillRefused, NoBill
from domain.bill import (
    CHINA,
    BillKind,
    BillRejected,
    BillTotals,
    FundKind,
    MovementKind,
    UnreadableRow,
)
from domain.money import Money
from tests.adapters.providers.alipay.bill_samples import DAY, trade_zip
from tests.adapters.providers.alipay.desk import Desk, config
from tests.adapters.providers.conftest import served
from tests.adapters.providers.worlds import AlipayWorld

LINK = "http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade&fileId=1"
OUR_HOST = "https://alipay.test/downloadBillFile.resource?downloadFileName=bill_1.csv.zip"
TEN, NOON = (datetime(2026, 1, 16, hour, tzinfo=CHINA) for hour in (10, 12))


@dataclass
class Store(httpx.AsyncBaseTransport):
    """The desk, and beside it the host that hands out files."""

    desk: Desk
    answers: tuple[int, bytes] | Exception = (200, b"")
    opened: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request):
        if "method" in request.url.params:
            return await self.desk.handle_async_request(request)
        self.opened.append(request)
        if isinstance(self.answers, Exception):
            raise self.answers
        status, content = self.answers
        return httpx.Response(status, stream=httpx.ByteStream(content))


@pytest.fixture(scope="module")
def keys():
    """Reading them takes 50 ms: once is enough."""
    return Keys.load(config())


@pytest.fixture
def store(desk):
    return Store(desk, (200, trade_zip()))


@pytest.fixture
def download(run, store, clock, keys, tmp_path):
    """Ask for the sample's day, at ten of the next one."""
    settings = config()
    bills = AlipayBills(settings, Client(settings, keys, store), store, clock)
    clock.at = TEN
    return lambda kind=BillKind.TRADE: run(bills.download(kind, DAY, str(tmp_path / "bill")))


def says(desk, link=LINK, **more):
    return desk.says({"code": "10000", "msg": "Success", "bill_download_url": link, **more})


@pytest.mark.parametrize(
    ("kind", "bill_type"), [(BillKind.TRADE, "trade"), (BillKind.FUNDS, "signcustomer")]
)
def test_the_link_is_followed_at_once_and_by_https(
    desk, store, download, tmp_path, kind, bill_type
):
    says(desk)

    got = download(kind)

    assert desk.asked() == ["alipay.data.dataservice.bill.downloadurl.query"]
    assert desk.contents() == [{"bill_type": bill_type, "bill_date": "2026-01-15"}]
    assert [str(request.url) for request in store.opened] == [LINK.replace("http:", "https:")]
    size = (tmp_path / "bill").stat().st_size
    assert got == BillFile(f"2088000000000021_20260115_{kind}.zip", size)
    assert (tmp_path / "bill").read_bytes() == trade_zip()


def test_the_gateways_own_host_and_the_files_name_are_taken(desk, store, download):
    says(desk, OUR_HOST)

    assert download().name == "bill_1.csv.zip"


@pytest.mark.parametrize(
    "link",
    [
        "", "ftp://dwbillcenter.alipay.com/x", "file:///etc/passwd", "http://10.0.0.1:8080/x",
        "https://user:secret@dwbillcenter.alipay.com/x", "https://", "http://alipay.test:81/x", 7,
    ],
)  # fmt: skip
def test_no_other_link_is_followed(desk, store, download, link):
    says(desk, link)

    assert isinstance(download(), BillNotReady)
    assert store.opened == []


def test_a_name_that_could_be_a_path_is_not_taken(desk, download):
    says(desk, f"{LINK}&downloadFileName=..%2F..%2Fetc%2Fpasswd")

    assert download().name == "2088000000000021_20260115_trade.zip"


@pytest.mark.parametrize("owner", [None, "stranger"])
def test_a_link_that_alipay_did_not_sign_is_not_followed(desk, store, download, owner):
    desk.says({"code": "10000", "msg": "Success", "bill_download_url": LINK}, owner=owner)

    assert isinstance(download(), BillNotReady)
    assert store.opened == []


@pytest.mark.parametrize("owner", [None, "stranger"])
def test_that_there_is_no_bill_must_be_signed(desk, download, clock, owner):
    desk.refuses("NO_BILL_DATA", owner=owner)
    clock.at = NOON

    assert isinstance(download(), BillNotReady)


@pytest.mark.parametrize(
    "sub_code", ["isp.bill_not_exist", "BILL_NOT_EXIST", "isv.bill-not-exist", "BIZ.BILL_NOT_EXIST"]
)
def test_a_bill_that_is_not_there_comes_later_until_noon(desk, download, clock, sub_code):
    desk.refuses(sub_code)

    before = download()
    clock.at = NOON - timedelta(seconds=1)
    just_before = download()
    clock.at = NOON

    assert isinstance(before, BillNotReady)
    assert isinstance(just_before, BillNotReady)
    assert download() == NoBill()


def test_a_day_without_data_has_no_bill(desk, store, download):
    desk.refuses("NO_BILL_DATA")

    assert download() == NoBill()


def test_an_empty_file_is_no_bill(desk, store, download):
    says(desk, bill_file_code="EMPTY_DATA_WITH_BILL_FILE")

    assert download() == NoBill()
    assert store.opened == []


@pytest.mark.parametrize(
    ("sub_code", "code"),
    [
        ("isv.invalid_arguments", "40004"), ("INVALID_ARGUMENTS", "40004"),
        ("INVAILID_ARGUMENTS", "40004"), ("isv.invalid-arguments", "40002"),
        ("BILL_DATE_BEFORE_REGISTRATION", "40004"), ("TYPE_NOT_SUPPORTED", "40004"),
        ("isv.insufficient-isv-permissions", "40006"), ("isv.invalid-signature", "40002"),
        ("isv.missing-method", "40001"), ("aop.invalid-auth-token", "20001"), ("", "40003"),
    ],
)  # fmt: skip
def test_what_never_comes_that_way_is_refused_with_alipays_words(desk, download, sub_code, code):
    desk.refuses(sub_code, code=code)

    told = download()

    assert isinstance(told, BillRefused)
    assert (sub_code or code) in told.reason


@pytest.mark.parametrize(
    ("sub_code", "code"),
    [
        ("SYSTEM_RATE_LIMIT", "40004"), ("USER_RATE_LIMIT", "40004"), ("UNKNOWN_ERROR", "40004"),
        ("isp.unknown_error", "40004"), ("isp.unknow-error", "20000"), ("NEVER_HEARD_OF", "40004"),
        ("isv.app-call-limited", "40005"), ("", "99999"),
    ],
)  # fmt: skip
def test_everything_else_is_asked_again(desk, download, sub_code, code):
    desk.refuses(sub_code, code=code)

    told = download()

    assert isinstance(told, BillNotReady)
    assert told.retry_after >= timedelta(minutes=5)


def test_every_code_of_the_tables_has_its_answer(desk, download):
    answers = {}
    for sub_code in BUSINESS:
        desk.script.clear()
        answers[sub_code] = type(download_with(desk, download, sub_code, "40004"))
    for code in GATEWAY.keys() - {"10000"}:
        desk.script.clear()
        answers[code] = type(download_with(desk, download, "", code))

    assert set(answers.values()) == {BillNotReady, NoBill, BillRefused}


def download_with(desk, download, sub_code, code):
    desk.refuses(sub_code, code=code)
    return download()


@pytest.mark.parametrize(
    "answers",
    [
        httpx.ConnectError("away"),
        httpx.ReadTimeout("slow"),
        (404, b"<h1>expired</h1>"),
        (302, b""),
        (200, b"<h1>expired</h1>"),
        (200, b""),
        (200, trade_zip()[:-30]),
    ],
    ids=["away", "slow", "not_there", "elsewhere", "a_page", "nothing", "cut_short"],
)
def test_a_file_that_does_not_come_whole_is_fetched_again_soon(desk, store, download, answers):
    says(desk)
    store.answers = answers

    told = download()

    assert isinstance(told, BillNotReady)
    assert "fileId" not in told.reason


def test_a_silent_gateway_is_asked_again(desk, download):
    desk.breaks(httpx.ReadTimeout("slow"))

    assert isinstance(download(), BillNotReady)


# Over real HTTP.


class Shop:
    """An account that trades at the pretended Alipay and fetches its bills."""

    def __init__(self, run, world, folder):
        self.run, self.world, self.folder = run, world, folder
        self.bills = world.account.bills

    @property
    def today(self):
        return self.world.clock.now().astimezone(CHINA).date()

    def starts_day(self):
        """Move on to noon of the next day."""
        at = datetime.combine(self.today + timedelta(days=1), datetime.min.time(), CHINA)
        self.passes_until(at + timedelta(hours=12))
        return self.today

    def ends_day(self, hour=9):
        at = datetime.combine(self.today + timedelta(days=1), datetime.min.time(), CHINA)
        self.passes_until(at + timedelta(hours=hour))

    def passes_until(self, at):
        self.world.clock.advance((at - self.world.clock.now()).total_seconds() + 1)

    def sells(self):
        payment = self.world.charge()
        self.run(self.world.account.payments.start(payment))
        return payment

    def refunds(self, payment, fen):
        refund = self.world.refund_of(payment, Money(fen))
        self.run(self.world.account.refunds.refund(refund, payment))
        return refund

    def suffers(self, kind, **more):
        fault = {"kind": kind, **more}
        self.world.sandbox.post("/sandbox/faults", json=fault).raise_for_status()

    def downloads(self, day, kind=BillKind.TRADE):
        return self.run(self.bills.download(kind, day, str(self.folder / "bill")))

    def reads(self, day):
        assert isinstance(self.downloads(day), BillFile)
        return list(self.bills.read(str(self.folder / "bill"), day=day))

    def reads_on(self, day):
        """The next day's bill, once that is over."""
        self.ends_day()
        return self.reads(day + timedelta(days=1))

    def reads_funds(self, day):
        assert isinstance(self.downloads(day, BillKind.FUNDS), BillFile)
        return list(self.bills.read_funds(str(self.folder / "bill"), day=day))

    def planted(self):
        return self.world.sandbox.get("/sandbox/bills").json()[-1]["planted"]


@pytest.fixture(scope="module")
def there(sandbox_keys):
    clock = MovableClock()
    app = create_sandbox(
        environment="test", clock=clock, providers=[AlipaySandbox], keys=sandbox_keys
    )
    with served(app) as url:
        yield clock, url


@pytest.fixture
def shop(run, there, merchant, tmp_path):
    """Days that have nothing to do with those of other tests: each begins with a new one."""
    clock, url = there
    world = AlipayWorld(clock, url, merchant, "")
    world.sandbox.delete("/sandbox/faults").raise_for_status()
    yield Shop(run, world, tmp_path)
    run(world.aclose())


def test_a_day_of_trade_is_what_its_bills_tell(shop):
    day = shop.starts_day()
    sold, returned = shop.sells(), shop.sells()
    refund = shop.refunds(returned, 500)
    shop.ends_day()

    *rows, totals = shop.reads(day)
    funds = shop.reads_funds(day)

    told = [(row.order_no, row.kind, row.refund_no, row.fen, row.fee_fen) for row in rows]
    assert sorted(told) == sorted(
        [
            (sold.provider_order_no, MovementKind.CHARGE, "", 8888, 53),
            (returned.provider_order_no, MovementKind.CHARGE, "", 8888, 53),
            (returned.provider_order_no, MovementKind.REFUND, refund.provider_refund_no, 500, -3),
        ]
    )
    assert totals == BillTotals(3, 2 * 8888, 500, 2 * 53 - 3)
    assert sum(row.fen for row in funds) == 2 * 8888 - 500 - totals.fee_fen
    assert {row.funds_no for row in rows} == {row.funds_no for row in funds}
    assert {row.kind for row in funds} == {
        FundKind.TRADE, FundKind.FEE, FundKind.REFUND, FundKind.FEE_RETURN,
    }  # fmt: skip


def test_a_bill_comes_late_and_then_it_comes(shop):
    day = shop.starts_day()
    shop.sells()
    shop.ends_day(8)
    early = shop.downloads(day)
    shop.passes_until(shop.world.clock.now() + timedelta(hours=1))
    shop.suffers("bill_late")
    late = shop.downloads(day)

    assert isinstance(early, BillNotReady)
    assert isinstance(late, BillNotReady)
    assert isinstance(shop.downloads(day), BillFile)


def test_a_day_without_trade_has_none(shop):
    day = shop.starts_day()
    shop.ends_day(12)

    assert shop.downloads(day) == NoBill()
    assert shop.downloads(day, BillKind.FUNDS) == NoBill()


def test_a_day_that_is_not_over_is_not_asked_for(desk, download, clock):
    desk.refuses("isv.invalid_arguments")
    clock.at = datetime(2026, 1, 15, 23, tzinfo=CHINA)

    assert download() == BillNotReady("the day is not over", timedelta(hours=10))
    assert desk.heard == []


def test_a_day_that_alipay_has_no_bills_of_is_refused(shop):
    assert isinstance(shop.downloads(date(2001, 1, 1)), BillRefused)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "bill_truncated"},
        {"kind": "bad_signature", "operation": "bill"},
        {"kind": "missing_signature", "operation": "bill"},
        {"kind": "status", "status": 502, "operation": "bill"},
        {"kind": "status", "status": 500, "operation": "bill_download"},
        {"kind": "error", "code": "isp.unknown_error", "operation": "bill"},
        {"kind": "error", "code": "SYSTEM_RATE_LIMIT", "operation": "bill"},
        {"kind": "cut_before_effect", "operation": "bill"},
        {"kind": "cut_after_effect", "operation": "bill_download"},
    ],
    ids=lambda fault: "_".join(str(each) for each in fault.values()),
)
def test_after_a_trouble_the_bill_comes_all_the_same(shop, fault):
    day = shop.starts_day()
    shop.sells()
    shop.ends_day()
    shop.suffers(**fault)

    troubled = shop.downloads(day)

    assert isinstance(troubled, BillNotReady)
    *rows, _ = shop.reads(day)
    assert [row.fen for row in rows] == [8888]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("bill_row_added", {}), ("bill_row_added", {"code": "foreign"}),
        ("bill_row_added", {"code": "refund"}), ("bill_row_added", {"code": "reversal"}),
        ("bill_row_dropped", {}), ("bill_row_altered", {}), ("bill_row_duplicated", {}),
        ("bill_row_garbled", {}), ("bill_fee_changed", {}), ("bill_balance_changed", {}),
    ],
)  # fmt: skip
def test_what_is_planted_in_a_bill_is_read_and_its_totals_hold(shop, kind, more):
    day = shop.starts_day()
    sold, *_ = [shop.sells() for _ in range(3)]
    shop.refunds(sold, 100)
    shop.ends_day()
    shop.suffers(kind, provider="alipay", **more)

    *rows, totals = shop.reads(day)
    funds = shop.reads_funds(day)

    (change,) = shop.planted()
    told = change["told"]
    here = [
        row
        for row in rows
        if not isinstance(row, UnreadableRow)
        and told
        and (row.order_no, row.fen, row.fee_fen)
        == (told["provider_order_no"], told["amount"], told["fee"])
    ]
    number = {"bill_row_added": 5, "bill_row_duplicated": 5, "bill_row_dropped": 3}.get(kind, 4)
    assert len(rows) == totals.rows == number
    assert bool(here) == (kind not in ("bill_row_dropped", "bill_row_garbled"))
    assert totals.unreadable == (kind == "bill_row_garbled")
    agree = (
        sum(row.fen for row in funds) == totals.charged_fen - totals.refunded_fen - totals.fee_fen
    )
    assert agree == (kind not in ("bill_balance_changed", "bill_row_garbled"))


def test_a_row_near_midnight_is_told_the_next_day(shop):
    day = shop.starts_day()
    noon = shop.sells()
    shop.ends_day(-0.1)  # six minutes before midnight
    midnight = shop.sells()
    shop.ends_day()
    shop.suffers("bill_row_shifted", provider="alipay")

    (first, _), (second, _) = shop.reads(day), shop.reads_on(day)

    assert (first.order_no, second.order_no) == (noon.provider_order_no, midnight.provider_order_no)
    assert second.at.astimezone(CHINA).date() == day + timedelta(days=1)


def test_a_cancel_that_gave_money_back_is_read_as_a_refund_of_everything(shop):
    day = shop.starts_day()
    payment = shop.sells()
    shop.run(shop.world.account.payments.close(payment))
    shop.ends_day()

    charge, back, _ = shop.reads(day)

    assert (charge.kind, back.kind) == (MovementKind.CHARGE, MovementKind.REFUND)
    assert (back.refund_no, back.fen) == (payment.provider_order_no, 8888)


def test_another_days_file_is_rejected(shop):
    day = shop.starts_day()
    shop.sells()
    shop.ends_day()
    shop.downloads(day)

    with pytest.raises(BillRejected, match="not of"):
        list(shop.bills.read(str(shop.folder / "bill"), day=day + timedelta(days=1)))
    with pytest.raises(BillRejected, match="No text in it"):
        list(shop.bills.read_funds(str(shop.folder / "bill"), day=day))
