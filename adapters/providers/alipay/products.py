"""The ways to pay, one row each: which method of the gateway, what it is sent, what it brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.requests import (
    app_content,
    charge_content,
    create_content,
    page_content,
    precreate_content,
    wap_content,
)
from adapters.providers.alipay.wire import Created, Precreated, read_created, read_precreated
from adapters.providers.checked import NotUnderstood
from domain.method import Method
from domain.payment import Payment

Content = Callable[[AlipayConfig, Payment], bytes]  # raises InvalidRequest
MadeT = TypeVar("MadeT", Precreated, Created)


@dataclass(frozen=True, slots=True)
class Called:
    """A call whose answer holds what the front end needs."""

    api: str
    content: Content
    details: Callable[[bytes, Payment], Mapping[str, object]]  # raises NotUnderstood
    lasts: timedelta | None = None  # from the answer; None: as long as the order


@dataclass(frozen=True, slots=True)
class Linked:
    """A request that the payer's browser or app carries to Alipay itself."""

    api: str
    content: Content
    details: Callable[[str, str], Mapping[str, object]]  # of the gateway's address and the query
    returns: bool = False  # the browser can be sent back to `return_url`


@dataclass(frozen=True, slots=True)
class Charged:
    """A call that takes the money."""

    api: str
    content: Content


Product = Called | Linked | Charged


def _code_url(node: bytes, payment: Payment) -> Mapping[str, object]:
    return {"code_url": _ours(read_precreated(node), payment).qr_code}


def _trade_no(node: bytes, payment: Payment) -> Mapping[str, object]:
    return {"trade_no": _ours(read_created(node), payment).trade_no}


def _ours(made: MadeT, payment: Payment) -> MadeT:
    if made.out_trade_no != payment.provider_order_no:
        raise NotUnderstood(f"the answer is about {made.out_trade_no[:64]!r}")
    return made


def _url(gateway_url: str, query: str) -> Mapping[str, object]:
    return {"url": f"{gateway_url}?{query}"}


def _order_string(_: str, query: str) -> Mapping[str, object]:
    return {"order_string": query}


#: A precreated code dies after two hours. Source: MAPPING.md §3.
CODE_LASTS = timedelta(hours=2)

PRODUCTS: dict[Method, Product] = {
    Method.ALIPAY_QR: Called("alipay.trade.precreate", precreate_content, _code_url, CODE_LASTS),
    Method.ALIPAY_PAGE: Linked("alipay.trade.page.pay", page_content, _url, returns=True),
    Method.ALIPAY_WAP: Linked("alipay.trade.wap.pay", wap_content, _url, returns=True),
    Method.ALIPAY_APP: Linked("alipay.trade.app.pay", app_content, _order_string),
    Method.ALIPAY_JSAPI: Called("alipay.trade.create", create_content, _trade_no),
    Method.ALIPAY_CODE: Charged("alipay.trade.pay", charge_content),
}
