"""What all ways to order share: who sells, where to tell, and the same number once more."""

from datetime import datetime
from typing import Any

from adapters.providers.alipay.sandbox.biz_content import fen_of
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.order_content import OrderContent
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.trade import with_details
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import NAME
from adapters.providers.sandbox.records import Code, Order


def check_seller(desk: Desk, wanted: OrderContent) -> None:
    """Orders are the account's own; Refused for another seller."""
    if wanted.seller_id not in {None, "", desk.parties.seller_id}:
        raise business("ACQ.SELLER_NOT_EXIST")


def new_order(
    desk: Desk,
    wanted: OrderContent,
    request: Request,
    *,
    product: str,
    expires_at: datetime | None,
    codes: tuple[Code, ...] = (),
    **details: Any,
) -> Order:
    """An order nobody opened yet, not kept yet; `details` by the names of Details."""
    order = Order(
        provider=NAME,
        merchant=desk.parties.seller_id,
        provider_order_no=wanted.out_trade_no,
        amount=fen_of(wanted.total_amount),
        subject=wanted.subject,
        state=TradeStatus.UNSCANNED,
        created_at=desk.now(),
        product=product,
        expires_at=expires_at,
        codes=codes,
        notify_url=address(request, "notify_url") or None,
    )
    return with_details(
        order,
        body=wanted.body or "",
        passback_params=wanted.passback_params or "",
        **details,
    )


def check_open(order: Order) -> None:
    """Refused where the number's earlier order is paid or closed (§3.6, §8.3)."""
    match order.state:
        case TradeStatus.TRADE_SUCCESS | TradeStatus.TRADE_FINISHED:
            raise business("ACQ.TRADE_HAS_SUCCESS")
        case TradeStatus.TRADE_CLOSED:
            raise business("ACQ.TRADE_HAS_CLOSE")


def check_same(order: Order, wanted: OrderContent, *, product: str) -> None:
    """Refused where the same number was used for something else."""
    asked = (fen_of(wanted.total_amount), wanted.subject, product)
    if asked != (order.amount, order.subject, order.product):
        raise business("ACQ.CONTEXT_INCONSISTENT")


def address(request: Request, name: str) -> str:
    """An address among the parameters: http or https, at most 256 characters (§1.3)."""
    url = request.parameters.get(name, "").strip()
    if url and not (url.startswith(("http://", "https://")) and len(url) <= 256):
        raise business("ACQ.INVALID_PARAMETER", name)
    return url
