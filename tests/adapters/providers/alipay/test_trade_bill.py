"""Trade bills as Alipay writes them, on samples written by hand from the reference."""

import gzip
import io
import zipfile
from datetime import date

import pytest

from adapters.providers.alipay.trade_bill import read_trade_bill
from domain.bill import CHINA, BillRejected, BillRow, BillTotals, MovementKind, UnreadableRow
from tests.adapters.providers.alipay.bill_samples import (
    DAY,
    SELLER,
    TRADE,
    TRADE_SUMMARY,
    in_gbk,
    trade_zip,
    zipped,
)

FIRST = TRADE.splitlines()[5]


@pytest.fixture
def read(tmp_path):
    def reads(content, *, seller_id=SELLER, day=DAY):
        file = tmp_path / "bill"
        file.write_bytes(content)
        return list(read_trade_bill(str(file), seller_id=seller_id, day=day))

    return reads


def test_a_bill_tells_charges_and_refunds(read):
    tea, cup, refund, totals = read(trade_zip())

    assert (tea.order_no, tea.kind, tea.refund_no) == ("T20260115A", MovementKind.CHARGE, "")
    assert (tea.fen, tea.settled_fen, tea.fee_fen, tea.line) == (8888, 8888, 53, 6)
    assert tea.at.astimezone(CHINA).isoformat(" ") == "2026-01-15 10:00:09+08:00"
    assert tea.provider_id == tea.funds_no == "2026011522001400000000000001"
    assert tea.raw == FIRST
    assert (cup.order_no, cup.fen, cup.fee_fen) == ("T20260115B", 2000, 12)
    assert (refund.order_no, refund.kind) == ("T20260115B", MovementKind.REFUND)
    assert (refund.refund_no, refund.fen, refund.fee_fen) == ("RF20260115B1", 500, -3)
    assert refund.funds_no == cup.provider_id
    assert totals == BillTotals(3, charged_fen=10888, refunded_fen=500, fee_fen=62)


@pytest.mark.parametrize(
    "content",
    [
        trade_zip(summary=None),
        zipped(in_gbk(TRADE), in_gbk(TRADE_SUMMARY)),
        in_gbk(TRADE),
        in_gbk(TRADE, line_end="\n"),
        gzip.compress(in_gbk(TRADE)),
        TRADE.encode(),
        TRADE.encode("utf-8-sig"),
        trade_zip(TRADE.replace("（", "(").replace("）", ")")),
        trade_zip(TRADE.replace("订单金额（元）", " 订单金额 ").replace("/请求号", "")),
        trade_zip(TRADE.replace("商户订单号", "商家订单号")),
        trade_zip(TRADE.replace("\t", "")),
        trade_zip(TRADE.replace("：", ":").replace("，", ",")),
        trade_zip(TRADE.replace("2026年01月16日 00:00:00", "2026年01月15日 23:59:59")),
        trade_zip(TRADE, TRADE_SUMMARY.replace("103.88,103.88", "108.88,108.88")),  # gross
        trade_zip(TRADE.replace(",0.03,", ",-0.03,"), TRADE_SUMMARY.replace("-0.62", "-0.68")),
    ],
)
def test_known_differences_read_the_same(read, content):
    *rows, totals = read(content)

    assert [(row.order_no, row.fen, row.fee_fen) for row in rows] == [
        ("T20260115A", 8888, 53), ("T20260115B", 2000, 12), ("T20260115B", 500, -3),
    ]  # fmt: skip
    assert totals.fee_fen == 62


def test_columns_are_found_wherever_they_stand(read):
    lines = TRADE.splitlines()
    turned = [",".join(reversed(line.split(","))) for line in lines[4:8]]

    *rows, _ = read(trade_zip("\n".join([*lines[:4], *turned, *lines[8:]])))

    assert [(row.order_no, row.fen) for row in rows] == [
        ("T20260115A", 8888), ("T20260115B", 2000), ("T20260115B", 500),
    ]  # fmt: skip


def test_quoted_cells_may_hold_commas_quotes_and_ends_of_lines(read):
    tea, *_, totals = read(trade_zip(TRADE.replace(",茶,", ',"茶,\n""红""的",')))

    assert (tea.order_no, tea.fen) == ("T20260115A", 8888)
    assert tea.raw.splitlines()[1].startswith('""红""的"')
    assert totals.rows == 3


@pytest.mark.parametrize("subject", ['"茶', '5" 杯', '茶"', '茶\r"', '""茶"'])
def test_a_quote_that_quotes_nothing_is_text(read, subject):
    tea, cup, refund, totals = read(trade_zip(TRADE.replace(",茶,", f",{subject},")))

    assert (tea.order_no, tea.fen, tea.line) == ("T20260115A", 8888, 6)
    assert (cup.line, refund.line, totals.unreadable) == (7, 8, 0)


def test_an_empty_day_has_no_rows(read):
    lines = TRADE.splitlines()
    empty = "\n".join([*lines[:5], *lines[8:]]).replace("2笔", "0笔").replace("1笔", "0笔")
    empty = empty.replace("108.88", "0.00").replace("-5.00", "0.00")

    assert read(trade_zip(empty, None)) == [BillTotals(0)]


