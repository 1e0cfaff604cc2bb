"""The payer's phone: a page for a human who plays the customer."""

from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from adapters.providers.sandbox.faults import OPERATIONS, Faults
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Order
from adapters.providers.sandbox.tester import KnownProviders, find_order, named

if TYPE_CHECKING:
    from jinja2 import Template

#: A payer scrolls through so many orders, and callbacks, at most.
ORDERS_SHOWN = 50

#: What the providers' own words for an order's state mean to people.
STATES = {
    "NOTPAY": "待支付 · waiting for payment",
    "SUCCESS": "已支付 · paid",
    "REFUND": "已退款 · refunded",  # in part or in full
    "CLOSED": "已关闭 · closed",
    "UNSCANNED": "未扫码 · not scanned yet",
    "CODE_DEAD": "二维码已失效 · code expired",
    "WAIT_BUYER_PAY": "待支付 · waiting for payment",
    "TRADE_SUCCESS": "已支付 · paid",
    "TRADE_FINISHED": "已完成 · finished",
    "TRADE_CLOSED": "已关闭 · closed",
}

BEIJING = timezone(timedelta(hours=8))

#: The page loads nothing from anywhere, and nobody may frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@get("/", status_code=302)
async def find_phone() -> Redirect:
    """Lead whoever opens the bare address to the phone."""
    return Redirect("/sandbox")


@get("/sandbox", media_type=MediaType.HTML)
async def show_phone(
    world: NamedDependency[World],
    faults: NamedDependency[Faults],
    providers: KnownProviders,
    order: FromQuery[str | None] = None,
) -> Response[str]:
    for provider in providers.values():
        provider.pass_time()
    page = _template().render(
        chosen=find_order(world, order, named(providers, None)),
        asked_for=order,
        orders=list(reversed(world.book.orders()[-ORDERS_SHOWN:])),
        is_open=lambda each: _is_open(world, each),
        callbacks=world.book.pending_callbacks()[:ORDERS_SHOWN],
        providers=list(providers),
        armed=faults.armed(),
        kinds=faults.kinds(),
        operations=sorted(OPERATIONS),
        now=world.clock.now(),
    )
    return Response(page, media_type=MediaType.HTML, headers=HEADERS)


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader  # 0.1 s that a start need not wait for

    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, auto_reload=False
    )
    pages.filters["yuan"] = lambda fen: f"{fen // 100:,}.{fen % 100:02d}"
    pages.filters["beijing"] = lambda at: at.astimezone(BEIJING).strftime("%m-%d %H:%M:%S")
    pages.filters["in_words"] = lambda state: STATES.get(state, "—")
    return pages.get_template("phone.html")


def _is_open(world: World, order: Order) -> bool:
    expired = order.expires_at is not None and order.expires_at <= world.clock.now()
    return order.paid_at is None and order.closed_at is None and not expired


HANDLERS = (find_phone, show_phone)
