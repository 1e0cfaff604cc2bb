"""Bills fetched from WeChat Pay: applied for, downloaded, proven, or told why not."""

import gzip
import hashlib
import logging
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from adapters.providers.wechat_pay import bill_file
from adapters.providers.wechat_pay.account import wechat_pay_account
from application.reconciliation_records import BillFile, BillNotReady, BillRefused, NoBill
from domain.bill import BillKind, BillRejected, BillTotals
from tests.adapters.providers.wechat_pay.bill_samples import (
    DAY,
    FUND_HEADER,
    FUND_ROWS,
    FUND_TOTALS,
    SUCCESS_HEADER,
    SUCCESS_ROW,
    SUCCESS_TOTALS,
    bill,
)
from tests.adapters.providers.wechat_pay.desk import config

TOKEN = "T0KENsecretT0KEN"
URL = f"https://bills.wechat.test/v3/billdownload/file?token={TOKEN}&tartype=gzip&x=%2Fy"
BILL = bill()
NEXT_DAY_AT_TEN = datetime(2026, 3, 11, 2, tzinfo=UTC)


class MovedClock:
    """Stands where it is put."""

    at = NEXT_DAY_AT_TEN

    def now(self) -> datetime:
        return self.at


CLOCK = MovedClock()


@pytest.fixture(scope="session")
def account(_opened):
    """Reading keys takes 50 ms: once is enough."""
    return wechat_pay_account(config(), _opened[0], CLOCK)


@pytest.fixture
def clock():
    CLOCK.at = NEXT_DAY_AT_TEN
    return CLOCK


@pytest.fixture
def bills(desk, clock, account):
    return account.bills


@pytest.fixture
def download(run, bills, tmp_path):
    def ask(kind=BillKind.TRADE, day=DAY):
        return run(bills.download(kind, day, str(tmp_path / "bill")))

    return ask


def applied(content: bytes = BILL, *, url: str = URL, **changes: str) -> dict[str, str]:
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(content).hexdigest(),
        "download_url": url,
    } | changes


def hands_out(desk, content=BILL, *, packed=True):
    """Script an application and its download."""
    desk.says(200, applied(content))
    return desk.says(200, gzip.compress(content) if packed else content, headers={})


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_a_bill_is_applied_for_fetched_and_kept_as_it_came(desk, download, bills, tmp_path, packed):
    hands_out(desk, packed=packed)
    kept = tmp_path / "bill"

    found = download()

    name = "wechat-main-trade-2026-03-10.csv" + (".gz" if packed else "")
    assert found == BillFile(name, kept.stat().st_size)
    assert (gzip.decompress(kept.read_bytes()) if packed else kept.read_bytes()) == BILL
    assert list(bills.read(str(kept), day=DAY))[-1] == BillTotals(4, 17000, 3000, 83)
    assert desk.asked() == [
        "GET /v3/bill/tradebill?bill_date=2026-03-10&bill_type=ALL&tar_type=GZIP",
        f"GET /v3/billdownload/file?token={TOKEN}&tartype=gzip&x=%2Fy",
    ]


def test_the_address_is_fetched_as_given_with_our_own_signature(desk, download):
    hands_out(desk)

    download()

    asked = desk.heard[1]
    assert str(asked.url) == URL
    assert asked.headers["authorization"].startswith("WECHATPAY2-SHA256-RSA2048 mchid=")


def test_the_fund_flow_bill_of_the_basic_account(desk, download, bills, tmp_path):
    hands_out(desk, bill(FUND_ROWS, header=FUND_HEADER, totals=FUND_TOTALS))

    found = download(BillKind.FUNDS)

    assert found.name == "wechat-main-funds-2026-03-10.csv.gz"
    assert len(list(bills.read_funds(str(tmp_path / "bill"), day=DAY))) == 4
    assert desk.asked()[0] == (
        "GET /v3/bill/fundflowbill?bill_date=2026-03-10&account_type=BASIC&tar_type=GZIP"
    )


