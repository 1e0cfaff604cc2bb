"""The fund-flow bill, on a sample written by hand from the protocol reference."""

from datetime import UTC, date, datetime

import pytest

from adapters.providers.wechat_pay.fund_bill import read_fund_bill
from domain.bill import BillRejected, FundKind, UnreadableRow
from tests.adapters.providers.wechat_pay.bill_samples import (
    DAY,
    FUND_HEADER,
    FUND_ROWS,
    FUND_TOTALS,
    TOTALS,
    a_file,
    bill,
    reordered,
)


def funds(rows=FUND_ROWS, *, header=FUND_HEADER, totals=FUND_TOTALS) -> bytes:
    return bill(rows, header=header, totals=totals)


@pytest.fixture
def read(tmp_path):
    def all_of(content: bytes = funds(), *, packed=False, day=DAY):
        return list(read_fund_bill(a_file(tmp_path, content, packed=packed), day=day))

    return all_of


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_what_moved_on_the_balance_in_whose_favour_and_what_for(read, packed):
    rows = read(packed=packed)

    assert [(row.funds_no, row.kind, row.fen) for row in rows] == [
        ("4200000001202603100000000001", FundKind.TRADE, 10000),
        ("4200000001202603100000000001", FundKind.FEE, -60),
        ("50000000012026031000000000001", FundKind.REFUND, -2982),
        ("W2026031000001", FundKind.OTHER, -100000),
    ]
    assert rows[0].at == datetime(2026, 3, 10, 1, 15, 2, tzinfo=UTC)
    assert (rows[3].line, rows[3].name, rows[3].raw) == (5, "提现", FUND_ROWS[3])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("退还交易手续费", FundKind.FEE_RETURN),
        ("退款关闭", FundKind.REFUND_CLOSED),
        ("充值", FundKind.OTHER),
    ],
)
def test_what_comes_back(read, name, kind):
    line = FUND_ROWS[0].replace("`交易,`交易", f"`{name},`{name}")
    (row,) = read(funds([line], totals=(FUND_TOTALS[0], "`1,`1,`100,`0,`0")))

    assert (row.kind, row.fen) == (kind, 10000)


@pytest.mark.parametrize(
    ("name", "sort", "kind"),
    [
        ("商户消费", "交易", FundKind.TRADE),
        ("交易", "扣除交易手续费", FundKind.FEE),
        ("退还交易手续费", "退款", FundKind.FEE_RETURN),
        ("交易", "交易", FundKind.TRADE),
        ("交易手续费", "手续费", FundKind.OTHER),
    ],
)
def test_the_more_special_of_name_and_type_says_what_it_was_for(read, name, sort, kind):
    line = FUND_ROWS[0].replace("`交易,`交易", f"`{name},`{sort}")
    (row,) = read(funds([line], totals=(FUND_TOTALS[0], "`1,`1,`100,`0,`0")))

    assert (row.kind, row.name) == (kind, name)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace("(", "（").replace(")", "）"),
        lambda header: f"{header},新列",
        reordered,
    ],
    ids=["full-width brackets", "another column", "the other way round"],
)
def test_a_header_in_other_clothes(read, change):
    header = change(FUND_HEADER)
    rows = FUND_ROWS
    if header.startswith("业务凭证号"):
        rows = [reordered(row, separator=",`") for row in rows]
    if header.endswith("新列"):
        rows = [f"{row},`" for row in rows]

    assert [row.fen for row in read(funds(rows, header=header))] == [10000, -60, -2982, -100000]


@pytest.mark.parametrize(
    "line",
    [
        FUND_ROWS[0] + ",`",
        FUND_ROWS[0].replace("`收入", "`转账"),
        FUND_ROWS[0].replace("`100.00", "`-100.00"),
        FUND_ROWS[0].replace("`100.00", "`"),
        FUND_ROWS[0].replace("`100.00", "`100.005"),
        FUND_ROWS[0].replace("09:15:02", "25:15:02"),
    ],
)
def test_a_row_that_cant_be_read_is_kept(read, line):
    *_, last = read(funds([*FUND_ROWS, line], totals=(FUND_TOTALS[0], "`5,`2,`200,`3,`1030.42")))

    assert isinstance(last, UnreadableRow)
    assert last.raw == line


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("`5,`1,`100,`3,`1030.42", "资金流水总笔数"),
        ("`4,`2,`100,`3,`1030.42", "收入笔数"),
        ("`4,`1,`100.01,`3,`1030.42", "收入金额"),
        ("`4,`1,`100,`2,`1030.42", "支出笔数"),
        ("`4,`1,`100,`3,`1030.41", "支出金额"),
    ],
)
def test_a_bill_at_odds_with_any_of_its_totals_is_rejected(read, values, name):
    with pytest.raises(BillRejected, match=name):
        read(funds(totals=(FUND_TOTALS[0], values)))


def test_what_is_no_fund_flow_bill_is_rejected(read):
    with pytest.raises(BillRejected, match="Not a fund-flow bill"):
        read(bill())


def test_a_bill_without_its_totals_was_cut(read):
    with pytest.raises(BillRejected, match="cut short"):
        read(funds(totals=()))
    with pytest.raises(BillRejected, match="cut short"):
        read(funds(totals=TOTALS[:1]))


def test_another_days_bill_is_rejected(read):
    with pytest.raises(BillRejected, match="bill of 2026-03-11"):
        read(day=date(2026, 3, 11))
