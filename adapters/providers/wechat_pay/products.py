"""The ways to pay, one row each: where the request goes, whose app id it bears, what it brings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from adapters.providers.wechat_pay.actions import (
    Details,
    app_call,
    code_url,
    jsapi_call,
    mini_program_call,
    redirect,
)
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from adapters.providers.wechat_pay.requests import (
    Body,
    charge_body,
    h5_body,
    openid_body,
    prepay_body,
)
from domain.method import Method


@dataclass(frozen=True, slots=True)
class Product:
    """One way to pay."""

    path: str
    app_id: Callable[[AppIds], str | None]
    body: Body
    #: Of the action; None: the call is the charge, and nothing is left to do.
    details: Details | None = None
    lasts: timedelta = timedelta(hours=2)  # from the answer; repeating the prepay gives a fresh one


def _official_account(app_ids: AppIds) -> str | None:
    return app_ids.official_account


def _mini_program(app_ids: AppIds) -> str | None:
    return app_ids.mini_program


def _app(app_ids: AppIds) -> str | None:
    return app_ids.app


_ORDERS = "/v3/pay/transactions/"

#: Source: MAPPING.md §3.
PRODUCTS: dict[Method, Product] = {
    Method.WECHAT_NATIVE: Product(f"{_ORDERS}native", _official_account, prepay_body, code_url),
    Method.WECHAT_JSAPI: Product(f"{_ORDERS}jsapi", _official_account, openid_body, jsapi_call),
    Method.WECHAT_MINI_PROGRAM: Product(
        f"{_ORDERS}jsapi", _mini_program, openid_body, mini_program_call
    ),
    Method.WECHAT_APP: Product(f"{_ORDERS}app", _app, prepay_body, app_call),
    Method.WECHAT_H5: Product(
        f"{_ORDERS}h5", _official_account, h5_body, redirect, lasts=timedelta(minutes=5)
    ),
    Method.WECHAT_CODE: Product(f"{_ORDERS}codepay", _official_account, charge_body),
}


def offered(config: WeChatPayConfig) -> frozenset[Method]:
    """Return the methods for which the account has an app id; at the till also a store."""
    able = {method for method, product in PRODUCTS.items() if product.app_id(config.app_ids)}
    if not (config.store_id or config.store_out_id):
        able.discard(Method.WECHAT_CODE)
    return frozenset(able)
