"""Page, wap and app: links a merchant signs and a payer opens. Source: REFERENCE.md §3.4, §3.5.

Alipay hears of such an order when it is opened, never before.
"""

from dataclasses import dataclass

from adapters.providers.alipay.sandbox.deadlines import link_deadline
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.order_content import AppPay, OrderContent, PagePay, WapPay
from adapters.providers.alipay.sandbox.ordering import (
    address,
    check_same,
    check_seller,
    new_order,
)
from adapters.providers.sandbox.records import Order


@dataclass(frozen=True, slots=True)
class Link:
    """One such API: what it is asked with, and where a relative deadline runs from (§3.3)."""

    content: type[OrderContent]
    product: str
    runs_from_login: bool


LINKS: dict[str, Link] = {
    "alipay.trade.page.pay": Link(PagePay, "page", runs_from_login=False),
    "alipay.trade.wap.pay": Link(WapPay, "wap", runs_from_login=True),
    "alipay.trade.app.pay": Link(AppPay, "app", runs_from_login=True),
}


def open_link(desk: Desk, request: Request) -> Order:
    """The order behind a link, new at its first opening; Refused where the payer sees an error."""
    link = LINKS[request.parameters["method"]]
    wanted = desk.read(request, link.content)
    check_seller(desk, wanted)
    order = desk.trades.order(wanted.out_trade_no)
    if order is None:
        order = _new(desk, wanted, request, link)
        desk.trades.keep(order)
    elif not desk.rules.links_to_the_original:
        check_same(order, wanted, product=link.product)
    return order


def _new(desk: Desk, wanted: OrderContent, request: Request, link: Link) -> Order:
    now = desk.now()
    # An app's own pages take the payer back: `return_url` counts for browsers only (§1.3).
    way_back = "" if link.content is AppPay else address(request, "return_url")
    return new_order(
        desk,
        wanted,
        request,
        product=link.product,
        expires_at=link_deadline(wanted, now, runs_from_login=link.runs_from_login),
        timeout_express=wanted.timeout_express or "" if link.runs_from_login else "",
        return_url=way_back,
        quit_url=wanted.quit_url or "" if isinstance(wanted, WapPay) else "",
    )