@pytest.mark.parametrize(
    "spoilt",
    [
        FIRST.replace("88.88,88.88", "88,88,88.88"),
        FIRST.replace("88.88", "88.888"),
        FIRST.replace("88.88", "8.8e1"),
        FIRST.replace("88.88", "８８.88"),
        FIRST.replace("88.88,88.88", ",88.88"),
        FIRST.replace("88.88", "-88.88"),
        FIRST.replace("交易", "转账"),
        FIRST.replace("2026-01-15 10:00:09", "2026-01-15 25:00:09"),
        FIRST.replace("2026-01-15 10:00:09", ""),
        FIRST.replace("T20260115A", "订单"),
        FIRST.replace("T20260115A", ""),
        FIRST.removesuffix(",0.00,"),
    ],
)
def test_a_row_that_cant_be_read_is_told_with_its_text(read, spoilt):
    bad, cup, _, totals = read(trade_zip(TRADE.replace(FIRST, spoilt)))

    assert isinstance(bad, UnreadableRow)
    assert (bad.line, bad.raw[:40]) == (6, spoilt[:40])
    assert isinstance(cup, BillRow)
    assert (totals.rows, totals.unreadable, totals.charged_fen) == (3, 1, 2000)


def test_bytes_that_are_no_chinese_spoil_one_cell_only(read):
    content = in_gbk(TRADE).replace("茶".encode("gbk"), b"\xff\xff")

    assert [each.fen for each in read(content)[:3]] == [8888, 2000, 500]


def test_a_refund_without_a_number_has_the_orders_own(read):
    *_, refund, _ = read(trade_zip(TRADE.replace("RF20260115B1", "")))

    assert (refund.kind, refund.refund_no) == (MovementKind.REFUND, "T20260115B")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (trade_zip(TRADE.replace("20881000", "20882000")), "not of account"),
        (trade_zip(TRADE.replace("#账号", "#帐号")), "nobody"),
        (trade_zip(TRADE.replace("2026年01月15日", "2026年01月14日")), "2026-01-14"),
        (trade_zip(TRADE.replace("2026年01月16日 0", "2026年02月01日 0")), "not of 2026-01-15"),
        (trade_zip(TRADE.replace("#交易合计：2笔", "#交易合计：3笔")), "counts 4 of rows"),
        (trade_zip(TRADE.replace("2笔", "1笔").replace("款合计：1笔", "款合计：2笔")), "交易"),
        (trade_zip(TRADE.replace("共108.88元", "共108.89元")), "商家实收 says 108.89"),
        (trade_zip(TRADE.replace("退款共-5.00元", "退款共-5.01元")), "商家实收退款 says -5.01"),
        (trade_zip(TRADE.replace("优惠共0.00元", "优惠共0.01元")), "商家优惠"),
        (trade_zip(TRADE.replace("共108.88元", "共1.0.8元")), "can't be read"),
        (trade_zip(TRADE, TRADE_SUMMARY.replace("103.88,103.88", "103.87,103.88")), "订单金额"),
        (trade_zip(TRADE, TRADE_SUMMARY.replace("-0.62", "-0.61")), "服务费"),
        (trade_zip(TRADE, TRADE_SUMMARY.replace("合计,,2", "合计,,3")), "交易订单总笔数"),
        (trade_zip(TRADE.partition("#交易合计")[0]), "cut short"),
        (
            trade_zip(TRADE.partition(f"#{41 * '-'}业务明细列表结束")[0]),
            "cut",
        ),
        (trade_zip(TRADE.replace("服务费（元）", "服务")), "no column 服务费"),
        (trade_zip(TRADE.partition("支付宝交易号")[0]), "no header"),
        (trade_zip(TRADE_SUMMARY), "No text in it"),
        (zipped(in_gbk(TRADE), in_gbk(TRADE)), "2 times"),
        (trade_zip()[:-40], "damaged"),
        (in_gbk(TRADE)[:-150], "cut short"),
        (gzip.compress(in_gbk(TRADE))[:-20], "damaged"),
        (b"", "No text in it"),
        (b"<html>expired</html>", "No text in it"),
        (in_gbk(TRADE.replace("茶", "茶" * 400_000)), "longer than"),
    ],
)
def test_a_bill_that_is_not_this_one_or_not_true_is_rejected(read, content, reason):
    with pytest.raises(BillRejected, match=reason):
        read(content)


def test_another_merchants_bill_is_rejected(read):
    with pytest.raises(BillRejected, match="not of account"):
        read(trade_zip(), seller_id="2088100000000002")
    with pytest.raises(BillRejected, match="2026-01-15"):
        read(trade_zip(), day=date(2026, 1, 16))


def test_a_flipped_bit_is_found(read):
    content = bytearray(trade_zip())
    content[200] ^= 1

    with pytest.raises(BillRejected):
        read(bytes(content))


def test_zips_that_are_traps_are_rejected(read, monkeypatch):
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.csv", in_gbk(TRADE))
    with pytest.raises(BillRejected, match="20 files"):
        read(many.getvalue())

    monkeypatch.setattr("adapters.providers.alipay.bill_file.MOST_UNPACKED", 1 << 20)
    rows = f"{FIRST}\n" * 10_000
    with pytest.raises(BillRejected, match="larger than"):
        read(trade_zip(TRADE.replace(f"{FIRST}\n", rows)))


def test_a_locked_zip_is_rejected(read):
    content = bytearray(trade_zip())
    place = content.rindex(b"PK\x01\x02") + 8
    content[place] |= 1

    with pytest.raises(BillRejected, match="password"):
        read(bytes(content))


def test_a_reader_that_stops_early_leaves_no_file_open(tmp_path):
    file = tmp_path / "bill"
    file.write_bytes(trade_zip())
    rows = read_trade_bill(str(file), seller_id=SELLER, day=DAY)
    next(rows)

    del rows

    file.unlink()
