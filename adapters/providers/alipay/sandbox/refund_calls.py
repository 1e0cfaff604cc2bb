"""alipay.trade.refund and alipay.trade.fastpay.refund.query. Source: REFERENCE.md §5."""

from adapters.providers.alipay.sandbox import biz_content as asked
from adapters.providers.alipay.sandbox import trade
from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.buyer import buyer_of
from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.refused import Refused, business
from adapters.providers.alipay.sandbox.trade_calls import bill_of, numbers
from adapters.providers.alipay.sandbox.trades import BEFORE_THE_TRADE, NAME
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.provider import PayerRefused
from adapters.providers.sandbox.records import Order, Refund

#: Our own fault: the answer says that this call moved no money (§5.1). With `effect` it did.
NO_FUND_CHANGE = "no_fund_change"

#: The option, and the list it asks for: which channels the money went back by.
ITEMS = "refund_detail_item_list"


def refund(desk: Desk, request: Request) -> Fields:
    """Give money back at once; the same number and amount again moves nothing (§5.1)."""
    wanted = desk.read(request, asked.Refund)
    detailed = ITEMS in wanted.query_options
    amount = asked.fen_of(wanted.refund_amount)
    order = desk.trades.trade(wanted)
    if wanted.out_request_no is None and amount != order.amount:
        raise business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    number = wanted.out_request_no or order.provider_order_no
    earlier = _made_under(desk, order, number)
    if earlier is not None:
        if earlier.amount != amount:
            raise business("ACQ.DISCORDANT_REPEAT_REQUEST")
        return _answer(desk, order, earlier, fund_change="N", detailed=detailed)
    after = trade.refunded(order, desk.now(), amount, desk.trades.refunds_of(order))
    made = _new(desk, order, number, amount, wanted.refund_reason or "")
    flaw = request.struck.get(NO_FUND_CHANGE)
    if flaw is None or flaw.effect:
        desk.trades.keep(after, was=order, refund=made)
    fund_change = "Y" if flaw is None else "N"
    return _answer(desk, order, made, fund_change=fund_change, detailed=detailed)


def refund_on_site(desk: Desk, order: Order, number: str, amount: int, reason: str) -> None:
    """Give money back past all merchants' systems; raise PayerRefused where the site would."""
    if order.state in BEFORE_THE_TRADE or _made_under(desk, order, number):
        raise PayerRefused("没有可退款的交易 Nothing to refund under this number")
    try:
        after = trade.refunded(order, desk.now(), amount, desk.trades.refunds_of(order))
    except Refused as why:
        raise PayerRefused(f"{why.sub_message} {why.sub_code}") from None
    desk.trades.keep(after, was=order, refund=_new(desk, order, number, amount, reason))


def query_refund(desk: Desk, request: Request) -> Fields:
    """Tell of one refund; an unknown number is no error and has no data (§5.2)."""
    wanted = desk.read(request, asked.RefundQuery)
    order = desk.trades.trade(wanted)
    made = _made_under(desk, order, wanted.out_request_no)
    if made is None or desk.now() < made.created_at + desk.rules.refund_shows_after:
        return {}
    paid_back = {"gmt_refund_pay": to_text(made.created_at)}
    reason = {"refund_reason": made.details["reason"]} if made.details.get("reason") else {}
    return {
        **numbers(order),
        "out_request_no": made.provider_refund_no,
        "refund_amount": to_yuan(made.amount),
        "refund_status": made.state,
        "total_amount": to_yuan(order.amount),
        **reason,
        **(paid_back if "gmt_refund_pay" in wanted.query_options else {}),
        **({ITEMS: bill_of(made.amount)} if ITEMS in wanted.query_options else {}),
    }


def _made_under(desk: Desk, order: Order, number: str) -> Refund | None:
    refunds = desk.trades.refunds_of(order)
    return next((made for made in refunds if made.provider_refund_no == number), None)


def _new(desk: Desk, order: Order, number: str, amount: int, reason: str) -> Refund:
    return Refund(
        provider=NAME,
        merchant=order.merchant,
        provider_refund_no=number,
        provider_order_no=order.provider_order_no,
        amount=amount,
        state="REFUND_SUCCESS",
        created_at=desk.now(),
        succeeded_at=desk.now(),
        details={"reason": reason},
    )


def _answer(desk: Desk, order: Order, made: Refund, *, fund_change: str, detailed: bool) -> Fields:
    """`refund_fee` is all that went back so far, `send_back_fee` this refund (§5.1)."""
    total = sum(each.amount for each in desk.trades.refunds_of(order))
    return {
        **numbers(order),
        **buyer_of(order, desk.parties),
        "fund_change": fund_change,
        "gmt_refund_pay": to_text(made.created_at),
        "refund_fee": to_yuan(total),
        "send_back_fee": to_yuan(made.amount),
        **({ITEMS: bill_of(made.amount)} if detailed else {}),
    }
