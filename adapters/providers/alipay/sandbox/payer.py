"""What the payer does with the phone. Source: REFERENCE.md §4.3."""

from typing import assert_never

from adapters.providers.alipay.sandbox import charge, trade
from adapters.providers.alipay.sandbox.desk import Desk
from adapters.providers.alipay.sandbox.trades import new_trade_no
from adapters.providers.sandbox.provider import PayerAction
from adapters.providers.sandbox.records import Order


def act(desk: Desk, order: Order, action: PayerAction) -> None:
    """Do it, or raise PayerRefused; paying scans first, if nobody has."""
    now = desk.now()
    if action is PayerAction.EXPIRE:
        desk.trades.keep(trade.expired(order, now), was=order)
        return
    scanned = trade.scanned(order, now, trade_no=new_trade_no(now))
    if scanned is not order:
        desk.trades.keep(scanned, was=order)
    match action:
        case PayerAction.PAY:
            desk.trades.keep(trade.paid(scanned, now), was=scanned)
        case PayerAction.PASSWORD if order.product == charge.PRODUCT:
            desk.trades.keep(trade.paid(scanned, now), was=scanned)
        case PayerAction.SCAN | PayerAction.PASSWORD | PayerAction.DECLINE:
            pass  # the trade goes on waiting: Alipay knows no declined order
        case _:
            assert_never(action)
