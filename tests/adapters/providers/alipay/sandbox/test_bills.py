"""Daily bills of the pretended Alipay, held against the reference by a few lines of their own."""

import io
import re
import zipfile
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from adapters.providers.sandbox.faults import Fault

CHINA = timezone(timedelta(hours=8))

TRADE_BILL = """\
#支付宝业务明细查询
#账号：[20880000000000010156]
#起始日期：[{morning:%Y年%m月%d日} 00:00:00]   终止日期：[{tomorrow:%Y年%m月%d日} 00:00:00]
#-----------------------------------------业务明细列表----------------------------------------
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,\
订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,\
分润（元）,备注
{tea}\t,T0\t,交易\t,茶,{morning} 09:00:00,{morning} 09:00:00,{buyer},88.88,88.88,\
{zeros},\t,-0.53,0.00,
{cup}\t,T1\t,交易\t,茶,{morning} 10:00:00,{morning} 10:00:00,{buyer},20.00,20.00,\
{zeros},\t,-0.12,0.00,
{cup}\t,T1\t,退款\t,茶,{morning} 10:00:00,{morning} 11:00:00,{buyer},-5.00,-5.00,\
{zeros},R1\t,0.03,0.00,
#-----------------------------------------业务明细列表结束------------------------------------
#交易合计：2笔，商家实收共108.88元，商家优惠共0.00元
#退款合计：1笔，商家实收退款共-5.00元，商家优惠退款共0.00元
#导出时间：[{tomorrow:%Y年%m月%d日} 05:46:49]
"""


def comes_to(shop, day, hour, minute=0):
    """Let time pass until this hour of a day."""
    at = datetime.combine(day, time(hour, minute), CHINA)
    shop.passes(seconds=(at - shop.clock.now()).total_seconds())


@pytest.fixture
def morning(shop):
    """Eight o'clock of a day with no trade before it."""
    return starts_day(shop)


def starts_day(shop):
    day = shop.clock.now().astimezone(CHINA).date() + timedelta(days=1)
    comes_to(shop, day, 8)
    return day


