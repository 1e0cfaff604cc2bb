"""The simulator's bills, byte for byte as the protocol reference writes them."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import httpx
import pytest
from litestar import Litestar

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from tests.adapters.providers.conftest import served
from tests.adapters.providers.wechat_pay.sandbox.conftest import Shop, open_shop

#: 09:15:02 of 2026-03-10 in China.
START = datetime(2026, 3, 10, 1, 15, 2, tzinfo=UTC)
TO_NEXT_MORNING = timedelta(days=1).total_seconds()

ALL_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUCCESS_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
)
REFUND_HEADER = ALL_HEADER.replace("代金券金额,", "代金券金额,退款申请时间,退款成功时间,")
FUND_HEADER = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)

Open = Callable[..., Shop]


def simulator(keys: KeyRing, **settings: Any) -> Litestar:
    """A simulator whose first day begins at START."""
    made = WeChatPaySandboxSettings(**settings)
    return create_sandbox(
        environment="test",
        clock=MovableClock(wall=lambda: START),
        providers=[partial(WeChatPaySandbox, settings=made)],
        keys=keys,
    )


@pytest.fixture
def open_at(serve, shop_at, sandbox_keys) -> Open:
    """Open a shop at a simulator of its own, with these settings."""

    def opened(**settings: Any) -> Shop:
        shop: Shop = shop_at(serve(simulator(sandbox_keys, **settings)))
        return shop

    return opened


@pytest.fixture(scope="module")
def the_day_after(sandbox_keys) -> Iterator[Shop]:
    """The morning after an ordinary day. Its bills are made: nothing more can be planted."""
    with served(simulator(sandbox_keys)) as url:
        shop = open_shop(url)
        trade(shop)
        shop.passes(TO_NEXT_MORNING)
        yield shop
        shop.http.close()


def trade(shop: Shop) -> None:
    """A payment of 100.00, 30.00 of it given back, and a charge of 20.00 that is reversed."""
    attach = {"attach": "shop=7", "description": "一杯茶\n大,杯"}
    assert shop.prepay("ORDER-0001", 10000, **attach).is_success
    assert shop.payer("pay", "ORDER-0001").is_success
    shop.passes(3600)
    assert shop.refund("ORDER-0001", "REFUND-0001", 3000, 10000).is_success
    shop.passes(1800)
    assert shop.charge("CHARGE-0001", "130000000000000000", 2000).is_success
    shop.passes(60)
    assert shop.reverse("CHARGE-0001").is_success
    shop.prepay("UNPAID-0001")


def apply(shop: Shop, call: str = "tradebill", day: str = "2026-03-10", **query: str):
    asked = "&".join(f"{name}={value}" for name, value in {"bill_date": day, **query}.items())
    return shop.call("GET", f"/v3/bill/{call}?{asked}")


def fetch(shop: Shop, applied: httpx.Response) -> httpx.Response:
    url = httpx.URL(applied.raise_for_status().json()["download_url"])
    return shop.call("GET", url.raw_path.decode())


def bill(shop: Shop, call: str = "tradebill", **query: str) -> list[str]:
    """The lines of a bill that was downloaded and is true to its hash."""
    applied = apply(shop, call, **query)
    content = fetch(shop, applied).raise_for_status().content
    assert hashlib.sha1(content).hexdigest() == applied.json()["hash_value"]
    assert content.startswith(b"\xef\xbb\xbf")
    *lines, last = content.decode("utf-8-sig").split("\r\n")
    assert last == ""
    return lines


def value(line: str, header: str, name: str) -> str:
    return dict(zip(header.split(","), line[1:].split(",`"), strict=True))[name]


def test_a_days_trade_as_the_reference_writes_it(the_day_after):
    shop = the_day_after
    a, c = shop.order("ORDER-0001"), shop.order("CHARGE-0001")
    refund = shop.book()["refunds"][0]

    header, *rows, total_names, totals = bill(shop)

    appid = shop.credentials["app_ids"]["official_account"]
    openid = rows[0].split(",`")[7]
    start = f"`{appid},`1900000001,`0,`,`{a['provider_transaction_id']},`ORDER-0001,`{openid},"
    end = "`一杯茶\\n大,杯,`shop=7,"
    assert header == ALL_HEADER
    assert (
        rows
        == f"""\