def test_the_hash_may_be_spelt_in_capitals(desk, download):
    desk.says(200, applied(hash_value=hashlib.sha1(BILL).hexdigest().upper(), hash_type="sha1"))
    desk.says(200, BILL, headers={})

    assert isinstance(download(), BillFile)


BROKEN = {
    "another hash": gzip.compress(BILL + b"x"),
    "a cut gzip file": gzip.compress(BILL)[:-9],
    "a damaged gzip file": gzip.compress(BILL)[:40] + b"\xff" * 20,
    "a page": b"<html>try later</html>",
    "nothing": b"",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_bill_is_asked_for_once_more(desk, download, content):
    desk.says(200, applied()).says(200, content, headers={})
    hands_out(desk)

    assert isinstance(download(), BillFile)
    assert len(desk.heard) == 4


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_bill_that_stays_broken_is_not_ready(desk, download, content):
    for _ in range(2):
        desk.says(200, applied()).says(200, content, headers={})

    found = download()

    assert isinstance(found, BillNotReady)
    assert "hash" in found.reason or "damaged" in found.reason
    assert len(desk.heard) == 4


def test_a_bill_that_unpacks_without_end_is_given_up(desk, download, monkeypatch):
    monkeypatch.setattr(bill_file, "MOST_UNPACKED", len(BILL) - 1)
    for _ in range(2):
        hands_out(desk)

    found = download()

    assert isinstance(found, BillNotReady)
    assert "larger" in found.reason


def test_a_stale_address_is_replaced_once(desk, download):
    desk.says(200, applied()).says(400, {"code": "PARAM_ERROR", "message": "token"}, headers={})
    hands_out(desk)

    assert isinstance(download(), BillFile)


def at(hour: int, minute: int = 0) -> datetime:
    """A moment of the next day in China."""
    return datetime(2026, 3, 11, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def test_an_empty_day_has_no_bill_once_bills_are_made(desk, download, clock):
    desk.says(400, {"code": "NO_STATEMENT_EXIST", "message": "请求的账单文件不存在"})

    assert download() == NoBill()


@pytest.mark.parametrize(
    ("now", "wait"), [(at(8), timedelta(minutes=30)), (at(9, 50), timedelta(minutes=10))]
)
def test_before_its_hour_a_missing_bill_may_still_be_made(desk, download, clock, now, wait):
    desk.says(400, {"code": "NO_STATEMENT_EXIST", "message": "请求的账单文件不存在"})
    clock.at = now

    found = download()

    assert isinstance(found, BillNotReady)
    assert found.retry_after == wait


def test_a_bill_in_the_making_is_asked_for_half_an_hour_later(desk, download):
    desk.says(400, {"code": "STATEMENT_CREATING", "message": "账单生成中"})

    assert download() == BillNotReady("STATEMENT_CREATING 账单生成中", timedelta(minutes=30))


@pytest.mark.parametrize("day", [date(2026, 3, 11), date(2026, 3, 12)])
def test_a_day_that_is_not_over_is_not_asked_for(desk, download, day):
    desk.says(500, b"")

    found = download(day=day)

    assert isinstance(found, BillNotReady)
    assert found.retry_after >= timedelta(hours=24)
    assert desk.heard == []


@pytest.mark.parametrize(
    ("status", "code"), [(403, "NO_AUTH"), (400, "INVALID_REQUEST"), (400, "PARAM_ERROR")]
)
def test_a_refusal_for_good_is_told(desk, download, status, code):
    desk.says(status, {"code": code, "message": "不行"})

    assert download() == BillRefused(f"{code} 不行")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "NO_STATEMENT_EXIST"), (403, "NO_AUTH"), (400, "INVALID_REQUEST")],
)
def test_nothing_ends_by_words_that_nobody_signed(desk, download, status, code):
    desk.says(status, {"code": code, "message": "不行"}, headers={})

    assert isinstance(download(), BillNotReady)


