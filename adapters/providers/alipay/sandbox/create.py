"""alipay.trade.create: a trade for one payer inside Alipay's app. Source: REFERENCE.md §3.7."""

from msgspec.structs import replace

from adapters.providers.alipay.sandbox import trade
from adapters.providers.alipay.sandbox.deadlines import FACE_TO_FACE, OTHERWISE, order_deadline
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.order_content import Create
from adapters.providers.alipay.sandbox.ordering import (
    check_open,
    check_same,
    check_seller,
    new_order,
)
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.trade_calls import numbers
from adapters.providers.alipay.sandbox.trades import new_trade_no
from adapters.providers.sandbox.records import Code, Order

PRODUCT = "jsapi"


def create(desk: Desk, request: Request) -> dict[str, str]:
    """Open a trade at once; the same order again gets the same trade (unverified)."""
    wanted = desk.read(request, Create)
    check_seller(desk, wanted)
    if wanted.buyer_id == desk.parties.seller_id:
        raise business("ACQ.BUYER_SELLER_EQUAL")
    earlier = desk.trades.order(wanted.out_trade_no)
    if earlier is None:
        return numbers(_new(desk, wanted, request))
    check_open(earlier)
    check_same(earlier, wanted, product=PRODUCT)
    _check_buyer(earlier, wanted)
    return numbers(earlier)


def _new(desk: Desk, wanted: Create, request: Request) -> Order:
    now = desk.now()
    default = OTHERWISE if wanted.product_code == "JSAPI_PAY" else FACE_TO_FACE
    ends = order_deadline(wanted, now, default=default)
    order = new_order(
        desk,
        wanted,
        request,
        product=PRODUCT,
        expires_at=ends,
        buyer_id=wanted.buyer_id or "",
        buyer_open_id=wanted.buyer_open_id or "",
    )
    opened = trade.scanned(order, now, trade_no=(trade_no := new_trade_no(now)))
    opened = replace(opened, codes=(Code(url=trade_no, expires_at=ends),))
    desk.trades.keep(opened, was=order)
    return opened


def _check_buyer(order: Order, wanted: Create) -> None:
    details = trade.details_of(order)
    asked = (wanted.buyer_id or "", wanted.buyer_open_id or "")
    if asked != (details.buyer_id, details.buyer_open_id):
        raise business("ACQ.TRADE_BUYER_NOT_MATCH")