`2026-03-10 09:15:02,{start}`NATIVE,`SUCCESS,`OTHERS,`CNY,`100.00,`0.00,`0,`0,`0.00,\
`0.00,`,`,{end}`0.60000,`0.60%,`100.00,`0.00,`
`2026-03-10 10:15:02,{start}`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,\
`{refund["provider_refund_id"]},`REFUND-0001,`30.00,`0.00,`ORIGINAL,`SUCCESS,{end}\
`-0.18000,`0.60%,`0.00,`30.00,`
`2026-03-10 10:45:02,`{appid},`1900000001,`0,`,`{c["provider_transaction_id"]},\
`CHARGE-0001,`{openid},`MICROPAY,`SUCCESS,`OTHERS,`CNY,`20.00,`0.00,`0,`0,`0.00,`0.00,\
`,`,`一杯茶,`,`0.12000,`0.60%,`20.00,`0.00,`
`2026-03-10 10:46:02,`{appid},`1900000001,`0,`,`{c["provider_transaction_id"]},\
`CHARGE-0001,`{openid},`MICROPAY,`REVOKED,`OTHERS,`CNY,`0.00,`0.00,\
`50{c["provider_transaction_id"][2:]}0,`0,`20.00,`0.00,`ORIGINAL,`SUCCESS,`一杯茶,`,\
`-0.12000,`0.60%,`0.00,`20.00,`
""".splitlines()
    )
    assert total_names == (
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
    )
    assert totals == "`4.0,`120.00,`50.00,`0.0,`0.42,`120.00,`50.00"


def test_payments_only_and_refunds_only(the_day_after):
    shop = the_day_after

    paid = bill(shop, bill_type="SUCCESS")
    back = bill(shop, bill_type="REFUND")

    assert paid[0] == SUCCESS_HEADER
    assert [value(row, paid[0], "交易状态") for row in paid[1:-2]] == ["SUCCESS"] * 2
    assert paid[-2:] == [
        "总交易单数,应结订单总金额,手续费总金额,订单总金额",
        "`2.0,`120.00,`0.72,`120.00",
    ]
    assert back[0] == REFUND_HEADER
    assert [value(row, back[0], "交易状态") for row in back[1:-2]] == ["REFUND", "REVOKED"]
    assert value(back[1], back[0], "退款申请时间") == "2026-03-10 10:15:02"
    assert value(back[1], back[0], "退款成功时间") == "2026-03-10 10:45:02"
    assert back[-1] == "`2.0,`0.0,`50.00,`0.0,`-0.30,`0.0,`50.00"


def test_the_balance_moves_net_of_what_a_refund_gives_back(open_at):
    shop = open_at(withdrawn_daily_fen=5000)
    trade(shop)
    shop.passes(TO_NEXT_MORNING)

    header, *rows, total_names, totals = bill(shop, "fundflowbill")

    a = shop.order("ORDER-0001")["provider_transaction_id"]
    refund = shop.book()["refunds"][0]["provider_refund_id"]
    assert header == FUND_HEADER
    assert (
        rows[:3]
        == f"""\
`2026-03-10 09:15:02,`{a},`1900000001202603100000001,`交易,`交易,`收入,`100.00,`1100.00,\
`system,`,`ORDER-0001
`2026-03-10 09:15:02,`{a},`1900000001202603100000002,`扣除交易手续费,`扣除交易手续费,\
`支出,`0.60,`1099.40,`system,`,`ORDER-0001
`2026-03-10 10:15:02,`{refund},`1900000001202603100000003,`退款,`退款,`支出,`29.82,\
`1069.58,`1900000001API,`退款总金额30.00元;含手续费0.18元,`REFUND-0001
""".splitlines()
    )
    assert [value(row, header, "业务名称") for row in rows[3:]] == [
        "交易", "扣除交易手续费", "退款", "提现",
    ]  # fmt: skip
    assert value(rows[-1], header, "账户结余(元)") == "1019.58"
    assert total_names == "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
    assert totals == "`7.0,`2.0,`120.00,`5.0,`100.42"