def test_an_address_that_nobody_signed_is_not_fetched(desk, download):
    desk.says(200, applied(), headers={})

    assert isinstance(download(), BillNotReady)
    assert len(desk.heard) == 1


LATER = [
    pytest.param((500, {"code": "SYSTEM_ERROR", "message": "…"}), {}, 300, id="system error"),
    pytest.param((502, b"<html>"), {}, 300, id="gateway"),
    pytest.param((429, {"code": "FREQUENCY_LIMITED"}), {}, 5, id="too often"),
    pytest.param((429, {"code": "RATELIMIT_EXCEEDED"}), {"Retry-After": "77"}, 77, id="told when"),
    pytest.param((503, b""), {"Retry-After": "60"}, 60, id="told by the gateway"),
    pytest.param((401, {"code": "SIGN_ERROR", "message": "…"}), {}, 300, id="our keys"),
]


@pytest.mark.parametrize(("said", "beside", "seconds"), LATER)
def test_trouble_at_the_application_passes(desk, download, said, beside, seconds):
    desk.says(*said, beside=beside)

    found = download()

    assert isinstance(found, BillNotReady)
    assert found.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(("said", "beside", "seconds"), LATER[:5])
def test_trouble_at_the_download_passes(desk, download, said, beside, seconds):
    desk.says(200, applied()).says(*said, headers={}, beside=beside)

    found = download()

    assert isinstance(found, BillNotReady)
    assert found.retry_after == timedelta(seconds=seconds)
    assert len(desk.heard) == 2


@pytest.mark.parametrize("after", [0, 1], ids=["application", "download"])
def test_a_dead_line_is_tried_later(desk, download, after):
    if after:
        desk.says(200, applied())
    desk.breaks(httpx.ReadTimeout("no answer in time"))

    assert download() == BillNotReady(
        ["no answer", "no whole file"][after] + ": ReadTimeout no answer in time",
        timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    "statement",
    [
        b"{}",
        b"not json",
        applied(hash_type="MD5"),
        applied(url="http://elsewhere.test/v3/billdownload/file?token=1"),
        applied(url="ftp://wechat.test/file"),
        applied(url="file:///etc/passwd"),
        applied(url="https://"),
        applied(url="https:///file"),
        applied(url="https://[::1/file"),
    ],
    ids=str,
)
def test_what_is_no_statement_is_not_followed(desk, download, statement):
    desk.says(200, statement)

    assert isinstance(download(), BillNotReady)
    assert len(desk.heard) == 1


def test_where_wechat_pay_itself_is_plain_http_so_may_its_bills_be(run, desk, clock, tmp_path):
    plain = config(base_url="http://127.0.0.1:9")
    source = wechat_pay_account(plain, desk, clock).bills
    assert source is not None
    url = f"http://127.0.0.1:9/v3/billdownload/file?token={TOKEN}"
    desk.says(200, applied(url=url)).says(200, BILL, headers={})

    found = run(source.download(BillKind.TRADE, DAY, str(tmp_path / "bill")))

    assert isinstance(found, BillFile)


@pytest.mark.parametrize(
    "said",
    [
        lambda desk: desk.says(200, b"broken", headers={}),
        lambda desk: desk.says(400, {"code": "X", "message": "…"}, headers={}),
        lambda desk: desk.breaks(httpx.ReadError("cut")),
    ],
)
def test_who_reads_our_logs_and_reasons_cant_fetch_the_bill(desk, download, caplog, said):
    caplog.set_level(logging.DEBUG)
    for _ in range(2):
        said(desk.says(200, applied()))

    found = download()

    assert TOKEN not in caplog.text
    assert TOKEN not in repr(found)


def test_a_bill_of_payments_only_is_not_the_days_bill(bills, tmp_path):
    (tmp_path / "part").write_bytes(
        bill([SUCCESS_ROW], header=SUCCESS_HEADER, totals=SUCCESS_TOTALS)
    )

    with pytest.raises(BillRejected, match="type ALL"):
        list(bills.read(str(tmp_path / "part"), day=DAY))
