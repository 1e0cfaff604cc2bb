"""The trade bill in its three types (§7.5)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from adapters.providers.sandbox.records import Entry, EntryKind
from adapters.providers.wechat_pay.sandbox.bill_day import status_of
from adapters.providers.wechat_pay.sandbox.bill_text import bill_text, count, moment, total, yuan
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

ALL, SUCCESS, REFUND = "ALL", "SUCCESS", "REFUND"

_ORDER = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号",
    "用户标识", "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额",
)  # fmt: skip
_TIMES = ("退款申请时间", "退款成功时间")
_REFUND = (
    "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态",
)  # fmt: skip
_GOODS = ("商品名称", "商户数据包", "手续费", "费率", "订单金额")

COLUMNS: Mapping[str, Sequence[str]] = {
    ALL: (*_ORDER, *_REFUND, *_GOODS, "申请退款金额", "费率备注"),
    SUCCESS: (*_ORDER, *_GOODS, "费率备注"),
    REFUND: (*_ORDER, *_TIMES, *_REFUND, *_GOODS, "申请退款金额", "费率备注"),
}

#: Each type's totals: how many rows, then the sums of these columns.
TOTALS: Mapping[str, Mapping[str, str]] = {
    ALL: {
        "应结订单总金额": "应结订单金额",
        "退款总金额": "退款金额",
        "充值券退款总金额": "充值券退款金额",
        "手续费总金额": "手续费",
        "订单总金额": "订单金额",
        "申请退款总金额": "申请退款金额",
    },
    SUCCESS: {
        "应结订单总金额": "应结订单金额",
        "手续费总金额": "手续费",
        "订单总金额": "订单金额",
    },
}

#: Which rows a type has.
TELLS: Mapping[str, Callable[[Entry], bool]] = {
    ALL: lambda _: True,
    SUCCESS: lambda entry: entry.kind is EntryKind.CHARGE,
    REFUND: lambda entry: entry.kind is not EntryKind.CHARGE,
}

STATES: Mapping[EntryKind, str] = {
    EntryKind.CHARGE: "SUCCESS",
    EntryKind.REFUND: "REFUND",
    EntryKind.REVERSAL: "REVOKED",
}

#: What stands where an amount can't be read.
GARBLED = "--"


def trade_bill(
    entries: Sequence[Entry],
    bill_type: str,
    settings: WeChatPaySandboxSettings,
    made_at: datetime,
) -> bytes | None:
    """Write the bill as it was made then; None if there is nothing to tell."""
    told = [entry for entry in entries if TELLS[bill_type](entry)]
    if not told:
        return None
    columns = COLUMNS[bill_type]
    rows = []
    for entry in told:
        row = _row(entry, settings, made_at)
        rows.append([row[name] for name in columns])
    sums = [_amounts(entry) for entry in told]
    totals = {"总交易单数": count(len(told))}
    for name, column in TOTALS.get(bill_type, TOTALS[ALL]).items():
        totals[name] = total(sum(each[column] for each in sums))
    return bill_text(columns, rows, totals)


def _amounts(entry: Entry) -> Mapping[str, int]:
    """Every amount of a row, fen. No coupon is ever used here."""
    charged = entry.fen if entry.kind is EntryKind.CHARGE else 0
    back = entry.fen - charged
    return {
        "应结订单金额": charged,
        "代金券金额": 0,
        "退款金额": back,
        "充值券退款金额": 0,
        "手续费": entry.fee_fen,
        "订单金额": charged,
        "申请退款金额": back,
    }


def _row(entry: Entry, settings: WeChatPaySandboxSettings, made_at: datetime) -> Mapping[str, str]:
    row = _order_part(entry, settings) | _refund_part(entry, made_at)
    row |= {name: yuan(fen) for name, fen in _amounts(entry).items()}
    row["手续费"] += "000"
    if entry.garbled:
        row["订单金额" if entry.kind is EntryKind.CHARGE else "申请退款金额"] = GARBLED
    return row


def _order_part(entry: Entry, settings: WeChatPaySandboxSettings) -> dict[str, str]:
    order, request = entry.order, entry.order.details["request"]
    return {
        "交易时间": moment(entry.at),
        "公众账号ID": request["appid"],
        "商户号": order.merchant,
        "特约商户号": "0",
        "设备号": request.get("scene_info", {}).get("device_id", ""),
        "微信订单号": order.provider_transaction_id or "",
        "商户订单号": order.provider_order_no,
        "用户标识": order.details["openid"],
        "交易类型": order.details["trade_type"],
        "交易状态": STATES[entry.kind],
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "商品名称": order.subject,
        "商户数据包": request.get("attach", ""),
        "费率": f"{settings.fee_rate * 100:.2f}%",
        "费率备注": "",
    }


def _refund_part(entry: Entry, made_at: datetime) -> dict[str, str]:
    part = {"微信退款单号": "0", "商户退款单号": "0", "退款类型": "", "退款状态": ""}
    part |= dict.fromkeys(_TIMES, "")
    if entry.kind is EntryKind.CHARGE:
        return part
    refund = entry.refund
    status = "SUCCESS" if refund is None else status_of(refund, made_at)
    ended = entry.at if refund is None else refund.succeeded_at
    return {
        "微信退款单号": refund_id(entry),
        "商户退款单号": refund.provider_refund_no if refund else "0",
        "退款类型": "ORIGINAL",
        "退款状态": status,
        "退款申请时间": moment(entry.at),
        "退款成功时间": moment(ended) if ended and status == "SUCCESS" else "",
    }


def refund_id(entry: Entry) -> str:
    """The platform's number of what goes back; a reversal's is of its transaction."""
    if entry.refund and entry.refund.provider_refund_id:
        return entry.refund.provider_refund_id
    return f"50{(entry.order.provider_transaction_id or '')[2:]}0"
