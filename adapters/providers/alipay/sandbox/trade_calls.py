"""alipay.trade.query, close and cancel. Source: REFERENCE.md §4."""

from adapters.providers.alipay.sandbox import trade
from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.biz_content import TradeReference
from adapters.providers.alipay.sandbox.buyer import buyer_of
from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.refused import Refused
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import NAME
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.records import Order, Refund

#: Our own fault: the cancel is to be called again (§4.5). With `effect` it was done all the same.
RETRY_FLAG = "retry_flag"


def query(desk: Desk, request: Request) -> Fields:
    """Tell what a trade is; money fields are "0.00" until it is paid."""
    wanted = desk.read(request, TradeReference)
    order = desk.trades.trade(wanted)
    paid = {"send_pay_date": to_text(order.paid_at)} if order.paid_at else {}
    listed = order.paid_at and "fund_bill_list" in wanted.query_options
    return {
        **numbers(order),
        **buyer_of(order, desk.parties),
        "buyer_user_type": "PRIVATE",
        "trade_status": order.state,
        "total_amount": to_yuan(order.amount),
        **received(order),
        **paid,
        **({"fund_bill_list": bill_of(order.amount)} if listed else {}),
    }


def close(desk: Desk, request: Request) -> dict[str, str]:
    """Close a trade that waits for its payer (§4.4)."""
    order = desk.trades.trade(desk.read(request, TradeReference))
    desk.trades.keep(trade.closed(order, desk.now(), desk.rules), was=order)
    return numbers(order)


def cancel(desk: Desk, request: Request) -> dict[str, str]:
    """Undo whatever there is: close, refund, or nothing at all (§4.5)."""
    reference = desk.read(request, TradeReference)
    flaw = request.struck.get(RETRY_FLAG)
    if flaw is None or flaw.effect:
        answer = _cancel(desk, reference)
        return answer if flaw is None else {**answer, "retry_flag": "Y"}
    return {**_echo(reference), "retry_flag": "Y"}


def _cancel(desk: Desk, reference: TradeReference) -> dict[str, str]:
    try:
        order = desk.trades.trade(reference)
    except Refused:
        return _cancel_without_trade(desk, reference)
    after = trade.cancelled(order, desk.now(), desk.rules, desk.trades.refunds_of(order))
    if after is not order:
        refund = _whole_refund(desk, order) if order.paid_at else None
        desk.trades.keep(after, was=order, refund=refund)
    action = "refund" if order.paid_at else "close"
    return {**numbers(order), "retry_flag": "N", "action": action}


def numbers(order: Order) -> dict[str, str]:
    """Both numbers of a trade."""
    return {
        "out_trade_no": order.provider_order_no,
        "trade_no": order.provider_transaction_id or "",
    }


def received(order: Order) -> dict[str, str]:
    """What came in, in the four fields that tell of it; "0.00" until it is paid."""
    came = to_yuan(order.amount if order.paid_at else 0)
    return {
        "buyer_pay_amount": came,
        "invoice_amount": came,
        "receipt_amount": came,
        "point_amount": "0.00",
    }


def bill_of(fen: int) -> list[dict[str, str]]:
    """Which channel the money took: all of it the balance of the account."""
    return [{"amount": to_yuan(fen), "fund_channel": "ALIPAYACCOUNT"}]


def _cancel_without_trade(desk: Desk, reference: TradeReference) -> dict[str, str]:
    order = desk.trades.order(reference.out_trade_no or "")
    if order and order.state == TradeStatus.UNSCANNED and desk.rules.cancel_kills_code:
        desk.trades.keep(trade.expired(order, desk.now()), was=order)
    return {**_echo(reference), "retry_flag": "N"}


def _echo(reference: TradeReference) -> dict[str, str]:
    return {"out_trade_no": reference.out_trade_no} if reference.out_trade_no else {}


def _whole_refund(desk: Desk, order: Order) -> Refund:
    """The money a cancel gives back; it has no number of its own but the order's (§5.1)."""
    return Refund(
        provider=NAME,
        merchant=order.merchant,
        provider_refund_no=order.provider_order_no,
        provider_order_no=order.provider_order_no,
        amount=order.amount,
        state="REFUND_SUCCESS",
        created_at=desk.now(),
        succeeded_at=desk.now(),
    )
