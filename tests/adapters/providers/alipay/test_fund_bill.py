"""Bills of the balance as Alipay writes them, on samples written by hand from the reference."""

import pytest

from adapters.providers.alipay.fund_bill import read_fund_bill
from domain.bill import BillRejected, FundKind, UnreadableRow
from tests.adapters.providers.alipay.bill_samples import (
    DAY,
    EMPTY_FUNDS,
    FUNDS,
    FUNDS_SUMMARY,
    SELLER,
    in_gbk,
    trade_zip,
)


@pytest.fixture
def read(tmp_path):
    def reads(content):
        file = tmp_path / "bill"
        file.write_bytes(content)
        return list(read_fund_bill(str(file), seller_id=SELLER, day=DAY))

    return reads


def test_a_bill_tells_what_moved_on_the_balance(read):
    rows = read(trade_zip(FUNDS, FUNDS_SUMMARY))

    assert [(row.kind, row.fen, row.funds_no[-1]) for row in rows] == [
        (FundKind.TRADE, 8888, "1"),
        (FundKind.FEE, -53, "1"),
        (FundKind.TRADE, 2000, "2"),
        (FundKind.FEE, -12, "2"),
        (FundKind.REFUND, -500, "2"),
        (FundKind.FEE_RETURN, 3, "2"),
    ]
    assert sum(row.fen for row in rows) == 110326 - 100000


@pytest.mark.parametrize(
    "text",
    [
        FUNDS.replace("0.00,-5.00", "0.00,5.00").replace("共-5.65", "共5.65"),
        FUNDS.replace("（+元）", "(+元)").replace("（-元）", ""),
        FUNDS.replace("交易渠道,", "业务基础订单号,交易渠道,").replace("支付宝,", "X\t,支付宝,"),
    ],
)
def test_known_differences_read_the_same(read, text):
    assert sum(row.fen for row in read(in_gbk(text))) == 10326


def test_what_is_none_of_a_trades_is_told_apart(read):
    withdrawn = FUNDS.replace("0.03,0.00,1103.26,支付宝,收费", "0.03,0.00,1103.26,支付宝,提现")

    assert read(in_gbk(withdrawn))[-1].kind is FundKind.OTHER


def test_an_empty_day_has_no_rows(read):
    assert read(trade_zip(EMPTY_FUNDS, None)) == []


def test_a_row_of_nothing_is_counted_on_either_side(read):
    nothing = FUNDS.replace("0.03,0.00", "0.00,0.00").replace("共108.91", "共108.88")

    assert len(read(in_gbk(nothing))) == 6
    assert len(read(in_gbk(nothing.replace("收入合计：3笔", "收入合计：2笔")))) == 6


def test_a_row_that_cant_be_read_is_told_with_its_text(read):
    *_, bad = read(in_gbk(FUNDS.replace(",0.03,0.00", ",x,0.00")))

    assert isinstance(bad, UnreadableRow)
    assert bad.line == 11


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (in_gbk(FUNDS.replace("-5.65", "-5.64")), "支出"),
        (in_gbk(FUNDS.replace("收入合计：3笔", "收入合计：4笔")), "counts 4"),
        (trade_zip(FUNDS, FUNDS_SUMMARY.replace("3,108.91", "3,108.90")), "收入金额"),
        (trade_zip(FUNDS, FUNDS_SUMMARY.replace("合计,3", "合计,2")), "收入笔数"),
        (in_gbk(FUNDS.partition("#支出合计")[0]), "cut short"),
        (in_gbk(FUNDS.replace("业务流水号", "流水号")), "no column"),
        (in_gbk(FUNDS.replace("2026年01月15日", "2026年01月14日")), "2026-01-14"),
    ],
)
def test_a_bill_that_is_not_this_one_or_not_true_is_rejected(read, content, reason):
    with pytest.raises(BillRejected, match=reason):
        read(content)
