"""What may happen to an order, when, and what it is then. Pure; the caller keeps the result."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from adapters.providers.alipay.sandbox.deadlines import login_deadline
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.sandbox.provider import PayerRefused
from adapters.providers.sandbox.records import Order, Refund

S = TradeStatus

#: What the payer's app says, by what the order is.
TOLD_TO_PAYER = {
    S.CODE_DEAD: "二维码或链接已失效 The code or link has expired",
    S.WAIT_BUYER_PAY: "等待付款 Waiting for payment",
    S.TRADE_SUCCESS: "交易已支付 Already paid",
    S.TRADE_FINISHED: "交易已完结 Finished",
    S.TRADE_CLOSED: "交易已关闭 Closed",
}


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What only Alipay's orders carry."""

    body: str = ""
    passback_params: str = ""
    scanned_at: datetime | None = None  # `gmt_create`: the trade exists from here on (§4.3)
    cancelled: bool = False
    timeout_express: str = ""  # of a link whose time runs from the login (§3.3)
    return_url: str = ""
    quit_url: str = ""
    buyer_id: str = ""  # the only one who may pay; empty: whoever comes
    buyer_open_id: str = ""


def details_of(order: Order) -> Details:
    """Read what only Alipay's orders carry."""
    return msgspec.convert(order.details, Details)


def with_details(order: Order, **changes: Any) -> Order:
    """Change what only Alipay's orders carry; any field of Details by its name."""
    return replace(order, details=msgspec.to_builtins(replace(details_of(order), **changes)))


def next_deadline(order: Order, rules: AlipayRules) -> datetime | None:
    """When time alone changes the order next (§3.3, §4.2)."""
    match order.state:
        case S.UNSCANNED:
            return order.codes[-1].expires_at if order.codes else order.expires_at
        case S.WAIT_BUYER_PAY:
            return order.expires_at
        case S.TRADE_SUCCESS if order.paid_at is not None:
            return order.paid_at + rules.refund_window
    return None


def as_of(order: Order, now: datetime, rules: AlipayRules) -> Order:
    """What time alone has made of the order by now."""
    deadline = next_deadline(order, rules)
    if deadline is None or now < deadline:
        return order
    if order.state == S.TRADE_SUCCESS:
        return replace(order, state=S.TRADE_FINISHED)
    return expired(order, deadline)


def scanned(order: Order, now: datetime, *, trade_no: str) -> Order:
    """The payer opens the cashier: the trade comes into being, once."""
    if order.state == S.WAIT_BUYER_PAY:
        return order
    if order.state != S.UNSCANNED:
        raise PayerRefused(TOLD_TO_PAYER[S(order.state)])
    ends = order.expires_at or login_deadline(details_of(order).timeout_express, now)
    waiting = replace(
        order, state=S.WAIT_BUYER_PAY, provider_transaction_id=trade_no, expires_at=ends
    )
    return with_details(waiting, scanned_at=now)


def paid(order: Order, now: datetime) -> Order:
    """The payer pays; only a waiting trade takes money, and takes it once."""
    if order.state != S.WAIT_BUYER_PAY:
        raise PayerRefused(TOLD_TO_PAYER[S(order.state)])
    return replace(order, state=S.TRADE_SUCCESS, paid_at=now, charges=order.charges + 1)


def expired(order: Order, now: datetime) -> Order:
    """The time of the code, or of the waiting trade, is over."""
    match order.state:
        case S.UNSCANNED:
            return replace(order, state=S.CODE_DEAD, closed_at=now)
        case S.WAIT_BUYER_PAY:
            return replace(_closed(order, now), expires_at=now)
    raise PayerRefused(TOLD_TO_PAYER[S(order.state)])


def closed(order: Order, now: datetime, rules: AlipayRules) -> Order:
    """alipay.trade.close: only what waits for the payer (§4.4)."""
    if order.state != S.WAIT_BUYER_PAY:
        raise business(rules.not_closable)
    return _closed(order, now)


def refunded(order: Order, now: datetime, amount: int, earlier: Sequence[Refund]) -> Order:
    """alipay.trade.refund: `amount` fen more go back, under a number that is new (§5.1)."""
    match order.state:
        case S.TRADE_CLOSED:
            raise business("ACQ.TRADE_HAS_CLOSE")
        case S.TRADE_FINISHED:
            raise business("ACQ.TRADE_HAS_FINISHED")
        case S.WAIT_BUYER_PAY:
            raise business("ACQ.TRADE_STATUS_ERROR")
    after = sum(refund.amount for refund in earlier) + amount
    if after > order.amount:
        raise business("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    return _closed(order, now) if after == order.amount else order


def cancelled(order: Order, now: datetime, rules: AlipayRules, earlier: Sequence[Refund]) -> Order:
    """alipay.trade.cancel: what waits is closed, what is paid goes back whole (§4.5)."""
    if details_of(order).cancelled:
        return order
    match order.state:
        case S.WAIT_BUYER_PAY:
            return with_details(_closed(order, now), cancelled=True)
        case S.TRADE_FINISHED:
            raise business("ACQ.TRADE_HAS_FINISHED")
    if earlier:
        raise business("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    if order.state == S.TRADE_CLOSED:
        return order
    if order.paid_at is None or now >= order.paid_at + rules.cancel_window:
        raise business("ACQ.TRADE_CANCEL_TIME_OUT")
    return with_details(_closed(order, now), cancelled=True)


def _closed(order: Order, at: datetime) -> Order:
    return replace(order, state=S.TRADE_CLOSED, closed_at=at)
