"""The trade bill, on samples written by hand from the protocol reference."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.providers.wechat_pay.trade_bill import Scope, read_trade_bill
from domain.bill import BillRejected, BillRow, BillTotals, MovementKind, UnreadableRow
from tests.adapters.providers.wechat_pay.bill_samples import (
    DAY,
    HEADER,
    MCHID,
    REFUND_HEADER,
    REFUND_ROW,
    REFUND_TOTALS,
    ROWS,
    SUCCESS_HEADER,
    SUCCESS_ROW,
    SUCCESS_TOTALS,
    TOTALS,
    a_file,
    bill,
    reordered,
    totals,
)

CHARGE, REFUND, REVERSAL = MovementKind.CHARGE, MovementKind.REFUND, MovementKind.REVERSAL


@pytest.fixture
def read(tmp_path):
    def all_of(content: bytes = bill(), *, packed=False, mchid=MCHID, day=DAY, **more):
        path = a_file(tmp_path, content, packed=packed)
        return list(read_trade_bill(path, mchid=mchid, day=day, **more))

    return all_of


def told(row: BillRow) -> tuple[object, ...]:
    return row.key, row.fen, row.fee_fen, row.settled_fen


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_day_of_three_payments_and_a_refund(read, packed):
    *rows, last = read(packed=packed)

    assert [told(row) for row in rows] == [
        (("T2026031000001", CHARGE, ""), 10000, 60, 10000),
        (("T2026031000002", CHARGE, ""), 5000, 30, 5000),
        (("T2026031000001", REFUND, "R2026031000001"), 3000, -18, 3000),
        (("T2026031000003", CHARGE, ""), 2000, 11, 1800),  # a coupon that is the merchant's own
    ]
    assert last == BillTotals(rows=4, charged_fen=17000, refunded_fen=3000, fee_fen=83)


def test_a_row_keeps_its_line_its_moment_its_numbers_and_its_text(read):
    charge, _, refund, *_ = read()

    assert (charge.line, charge.raw) == (2, ROWS[0])
    assert charge.at == datetime(2026, 3, 10, 1, 15, 2, tzinfo=UTC)
    assert charge.provider_id == charge.funds_no == "4200000001202603100000000001"
    assert charge.provider_refund_id == ""
    assert refund.provider_id == "4200000001202603100000000001"
    assert refund.provider_refund_id == refund.funds_no == "50000000012026031000000000001"


def test_a_reversed_charge_is_taken_back_without_a_refund_number(read):
    reversed_ = ROWS[2].replace("`REFUND", "`REVOKED")
    row = read(bill([*ROWS[:2], reversed_, ROWS[3]]))[2]

    assert (row.key, row.signed_fen) == (("T2026031000001", REVERSAL, ""), -3000)
    assert row.funds_no == "50000000012026031000000000001"


def test_a_reversal_without_numbers_of_its_own_is_booked_under_the_transaction(read):
    bare = (
        ROWS[2]
        .replace("`REFUND", "`REVOKED")
        .replace("`50000000012026031000000000001,`R2026031000001", "`0,`0")
    )
    row = read(bill([*ROWS[:2], bare, ROWS[3]]))[2]

    assert (row.provider_refund_id, row.funds_no) == ("", "4200000001202603100000000001")


def test_columns_may_stand_in_any_order(read):
    rows = [reordered(row, separator=",`") for row in ROWS]
    turned = read(bill(rows, header=reordered(HEADER)))

    assert [told(row) for row in turned[:4]] == [told(row) for row in read()[:4]]


def test_columns_nobody_knows_are_no_trouble(read):
    rows = [f"{row},`new" for row in ROWS]

    assert len(read(bill(rows, header=f"{HEADER},某个新列"))) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.removeprefix(b"\xef\xbb\xbf"),
        lambda b: b.replace(b"\r\n", b"\n"),
        lambda b: b.removesuffix(b"\r\n"),
        lambda b: b + b"\r\n\r\n",
        lambda b: b.replace("商户订单号".encode(), "商户 订单号".encode()),
    ],
    ids=["no byte order mark", "line feeds", "no last end", "blank lines", "other spelling"],
)
def test_the_same_bill_in_other_clothes(read, change):
    assert read(change(bill()))[-1] == read()[-1]


def test_an_old_bill_knows_only_what_is_settled(read):
    head = HEADER.replace("应结订单金额", "总金额").replace("充值券", "企业红包")
    old = head.removesuffix(",订单金额,申请退款金额,费率备注")
    rows = [row.rsplit(",`", 3)[0] for row in ROWS]
    sums = (
        "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额",
        "`4,`168,`30,`0,`0.83",
    )

    assert [told(row)[1] for row in read(bill(rows, header=old, totals=sums))[:4]] == [
        10000, 5000, 3000, 1800,
    ]  # fmt: skip


def test_one_backtick_is_taken_off_and_no_more(read):
    row = read(bill([ROWS[0].replace("`T2026031000001", "``T1"), *ROWS[1:]]))[0]

    assert row.order_no == "`T1"


@pytest.mark.parametrize("words", ["茶,大杯", 'a "quoted, thing"', ",,,", "100.00,`"[:-1]])
def test_a_comma_in_the_description_moves_no_column(read, words):
    row = read(bill([ROWS[0].replace("测试商品A", words), *ROWS[1:]]))[0]

    assert told(row) == (("T2026031000001", CHARGE, ""), 10000, 60, 10000)


UNREADABLE = {
    "a value too many": ROWS[0].replace("测试商品A", "茶,`杯"),
    "a value too few": ROWS[0].removesuffix(",`"),
    "an amount of words": ROWS[0].replace("`100.00,`0.00,`\r", "").replace("`100.00", "`ten"),
    "finer than a fen": ROWS[0].replace("`100.00", "`100.001"),
    "thousands marked": ROWS[0].replace("`100.00", "`1,00.00"),
    "less than nothing": ROWS[0].replace("`100.00", "`-100.00"),
    "without an amount": ROWS[0].replace("`100.00", "`"),
    "in figures of another script": ROWS[0].replace("`100.00", "`１００.００"),
    "scientific": ROWS[0].replace("`100.00", "`1e2"),
    "another currency": ROWS[0].replace("`CNY", "`HKD"),
    "another state": ROWS[0].replace("`SUCCESS", "`PENDING"),
    "no moment": ROWS[0].replace("2026-03-10 09:15:02", "just now"),
    "no seconds": ROWS[0].replace("09:15:02", "09:15"),
    "no minute": ROWS[0].replace("09:15:02", "09:61:02"),
    "no merchant": ROWS[0].replace("`1900000001,", "`?,"),
    "no order number": ROWS[0].replace("`T2026031000001", "`"),
    "an order number of damaged bytes": ROWS[0].replace("T2026031000001", "T\ufffd"),
    "a refund without a number": ROWS[2].replace("`R2026031000001", "`0"),
    "no backtick at all": '"' + ROWS[0].replace("`", "") + '"',
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_row_that_cant_be_read_is_kept_and_the_others_count(read, line):
    counted = str(len(ROWS) + line.startswith("`"))
    *rows, last = read(bill([*ROWS, line], totals=totals(总交易单数=counted)))

    (found,) = [row for row in rows if isinstance(row, UnreadableRow)]
    assert (found.line, found.raw) == (6, line)
    assert found.reason
    assert (last.rows, last.unreadable) == (5, 1)
    assert (last.charged_fen, last.refunded_fen) == (17000, 3000)


def test_bytes_that_are_no_text_spoil_one_row_only(read):
    content = bill([*ROWS, ROWS[0]], totals=totals(总交易单数="5")).replace(
        b"T2026031000002", b"T\xff\x00"
    )
    *rows, last = read(content)

    assert [type(row) for row in rows].count(UnreadableRow) == 1
    assert "\0" not in rows[1].raw
    assert last.unreadable == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"总交易单数": "5"},
        {"应结订单总金额": "168.01"},
        {"退款总金额": "29.99"},
        {"充值券退款总金额": "0.01"},
        {"手续费总金额": "0.84"},
        {"订单总金额": "17.00"},
        {"申请退款总金额": "0"},
        {"订单总金额": "much"},
    ],
    ids=lambda changes: f"{changes}",
)
def test_a_bill_at_odds_with_any_of_its_totals_is_rejected(read, changes):
    (name,) = changes

    with pytest.raises(BillRejected, match=name):
        read(bill(totals=totals(**changes)))


def test_totals_may_be_written_shorter_or_longer(read):
    assert read(bill(totals=totals(总交易单数="4", 订单总金额="170", 手续费总金额="0.83000")))


def test_fees_finer_than_a_fen_are_rounded_in_each_row_and_may_be_in_the_total(read):
    rows = [ROWS[0].replace("0.60000", "0.60500"), *ROWS[1:2], ROWS[2], ROWS[3]]
    exact = read(bill(rows, totals=totals(手续费总金额="0.835")))
    rounded = read(bill(rows, totals=totals(手续费总金额="0.84")))

    assert exact[0].fee_fen == rounded[0].fee_fen == 61


@pytest.mark.parametrize(
    ("text", "fen"), [("0.60499", 60), ("0.60500", 61), ("-0.00500", -1), ("-0.00499", 0)]
)
def test_half_a_fen_of_a_fee_counts_as_one(read, text, fen):
    rows = [ROWS[0].replace("0.60000", text), *ROWS[1:]]
    total = str(Decimal("0.23") + Decimal(text))

    assert read(bill(rows, totals=totals(手续费总金额=total)))[0].fee_fen == fen


def test_a_refund_may_take_less_from_the_merchant_than_was_asked_for(read):
    rows = [*ROWS[:2], ROWS[2].replace("`30.00,`0.00,`ORIGINAL", "`27.00,`3.00,`ORIGINAL"), ROWS[3]]
    refund = read(bill(rows, totals=totals(退款总金额="27.00", 充值券退款总金额="3.00")))[2]

    assert (refund.fen, refund.settled_fen) == (3000, 2700)


def test_totals_without_what_was_settled_are_none(read):
    sums = ("总交易单数,订单总金额", "`4.0,`170.00")

    with pytest.raises(BillRejected, match="应结订单总金额"):
        read(bill(totals=sums))


def test_a_row_that_cant_be_read_says_why(read):
    lines = [UNREADABLE["another currency"], UNREADABLE["another state"]]
    *rows, _ = read(bill([*ROWS, *lines], totals=totals(总交易单数="6")))

    assert "HKD" in rows[4].reason
    assert "PENDING" in rows[5].reason


def test_what_is_given_back_of_a_fee_may_bear_either_sign(read):
    rows = [*ROWS[:2], ROWS[2].replace("-0.18000", "0.18000"), ROWS[3]]

    assert read(bill(rows, totals=totals(手续费总金额="1.19")))[2].fee_fen == -18


CUT = {
    "in a row": lambda content: content[: len(content) // 2],
    "before the totals": lambda content: content[: content.index("总交易单数".encode())],
    "between the totals": lambda content: content[: content.index(b"`4.0")],
    "in the totals": lambda content: content[: content.index(b"170.00", -80)],
    "but for its header": lambda content: content[: content.index(b"\r\n") + 2],
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_bill_that_was_cut_is_rejected(read, cut, packed):
    with pytest.raises(BillRejected, match="again"):
        read(cut(bill()), packed=packed)


def test_a_gzip_file_that_was_cut_or_damaged_is_rejected(tmp_path, read):

    whole = gzip.compress(bill())
    for damaged in (whole[:-20], whole[:60] + b"\xff\xff\xff" + whole[63:]):
        with pytest.raises(BillRejected, match="Download it again"):
            read(damaged)


@pytest.mark.parametrize("more", [ROWS[0], TOTALS[0], "a word"], ids=["row", "header", "words"])
def test_nothing_follows_the_totals(read, more):
    with pytest.raises(BillRejected, match="one line at the end"):
        read(bill() + more.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a zip",
        "支付宝业务明细查询".encode("gbk"),
        b"<html>not found</html>",
        bill(header=HEADER.replace("商户订单号", "商户单号")),
        bill(header=HEADER.replace("手续费,", "")),
    ],
)
def test_what_is_no_trade_bill_is_rejected(read, content):
    with pytest.raises(BillRejected, match="Not a trade bill"):
        read(content)


def test_another_merchants_bill_is_rejected(read):
    with pytest.raises(BillRejected, match="merchant 1900000001, and this account is 1900000002"):
        read(mchid="1900000002")


@pytest.mark.parametrize("day", [date(2026, 3, 9), date(2026, 3, 11)])
def test_another_days_bill_is_rejected(read, day):
    with pytest.raises(BillRejected, match=f"2026-03-10, and this is the bill of {day}"):
        read(day=day)


def test_a_bill_without_rows_is_any_merchants(read):
    nothing = (TOTALS[0], "`0.0,`0.0,`0.0,`0.0,`0.0,`0.0,`0.0")

    assert read(bill([], totals=nothing), mchid="7") == [BillTotals(rows=0)]


def test_a_line_without_end_is_no_bill(read):
    with pytest.raises(BillRejected, match="line of"):
        read(bill([ROWS[0] + "x" * 70_000]))


def test_a_bill_of_payments_only(read):
    content = bill([SUCCESS_ROW], header=SUCCESS_HEADER, totals=SUCCESS_TOTALS)
    row, last = read(content)

    assert told(row) == (("T2026031000001", CHARGE, ""), 10000, 60, 10000)
    assert last == BillTotals(rows=1, charged_fen=10000, fee_fen=60)


def test_a_bill_of_refunds_only_tells_when_each_was_accepted(read):
    content = bill([REFUND_ROW], header=REFUND_HEADER, totals=REFUND_TOTALS)
    row, last = read(content)

    assert told(row) == (("T2026031000001", REFUND, "R2026031000001"), 3000, -18, 3000)
    assert row.at == datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert last == BillTotals(rows=1, refunded_fen=3000, fee_fen=-18)


@pytest.mark.parametrize(
    ("row", "header", "sums", "name"),
    [
        (SUCCESS_ROW, SUCCESS_HEADER, SUCCESS_TOTALS, "SUCCESS"),
        (REFUND_ROW, REFUND_HEADER, REFUND_TOTALS, "REFUND"),
    ],
)
def test_where_all_are_wanted_a_part_is_rejected(read, row, header, sums, name):
    with pytest.raises(BillRejected, match=f"type {name}.*Hand in the one of type ALL"):
        read(bill([row], header=header, totals=sums), scopes=frozenset({Scope.ALL}))
