"""alipay.trade.precreate: a code for the payer to scan. Source: REFERENCE.md §3.6."""

import secrets
from datetime import datetime

from msgspec.structs import replace

from adapters.providers.alipay.sandbox.biz_content import Precreate, fen_of
from adapters.providers.alipay.sandbox.deadlines import code_deadline, order_deadline
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.trade import with_details
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import NAME
from adapters.providers.sandbox.records import Code, Order


def precreate(desk: Desk, request: Request) -> dict[str, str]:
    """Hand out a code; no trade exists until somebody scans it (§4.3)."""
    wanted = desk.read(request, Precreate)
    if wanted.seller_id not in {None, "", desk.parties.seller_id}:
        raise business("ACQ.SELLER_NOT_EXIST")
    earlier = desk.trades.order(wanted.out_trade_no)
    order = (
        _new(desk, wanted, _notify_url(request))
        if earlier is None
        else _again(desk, wanted, earlier)
    )
    return {"out_trade_no": order.provider_order_no, "qr_code": order.codes[-1].url}


def _new(desk: Desk, wanted: Precreate, notify_url: str | None) -> Order:
    now = desk.now()
    ends = order_deadline(wanted, now)
    order = Order(
        provider=NAME,
        merchant=desk.parties.seller_id,
        provider_order_no=wanted.out_trade_no,
        amount=fen_of(wanted.total_amount),
        subject=wanted.subject,
        state=TradeStatus.UNSCANNED,
        created_at=now,
        expires_at=ends,
        codes=(_new_code(wanted, now, ends),),
        notify_url=notify_url,
    )
    order = with_details(
        order, body=wanted.body or "", passback_params=wanted.passback_params or ""
    )
    desk.trades.keep(order)
    return order


def _again(desk: Desk, wanted: Precreate, order: Order) -> Order:
    """The same number once more; what a repeat gets is a choice (§3.6, unverified)."""
    match order.state:
        case TradeStatus.TRADE_SUCCESS | TradeStatus.TRADE_FINISHED:
            raise business("ACQ.TRADE_HAS_SUCCESS")
        case TradeStatus.TRADE_CLOSED:
            raise business("ACQ.TRADE_HAS_CLOSE")
    if (fen_of(wanted.total_amount), wanted.subject) != (order.amount, order.subject):
        raise business("ACQ.CONTEXT_INCONSISTENT")
    if not desk.rules.repeats_the_code:
        raise business("ACQ.APPLY_PC_MERCHANT_CODE_ERROR")
    return _renewed(desk, wanted, order) if order.state == TradeStatus.CODE_DEAD else order


def _renewed(desk: Desk, wanted: Precreate, order: Order) -> Order:
    """Nobody scanned the old code in time: the order gets a fresh one and a fresh deadline."""
    now = desk.now()
    ends = order_deadline(wanted, now)
    fresh = replace(
        order,
        state=TradeStatus.UNSCANNED,
        closed_at=None,
        expires_at=ends,
        codes=(*order.codes, _new_code(wanted, now, ends)),
    )
    desk.trades.keep(fresh)
    return fresh


def _new_code(wanted: Precreate, now: datetime, order_ends: datetime) -> Code:
    url = f"https://qr.alipay.com/bax0{secrets.token_hex(10)}"
    return Code(url=url, expires_at=code_deadline(wanted, now, order_ends=order_ends))


def _notify_url(request: Request) -> str | None:
    """The address for notifies: http or https, at most 256 characters (§1.3)."""
    url = request.parameters.get("notify_url", "").strip()
    if url and not (url.startswith(("http://", "https://")) and len(url) <= 256):
        raise business("ACQ.INVALID_PARAMETER", "notify_url")
    return url or None
