"""The payer's phone: a page for a human who plays the customer."""

from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromQuery
from litestar.response import Redirect

from adapters.providers.sandbox.barcode import bars
from adapters.providers.sandbox.faults import OPERATIONS, ROW_KINDS, Faults
from adapters.providers.sandbox.provider import PayerRefused, World
from adapters.providers.sandbox.records import Order
from adapters.providers.sandbox.tester import (
    RETURN_MARK,
    KnownProviders,
    find_order,
    named,
    opened,
)
from adapters.providers.sandbox.wallet import BEGINNINGS, Wallet, new_auth_code

if TYPE_CHECKING:
    from jinja2 import Template

#: A payer scrolls through so many orders, and callbacks, at most.
ORDERS_SHOWN = 15

#: What the providers' own words for an order's state mean to people.
STATES = {
    "NOTPAY": "待支付 · waiting for payment",
    "SUCCESS": "已支付 · paid",
    "REFUND": "已退款 · refunded",  # in part or in full
    "CLOSED": "已关闭 · closed",
    "USERPAYING": "待输密码 · needs password",
    "REVOKED": "已撤销 · reversed",
    "PAYERROR": "支付失败 · payment failed",
    "UNSCANNED": "未扫码 · not scanned yet",
    "CODE_DEAD": "二维码已失效 · code expired",
    "WAIT_BUYER_PAY": "待支付 · waiting for payment",
    "TRADE_SUCCESS": "已支付 · paid",
    "TRADE_FINISHED": "已完成 · finished",
    "TRADE_CLOSED": "已关闭 · closed",
}

#: The phone's screen for each product, and what people call that way to pay.
WAYS = {
    "native": ("scan", "扫码支付 · QR code"),
    "qr": ("scan", "扫码支付 · QR code"),
    "jsapi": ("sheet", "应用内 · in-app page"),
    "mini_program": ("sheet", "小程序 · mini program"),
    "app": ("sheet", "APP 支付 · from another app"),
    "h5": ("browser", "手机浏览器 · mobile browser"),
    "wap": ("browser", "手机浏览器 · mobile browser"),
    "page": ("browser", "电脑网页 · web page"),
    "code": ("code", "付款码 · payment code"),
}

#: A charged code waits for its payer in these states only.
AWAITS_PASSWORD = ("USERPAYING", "WAIT_BUYER_PAY")

#: What each wallet's code will do when it is charged.
BEHAVIOURS = {
    Wallet.PAYS: "马上付款 · pays at once",
    Wallet.ASKS_PASSWORD: "要输密码 · asks for the password",
    Wallet.HAS_NO_BALANCE: "余额不足 · has no balance",
    Wallet.SHOWS_STALE_CODE: "码已过期 · the code is stale",
    Wallet.IS_REFUSED: "银行拒绝 · the bank refuses",
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
    chosen = _find(world, providers, order)
    page = _template().render(
        chosen=chosen,
        asked_for=order,
        awaits_payer=chosen is not None and _awaits_payer(world, chosen),
        refunds=world.book.refunds_of(chosen) if chosen else (),
        refundable=_refundable(world, chosen) if chosen else 0,
        back=_way_back(order or ""),
        orders=list(reversed(world.book.orders()[-ORDERS_SHOWN:])),
        is_open=lambda each: _is_open(world, each),
        callbacks=world.book.pending_callbacks()[:ORDERS_SHOWN],
        providers=list(providers),
        wallets=[name for name in BEGINNINGS if name in providers],
        behaviours={wallet.name.lower(): words for wallet, words in BEHAVIOURS.items()},
        key_steps={name: provider.key_steps for name, provider in providers.items()},
        armed=faults.armed(),
        kinds=faults.kinds(),
        operations=sorted(OPERATIONS),
        row_kinds=" ".join(sorted(ROW_KINDS)),
        now=world.clock.now(),
    )
    return Response(page, media_type=MediaType.HTML, headers=HEADERS)


@get("/sandbox/payment-code")
async def show_payment_code(
    provider: FromQuery[str], wallet: FromQuery[str] = "pays"
) -> dict[str, str]:
    names = {each.name.lower(): each for each in Wallet}
    if provider not in BEGINNINGS or wallet not in names:
        raise ClientException(f"known: {', '.join(BEGINNINGS)}; {', '.join(names)}")
    auth_code = new_auth_code(provider, names[wallet])
    return {"auth_code": auth_code, "bars": bars(auth_code)}


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader  # 0.1 s that a start need not wait for

    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, auto_reload=False
    )
    pages.filters["yuan"] = lambda fen: f"{fen // 100:,}.{fen % 100:02d}"
    pages.filters["beijing"] = lambda at: at.astimezone(BEIJING).strftime("%m-%d %H:%M:%S")
    pages.filters["in_words"] = lambda state: STATES.get(state, "—")
    pages.filters["way_to_pay"] = lambda order: WAYS.get(order.product, ("scan", ""))
    return pages.get_template("phone.html")


def _find(world: World, providers: KnownProviders, wanted: str | None) -> Order | None:
    """Find by number or by what leads there; a link that tells its own order is opened."""
    names = named(providers, None)
    try:
        return find_order(world, wanted, names) or opened(providers, wanted, names)
    except PayerRefused:
        return None


def _is_open(world: World, order: Order) -> bool:
    expired = order.expires_at is not None and order.expires_at <= world.clock.now()
    return order.paid_at is None and order.closed_at is None and not expired


def _awaits_payer(world: World, order: Order) -> bool:
    """Tell whether the phone has anything left to do."""
    return _is_open(world, order) and (order.product != "code" or order.state in AWAITS_PASSWORD)


def _refundable(world: World, order: Order) -> int:
    given = sum(each.amount for each in world.book.refunds_of(order) if each.state != "CLOSED")
    return order.amount - given


def _way_back(asked_for: str) -> str:
    """Where a browser returns to, if the merchant said so and it is a page's address."""
    address = unquote(asked_for.partition(RETURN_MARK)[2])
    return address if address.startswith(("https://", "http://")) else ""


HANDLERS = (find_phone, show_phone, show_payment_code)
