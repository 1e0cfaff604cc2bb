"""The ways to pay, one row each: which method of the gateway, what it is sent, what it brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.requests import precreate_content
from adapters.providers.alipay.wire import read_precreated
from adapters.providers.checked import NotUnderstood
from domain.method import Method
from domain.payment import Payment


@dataclass(frozen=True, slots=True)
class Product:
    """One method that Alipay is asked for by a call."""

    api: str
    content: Callable[[AlipayConfig, Payment], bytes]  # raises InvalidRequest
    details: Callable[[bytes, Payment], Mapping[str, object]]  # raises NotUnderstood
    lasts: timedelta  # from the answer


def _code_url(node: bytes, payment: Payment) -> Mapping[str, object]:
    made = read_precreated(node)
    if made.out_trade_no != payment.provider_order_no:
        raise NotUnderstood(f"the answer is about {made.out_trade_no[:64]!r}")
    return {"code_url": made.qr_code}


PRODUCTS: dict[Method, Product] = {
    Method.ALIPAY_QR: Product(
        api="alipay.trade.precreate",
        content=precreate_content,
        details=_code_url,
        lasts=timedelta(hours=2),
    ),
}