def texts(content):
    """The texts in a zip by their names, which are in GBK."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            assert not member.flag_bits & 0x800
        return {
            member.filename.encode("cp437").decode("gbk"): archive.read(member).decode("gbk")
            for member in archive.infolist()
        }


def bill(shop, day, kind="trade", **struck):
    """The detail and the summary."""
    link = shop.finds_bill(day, kind)["bill_download_url"]
    return list(texts(shop.follows(link, **struck).body).values())


def rows(text):
    lines = [line for line in text.split("\r\n") if line and not line.startswith("#")]
    return [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]


def a_day_of_trade(shop, day):
    """A sale at nine, another at ten of which a part goes back at eleven."""
    comes_to(shop, day, 9)
    shop.sells("T0", "88.88")
    comes_to(shop, day, 10)
    shop.sells("T1", "20.00")
    comes_to(shop, day, 11)
    shop.refunds("R1", "5.00")
    comes_to(shop, day + timedelta(days=1), 9)


def test_the_trade_bill_is_written_as_the_reference_shows_it(shop, morning):
    a_day_of_trade(shop, morning)

    detail, summary = bill(shop, morning)

    tomorrow = morning + timedelta(days=1)
    tea, cup = (shop.book.order("alipay", each).provider_transaction_id for each in ("T0", "T1"))
    buyer = "\t,\t,\t,\t,*某(135****0001)\t"
    zeros = "0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00"
    written = TRADE_BILL.format(**locals()).replace("\n", "\r\n")
    assert detail == written
    assert "合计,,2,1,103.88,103.88,0.00,0.00,0.00,-0.62,0.00,103.26" in summary.split("\r\n")


def test_the_bill_of_the_balance_runs_from_row_to_row(shop, morning):
    a_day_of_trade(shop, morning)

    detail, summary = bill(shop, morning, "signcustomer")

    told = [
        (row["收入金额（+元）"], row["支出金额（-元）"], row["账户余额（元）"])
        for row in rows(detail)
    ]
    assert told == [
        ("88.88", "0.00", "1088.88"),
        ("0.00", "-0.53", "1088.35"),
        ("20.00", "0.00", "1108.35"),
        ("0.00", "-0.12", "1108.23"),
        ("0.00", "-5.00", "1103.23"),
        ("0.03", "0.00", "1103.26"),
    ]
    assert "#支出合计：3笔，共-5.65元\r\n#收入合计：3笔，共108.91元\r\n" in detail
    assert "合计,3,108.91,3,-5.65,103.26" in summary.split("\r\n")


def test_the_next_days_balance_goes_on_from_there(shop, morning):
    a_day_of_trade(shop, morning)
    shop.sells("T2", "10.00")
    comes_to(shop, morning + timedelta(days=2), 9)

    detail, _ = bill(shop, morning + timedelta(days=1), "signcustomer")

    assert [row["账户余额（元）"] for row in rows(detail)] == ["1113.26", "1113.20"]


def test_names_are_in_gbk_and_tell_account_day_and_kind(shop, morning):
    a_day_of_trade(shop, morning)

    link = shop.finds_bill(morning)["bill_download_url"]

    start = f"20880000000000010156_{morning:%Y%m%d}_业务明细"
    assert list(texts(shop.follows(link).body)) == [f"{start}.csv", f"{start}(汇总).csv"]


def test_the_same_bill_is_the_same_file(shop, morning):
    a_day_of_trade(shop, morning)

    links = [shop.finds_bill(morning)["bill_download_url"] for _ in range(2)]

    first, second = (shop.follows(link).body for link in links)
    assert first == second


def test_a_subject_with_a_comma_is_quoted(shop, morning):
    shop.orders(subject='茶,"红"的')
    shop.payer("pay")
    comes_to(shop, morning + timedelta(days=1), 9)

    assert ',"茶,""红""的",' in bill(shop, morning)[0]


def test_a_bill_is_there_at_nine_of_the_next_day(shop, morning):
    shop.sells()
    tomorrow = morning + timedelta(days=1)

    today = shop.finds_bill(morning)
    comes_to(shop, tomorrow, 8, 59)
    early = shop.finds_bill(morning)
    comes_to(shop, tomorrow, 9)

    assert today["sub_code"] == "isv.invalid_arguments"
    assert early["sub_code"] == "isp.bill_not_exist"
    assert shop.finds_bill(morning)["code"] == "10000"


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-13-01", "trade"), ("20260115", "trade"), ("2999-01-01", "trade"),
        ("2001-01-01", "trade"), ("2026-01", "trade"), ("2026-01-15", "everything"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(shop, day, kind):
    assert shop.finds_bill(day, kind)["sub_code"] == "isv.invalid_arguments"


@pytest.mark.parametrize("kind", ["trade", "signcustomer"])
@pytest.mark.parametrize(
    ("style", "told"),
    [("bill_not_exist", "isp.bill_not_exist"), ("no_bill_data", "NO_BILL_DATA")],
)
def test_a_day_without_trade_has_no_bill(open_shop, kind, style, told):
    shop = open_shop(empty_bill=style)
    day = starts_day(shop)
    comes_to(shop, day + timedelta(days=1), 9)

    assert shop.finds_bill(day, kind)["sub_code"] == told


@pytest.mark.parametrize(
    ("kind", "footer"),
    [
        ("trade", "#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元"),
        ("signcustomer", "#收入合计：0笔，共0.00元"),
    ],
)
def test_or_it_has_an_empty_one(open_shop, kind, footer):
    shop = open_shop(empty_bill="file")
    day = starts_day(shop)
    comes_to(shop, day + timedelta(days=1), 9)

    told = shop.finds_bill(day, kind)

    assert told["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
    detail = next(iter(texts(shop.follows(told["bill_download_url"]).body).values()))
    assert footer in detail
    assert rows(detail) == []


def test_a_link_is_over_after_its_time(open_shop):
    shop = open_shop(bill_link_seconds=0)
    day = starts_day(shop)
    a_day_of_trade(shop, day)

    link = shop.finds_bill(day)["bill_download_url"]

    assert shop.follows(link).status == 404


def test_nobody_guesses_a_link(shop, morning):
    a_day_of_trade(shop, morning)
    link = shop.finds_bill(morning)["bill_download_url"]

    assert shop.follows(link[:-1]).status == 404
    assert shop.follows(link.partition("?")[0]).status == 404
    assert shop.follows(link, method="POST").status == 404
    assert shop.follows(f"{link}%ff").status == 404


@pytest.mark.parametrize(
    ("rules", "word", "number"),
    [
        ({}, "退款\t", "T1\t"),
        ({"cancel_has_number": False}, "退款\t", "\t"),
        ({"cancel_word": "撤销"}, "撤销\t", "T1\t"),
    ],
)
def test_a_cancel_that_gave_money_back_is_a_row_of_its_own(open_shop, rules, word, number):
    shop = open_shop(**rules)
    day = starts_day(shop)
    shop.sells()
    shop.ask("cancel", {"out_trade_no": "T1"})
    comes_to(shop, day + timedelta(days=1), 9)

    charge, cancel = rows(bill(shop, day)[0])

    assert charge["业务类型"] == "交易\t"
    assert (cancel["业务类型"], cancel["退款批次号/请求号"]) == (word, number)
    assert cancel["订单金额（元）"] == "-88.88"


def test_rules_change_fees_signs_and_sums(open_shop):
    shop = open_shop(
        fee_rate=Decimal(0),
        refund_returns_fee=False,
        bill_sums_net=False,
        expenses_are_negative=False,
        withdrawn_daily_fen=100,
    )
    day = starts_day(shop)
    a_day_of_trade(shop, day)

    _, summary = bill(shop, day)
    detail, _ = bill(shop, day, "signcustomer")

    assert "合计,,2,1,108.88,108.88,0.00,0.00,0.00,0.00,0.00,108.88" in summary
    assert [row["支出金额（-元）"] for row in rows(detail)] == ["0.00", "0.00", "5.00", "1.00"]
    assert rows(detail)[-1]["业务类型"] == "提现"


def test_what_is_planted_is_told_and_the_sums_agree_with_it(shop, morning):
    shop.faults.arm(Fault(kind="bill_row_dropped"))
    shop.faults.arm(Fault(kind="bill_row_added", code="foreign", times=2))
    shop.faults.arm(Fault(kind="bill_row_garbled"))
    a_day_of_trade(shop, morning)

    detail, _ = bill(shop, morning)

    told = rows(detail)
    assert len(told) == 4
    assert sum(row["订单金额（元）"] == "#.##" for row in told) == 1
    counts = [int(told) for told in re.findall("合计：([0-9]+)笔", detail)]
    assert sum(counts) == 4


def test_a_balance_that_moved_otherwise_shows_in_the_bill_of_the_balance_alone(shop, morning):
    shop.sells()
    shop.faults.arm(Fault(kind="bill_balance_changed"))
    comes_to(shop, morning + timedelta(days=1), 9)

    trade, _ = bill(shop, morning)
    funds, _ = bill(shop, morning, "signcustomer")

    assert rows(trade)[0]["订单金额（元）"] == "88.88"
    assert rows(funds)[0]["收入金额（+元）"] != "88.88"
    assert rows(funds)[1]["支出金额（-元）"] == "-0.53"


def test_faults_of_the_moment_meet_one_call(shop, morning):
    a_day_of_trade(shop, morning)

    late = shop.finds_bill(morning, bill_late=Fault(kind="bill_late"))
    link = shop.finds_bill(morning)["bill_download_url"]
    short = shop.follows(link, bill_truncated=Fault(kind="bill_truncated"))

    assert late["sub_code"] == "isp.bill_not_exist"
    with pytest.raises(zipfile.BadZipFile):
        texts(short.body)
    assert len(texts(shop.follows(link).body)) == 2
