"""Bills written by hand from the protocol reference: a day of three payments and one refund."""

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path

DAY = date(2026, 3, 10)
MCHID = "1900000001"

HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
ROWS = """\
`2026-03-10 09:15:02,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000001,\
`T2026031000001,`oEXAMPLEopenid000000000000001,`JSAPI,`SUCCESS,`OTHERS,`CNY,`100.00,`0.00,\
`0,`0,`0.00,`0.00,`,`,`测试商品A,`,`0.60000,`0.60%,`100.00,`0.00,`
`2026-03-10 11:40:37,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000002,\
`T2026031000002,`oEXAMPLEopenid000000000000002,`NATIVE,`SUCCESS,`OTHERS,`CNY,`50.00,`5.00,\
`0,`0,`0.00,`0.00,`,`,`测试商品B,`shop=7,`0.30000,`0.60%,`50.00,`0.00,`
`2026-03-10 14:00:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000001,\
`T2026031000001,`oEXAMPLEopenid000000000000001,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,\
`50000000012026031000000000001,`R2026031000001,`30.00,`0.00,`ORIGINAL,`SUCCESS,`测试商品A,`,\
`-0.18000,`0.60%,`0.00,`30.00,`
`2026-03-10 20:05:11,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000003,\
`T2026031000003,`oEXAMPLEopenid000000000000003,`MWEB,`SUCCESS,`OTHERS,`CNY,`18.00,`0.00,\
`0,`0,`0.00,`0.00,`,`,`测试商品C,`,`0.11000,`0.60%,`20.00,`0.00,`
""".splitlines()
TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
    "`4.0,`168.00,`30.00,`0.0,`0.83,`170.00,`30.00",
)

SUCCESS_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
)
SUCCESS_ROW = (
    "`2026-03-10 09:15:02,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000001,"
    "`T2026031000001,`oEXAMPLEopenid000000000000001,`JSAPI,`SUCCESS,`OTHERS,`CNY,`100.00,`0.00,"
    "`测试商品A,`,`0.60000,`0.60%,`100.00,`"
)
SUCCESS_TOTALS = (
    "总交易单数,应结订单总金额,手续费总金额,订单总金额",
    "`1.0,`100.0,`0.6,`100.0",
)

REFUND_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,"
    "退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,"
    "费率备注"
)
REFUND_ROW = (
    "`2026-03-09 23:00:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000001202603100000000001,"
    "`T2026031000001,`oEXAMPLEopenid000000000000001,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,"
    "`2026-03-10 14:00:00,`2026-03-10 14:00:05,`50000000012026031000000000001,`R2026031000001,"
    "`30.00,`0.00,`ORIGINAL,`SUCCESS,`测试商品A,`,`-0.18000,`0.60%,`0.00,`30.00,`"
)
REFUND_TOTALS = (TOTALS[0], "`1.0,`0.0,`30.00,`0.0,`-0.18,`0.0,`30.00")

FUND_HEADER = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_ROWS = """\
`2026-03-10 09:15:02,`4200000001202603100000000001,`1900000001202603100000001,`交易,`交易,\
`收入,`100.00,`1100.00,`system,`,`T2026031000001
`2026-03-10 09:15:02,`4200000001202603100000000001,`1900000001202603100000002,`扣除交易手续费,\
`扣除交易手续费,`支出,`0.60,`1099.40,`system,`,`T2026031000001
`2026-03-10 14:00:00,`50000000012026031000000000001,`1900000001202603100000005,`退款,`退款,\
`支出,`29.82,`1069.58,`1900000001API,`退款总金额30.00元;含手续费0.18元,`R2026031000001
`2026-03-10 18:00:00,`W2026031000001,`1900000001202603100000006,`提现,`提现,`支出,\
`1000.00,`69.58,`system,`,`W-1
""".splitlines()
FUND_TOTALS = (
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
    "`4.0,`1.0,`100.00,`3.0,`1030.42",
)


def bill(
    rows: Sequence[str] = ROWS, *, header: str = HEADER, totals: Sequence[str] = TOTALS
) -> bytes:
    """The file as WeChat Pay writes it: a byte order mark, and CRLF at every end."""
    lines = [header, *rows, *totals]
    return b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode()


def a_file(folder: Path, content: bytes, *, packed: bool = False) -> str:
    path = folder / "bill"
    path.write_bytes(gzip.compress(content) if packed else content)
    return str(path)


def totals(**changes: str) -> Sequence[str]:
    """The day's totals with some of them told otherwise."""
    values = dict(zip(TOTALS[0].split(","), TOTALS[1].split(","), strict=True))
    return TOTALS[0], ",".join((values | {k: f"`{v}" for k, v in changes.items()}).values())


def reordered(line: str, *, separator: str = ",") -> str:
    """The columns the other way round."""
    if separator == ",`":
        return "`" + separator.join(reversed(line[1:].split(separator)))
    return separator.join(reversed(line.split(separator)))