def test_the_balance_may_move_gross_and_brackets_be_wide(open_at):
    shop = open_at(fund_bill_is_net=False, full_width_brackets=True)
    trade(shop)
    shop.passes(TO_NEXT_MORNING)

    header, *rows, _, totals = bill(shop, "fundflowbill")

    assert header == FUND_HEADER.replace("(元)", "（元）")
    assert [value(row, header, "收支金额（元）") for row in rows[2:4]] == ["30.00", "0.18"]
    assert [value(row, header, "业务名称") for row in rows[2:4]] == ["退款", "退还交易手续费"]
    assert totals == "`8.0,`4.0,`120.30,`4.0,`50.72"


def test_every_day_begins_with_the_balance_that_the_last_one_left(open_at):
    shop = open_at(withdrawn_daily_fen=100, refund_takes_seconds=7200)
    for number in range(3):
        shop.paid(f"ORDER-000{number}", 5000)
        shop.arm("refund_closed")
        shop.passes(120)
        shop.refund(f"ORDER-000{number}", f"REFUND-000{number}", 777, 5000)
        shop.passes(86_280)

    days = [bill(shop, "fundflowbill", day=f"2026-03-{day}") for day in (10, 11, 12)]

    closed = [row for lines in days for row in lines if "退款关闭" in row]
    balance = 100_000
    for header, *rows, _, __ in days:
        for row in rows:
            sign = 1 if value(row, header, "收支类型") == "收入" else -1
            balance += sign * fen(value(row, header, "收支金额(元)"))
            assert fen(value(row, header, "账户结余(元)")) == balance
    assert len(closed) == 2  # that of the third day ends on the fourth


def fen(text: str) -> int:
    return int(text.replace(".", ""))


def test_a_bill_tells_how_refunds_stood_when_it_was_made_and_never_again(open_at):
    shop = open_at(refund_takes_seconds=86_400)
    shop.paid("ORDER-0001", 10000)
    shop.passes(60)
    shop.refund("ORDER-0001", "REFUND-0001", 3000, 10000)
    shop.passes(TO_NEXT_MORNING - 120)
    before = bill(shop)
    shop.passes(TO_NEXT_MORNING)

    assert shop.refund_status("REFUND-0001") == "SUCCESS"
    assert bill(shop) == before
    assert value(before[2], ALL_HEADER, "退款状态") == "PROCESSING"


@pytest.mark.parametrize(
    ("fault", "word"), [("refund_closed", "FAIL"), ("refund_abnormal", "CHANGE")]
)
def test_a_refund_that_came_to_no_good_stays_in_the_bill(open_at, fault, word):
    shop = open_at()
    shop.paid("ORDER-0001", 10000)
    shop.passes(60)
    shop.arm(fault)
    shop.refund("ORDER-0001", "REFUND-0001", 3000, 10000)
    shop.passes(60)
    shop.query("ORDER-0001")
    shop.passes(TO_NEXT_MORNING)

    assert value(bill(shop)[2], ALL_HEADER, "退款状态") == word


def test_with_gzip_the_file_is_packed_and_the_hash_that_of_the_bill(the_day_after):
    shop = the_day_after

    applied = apply(shop, tar_type="GZIP")
    content = fetch(shop, applied).content

    assert applied.json()["download_url"].endswith("&tartype=gzip")
    assert applied.json()["hash_type"] == "SHA1"
    assert hashlib.sha1(gzip.decompress(content)).hexdigest() == applied.json()["hash_value"]


def test_the_file_is_not_signed_and_only_the_merchant_gets_it(the_day_after):
    shop = the_day_after
    applied = apply(shop)
    target = httpx.URL(applied.json()["download_url"]).raw_path.decode()

    assert "wechatpay-signature" in applied.headers
    assert "wechatpay-signature" not in fetch(shop, applied).headers
    assert shop.http.get(target).status_code == 401
    assert shop.call("GET", target, signature="AAAA").status_code == 401
    assert shop.call("GET", "/v3/billdownload/file?token=another").status_code == 400
    assert shop.call("GET", "/v3/billdownload/file").status_code == 400


