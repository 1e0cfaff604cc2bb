"""alipay.trade.precreate: a code for the payer to scan. Source: REFERENCE.md §3.6."""

import secrets
from datetime import datetime

from msgspec.structs import replace

from adapters.providers.alipay.sandbox.deadlines import FACE_TO_FACE, code_deadline, order_deadline
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.order_content import Precreate
from adapters.providers.alipay.sandbox.ordering import (
    check_open,
    check_same,
    check_seller,
    new_order,
)
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.sandbox.records import Code, Order

PRODUCT = "qr"


def precreate(desk: Desk, request: Request) -> dict[str, str]:
    """Hand out a code; no trade exists until somebody scans it (§4.3)."""
    wanted = desk.read(request, Precreate)
    check_seller(desk, wanted)
    earlier = desk.trades.order(wanted.out_trade_no)
    order = _new(desk, wanted, request) if earlier is None else _again(desk, wanted, earlier)
    return {"out_trade_no": order.provider_order_no, "qr_code": order.codes[-1].url}


def _new(desk: Desk, wanted: Precreate, request: Request) -> Order:
    now = desk.now()
    ends = order_deadline(wanted, now, default=FACE_TO_FACE)
    codes = (_new_code(wanted, now, ends),)
    order = new_order(desk, wanted, request, product=PRODUCT, expires_at=ends, codes=codes)
    desk.trades.keep(order)
    return order


def _again(desk: Desk, wanted: Precreate, order: Order) -> Order:
    """The same number once more; what a repeat gets is a choice (§3.6, unverified)."""
    check_open(order)
    check_same(order, wanted, product=PRODUCT)
    if not desk.rules.repeats_the_code:
        raise business("ACQ.APPLY_PC_MERCHANT_CODE_ERROR")
    return _renewed(desk, wanted, order) if order.state == TradeStatus.CODE_DEAD else order


def _renewed(desk: Desk, wanted: Precreate, order: Order) -> Order:
    """Nobody scanned the old code in time: the order gets a fresh one and a fresh deadline."""
    now = desk.now()
    ends = order_deadline(wanted, now, default=FACE_TO_FACE)
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
