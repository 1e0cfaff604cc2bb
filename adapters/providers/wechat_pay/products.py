"""The ways to pay, one row each: where the prepay goes, whose app id it bears, what it brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from adapters.providers.wechat_pay.config import AppIds
from adapters.providers.wechat_pay.wire import read_native
from domain.method import Method


@dataclass(frozen=True, slots=True)
class Product:
    """One prepay method."""

    path: str
    app_id: Callable[[AppIds], str | None]
    details: Callable[[bytes], Mapping[str, object]]  # of the action; raises NotUnderstood
    lasts: timedelta  # from the answer; repeating the prepay gives a fresh one


def _code_url(body: bytes) -> Mapping[str, object]:
    return {"code_url": read_native(body).code_url}


PRODUCTS: dict[Method, Product] = {
    Method.WECHAT_NATIVE: Product(
        path="/v3/pay/transactions/native",
        app_id=lambda app_ids: app_ids.official_account,
        details=_code_url,
        lasts=timedelta(hours=2),
    ),
}


def offered(app_ids: AppIds) -> frozenset[Method]:
    """Return the methods for which the account has an app id."""
    return frozenset(method for method, product in PRODUCTS.items() if product.app_id(app_ids))
