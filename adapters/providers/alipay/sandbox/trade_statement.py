"""The trade bill (业务明细) and its summary, column by column. Source: REFERENCE.md §7.3, §7.4."""

from collections.abc import Sequence
from datetime import date

from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statement_text import comments, ending, line, signed_yuan
from adapters.providers.alipay.sandbox.trade import details_of
from adapters.providers.sandbox.records import Entry, EntryKind

LISTING = "业务明细"

HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,"
    "券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,"
    "分润（元）,备注"
)

SUMMARY_HEADER = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,"
    "商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)

#: What stands in an amount that can't be read.
GARBLED = "#.##"


def trade_lines(
    entries: Sequence[Entry], parties: Parties, rules: AlipayRules, day: date
) -> Sequence[str]:
    """The detail: a row per charge and refund, then how many and how much."""
    rows = [line(_row(entry, parties, rules)) for entry in entries]
    charged, refunded = (
        [e for e in entries if (e.kind is EntryKind.CHARGE) == side] for side in (True, False)
    )
    totals = (
        f"交易合计：{len(charged)}笔，商家实收共{_sum(charged)}元，商家优惠共0.00元",
        f"退款合计：{len(refunded)}笔，商家实收退款共{_sum(refunded)}元，商家优惠退款共0.00元",
    )
    head = comments("支付宝业务明细查询", LISTING, parties, day)
    return [*head, HEADER, *rows, *ending(LISTING, totals, day)]


def trade_summary_lines(
    entries: Sequence[Entry], parties: Parties, rules: AlipayRules, day: date
) -> Sequence[str]:
    """The summary: all of the merchant's trade is done in no store."""
    charged = [entry for entry in entries if entry.kind is EntryKind.CHARGE]
    counted = entries if rules.bill_sums_net else charged
    fees = -sum(entry.fee_fen for entry in counted)
    came = sum(_signed(entry) for entry in counted)
    sums = [
        str(len(charged)),
        str(len(entries) - len(charged)),
        signed_yuan(came),
        signed_yuan(came),
        *["0.00"] * 3,
        signed_yuan(fees),
        "0.00",
        signed_yuan(came + fees),
    ]
    head = comments("支付宝业务汇总查询", "业务汇总", parties, day)
    rows = [line(["\t", "\t", *sums])] if entries else []
    return [*head, SUMMARY_HEADER, *rows, line(["合计", "", *sums]), *ending("业务汇总", (), day)]


def _row(entry: Entry, parties: Parties, rules: AlipayRules) -> Sequence[str]:
    order, back = entry.order, entry.kind is not EntryKind.CHARGE
    amount = GARBLED if entry.garbled else signed_yuan(_signed(entry))
    body = details_of(order).body
    remark = (entry.refund.details.get("reason", "") if entry.refund else "") if back else body
    return [
        f"{order.provider_transaction_id}\t",
        f"{order.provider_order_no}\t",
        f"{_word(entry, rules)}\t",
        order.subject,
        to_text(details_of(order).scanned_at or order.created_at),
        to_text(entry.at),
        *["\t"] * 4,
        f"*某({parties.buyer_logon_id})\t",
        amount,
        amount,
        *["0.00"] * 5,
        "",
        "0.00\t",
        "0.00",
        f"{_request_no(entry, rules)}\t",
        signed_yuan(-entry.fee_fen),
        "0.00",
        remark,
    ]


def _word(entry: Entry, rules: AlipayRules) -> str:
    if entry.kind is EntryKind.CHARGE:
        return "交易"
    return rules.cancel_word if entry.kind is EntryKind.REVERSAL else "退款"


def _request_no(entry: Entry, rules: AlipayRules) -> str:
    if entry.refund is None or (entry.kind is EntryKind.REVERSAL and not rules.cancel_has_number):
        return ""
    return entry.refund.provider_refund_no


def _signed(entry: Entry) -> int:
    return entry.fen if entry.kind is EntryKind.CHARGE else -entry.fen


def _sum(entries: Sequence[Entry]) -> str:
    return signed_yuan(sum(_signed(entry) for entry in entries))