def test_an_address_grows_stale(open_at):
    shop = open_at(bill_link_seconds=0)
    trade(shop)
    shop.passes(TO_NEXT_MORNING)

    assert fetch(shop, apply(shop)).json()["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("call", ["tradebill", "fundflowbill"])
def test_a_day_on_which_nothing_happened_has_no_bill(open_at, call):
    shop = open_at()
    shop.prepay("UNPAID-0001")
    shop.passes(TO_NEXT_MORNING)

    refused = apply(shop, call)

    assert (refused.status_code, refused.json()["code"]) == (400, "NO_STATEMENT_EXIST")


@pytest.mark.parametrize(
    ("call", "query"),
    [
        ("tradebill", {"bill_type": "RECHARGE_REFUND"}),
        ("fundflowbill", {"account_type": "OPERATION"}),
    ],
)
def test_what_never_happens_here_has_no_bill(the_day_after, call, query):
    shop = the_day_after

    assert apply(shop, call, **query).json()["code"] == "NO_STATEMENT_EXIST"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "STATEMENT_CREATING"),
        ({"unmade_bill_code": "NO_STATEMENT_EXIST"}, "NO_STATEMENT_EXIST"),
    ],
)
def test_until_nine_the_next_morning_the_bill_is_being_made(open_at, settings, code):
    shop = open_at(**settings)
    trade(shop)
    shop.passes(TO_NEXT_MORNING - 5460 - 60 * 15 - 3)  # 08:59:59

    assert apply(shop).json()["code"] == code
    shop.passes(1)
    assert apply(shop).is_success


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"day": "2026-03-11"}, "INVALID_REQUEST"),
        ({"day": "2026-03-12"}, "INVALID_REQUEST"),
        ({"day": "2025-11-10"}, "INVALID_REQUEST"),
        ({"day": "20260310"}, "PARAM_ERROR"),
        ({"day": "2026-W11-2"}, "PARAM_ERROR"),
        ({"day": "2026-02-30"}, "PARAM_ERROR"),
        ({"day": ""}, "PARAM_ERROR"),
        ({"bill_type": "SOME"}, "PARAM_ERROR"),
        ({"tar_type": "ZIP"}, "PARAM_ERROR"),
    ],
)
def test_what_can_not_be_asked_for(the_day_after, query, code):
    shop = the_day_after

    assert apply(shop, **query).json()["code"] == code


def test_faults_of_the_file(the_day_after):
    shop = the_day_after
    whole = fetch(shop, apply(shop)).content

    shop.arm("bill_late")
    late = apply(shop)
    shop.arm("bill_wrong_hash")
    wrong = apply(shop)
    shop.arm("bill_truncated")
    cut = fetch(shop, wrong).content

    assert late.json()["code"] == "STATEMENT_CREATING"
    assert wrong.json()["hash_value"] != hashlib.sha1(whole).hexdigest()
    assert whole.startswith(cut)
    assert len(cut) < len(whole)
    assert fetch(shop, apply(shop)).content == whole


def test_what_is_planted_is_told_by_both_bills_and_their_own_totals(open_at):
    shop = open_at()
    trade(shop)
    for number in ("ORDER-0002", "ORDER-0003"):
        shop.paid(number)
    shop.passes(TO_NEXT_MORNING)
    for code in ("charge", "foreign", "refund", "reversal"):
        shop.arm("bill_row_added", code=code)
    shop.arm("bill_row_garbled")

    header, *rows, _, totals = bill(shop)
    funds = bill(shop, "fundflowbill")

    assert len(rows) == 10
    assert totals.startswith("`10.0,")
    assert sum("--" in row for row in rows) == 1
    assert len({value(row, header, "微信订单号") for row in rows}) == 6
    assert all(one <= two for one, two in pairwise(value(row, header, "交易时间") for row in rows))
    assert len(funds) == 1 + 4 * 2 + 2 + 4 + 2  # nobody keeps anything of what never happened
