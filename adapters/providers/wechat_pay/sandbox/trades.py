"""Prepaid orders: placed, repeated, closed, and what the payer does with them (§3, §4)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from adapters.providers.sandbox.provider import PayerAction, PayerRefused, World
from adapters.providers.sandbox.records import Order
from adapters.providers.wechat_pay.sandbox.links import new_codes
from adapters.providers.wechat_pay.sandbox.merchant_checks import MerchantChecks
from adapters.providers.wechat_pay.sandbox.notifications import notification
from adapters.providers.wechat_pay.sandbox.products import MINI_PROGRAM, Product
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_states import (
    CLOSED,
    NOTPAY,
    OVER,
    PROVIDER,
    REVOKED,
    USERPAYING,
)
from adapters.providers.wechat_pay.sandbox.transaction import paid, show

#: §3.2: how far ahead `time_expire` may lie, and what holds without it.
SOONEST_EXPIRY = timedelta(minutes=1)
LATEST_EXPIRY = timedelta(days=90)
USUAL_EXPIRY = timedelta(days=7)


class Trades:
    """The platform's side of payment orders."""

    def __init__(
        self, world: World, settings: WeChatPaySandboxSettings, checks: MerchantChecks
    ) -> None:
        self._world = world
        self._settings = settings
        self._checks = checks

    def prepay(self, request: Mapping[str, Any], product: Product, base_url: str) -> Order:
        """Open an order, or show the same open one with a fresh link (§3.4)."""
        self._check_parties(request, product)
        now = self._world.clock.now()
        order = self._world.book.order(PROVIDER, request["out_trade_no"])
        if order is None:
            order = self._open(request, product, now)
        else:
            self._check_repeat(order, request, product, now)
        order = replace(order, codes=(*order.codes, *new_codes(product, base_url, now)))
        self._world.book.keep(order)
        return order

    def find(self, out_trade_no: str) -> Order:
        """Find an order by the merchant's number."""
        order = self._world.book.order(PROVIDER, out_trade_no)
        if order is None:
            raise Refused("ORDER_NOT_EXIST")
        return order

    def find_by_transaction(self, transaction_id: str) -> Order:
        """Find a paid order by the platform's number."""
        order = self._world.book.order_by_transaction(PROVIDER, transaction_id)
        if order is None:
            raise Refused("ORDER_NOT_EXIST")
        return order

    def close(self, order: Order) -> None:
        """Close an unpaid order for good (§4.4)."""
        if order.state == REVOKED:
            raise Refused("ORDER_REVERSED")
        if order.paid_at is not None:
            raise Refused(self._settings.paid_code, "该订单已支付")
        if order.state == USERPAYING:
            raise Refused("USER_PAYING")
        if order.state == CLOSED:
            if not self._settings.close_again_is_fine:
                raise Refused("ORDER_CLOSED")
            return
        self._world.book.keep(replace(order, state=CLOSED, closed_at=self._world.clock.now()))

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act; a prepaid order stays NOTPAY until the money moves (§4.3)."""
        match action:
            case PayerAction.SCAN | PayerAction.PASSWORD:
                self._check_payable(order)
            case PayerAction.DECLINE:
                pass
            case PayerAction.EXPIRE:
                self._expire(order)
            case PayerAction.PAY:
                self._check_payable(order)
                self._pay(order)
            case _:
                assert_never(action)

    def close_expired(self) -> None:
        """Close what expired, if this platform is one that does."""
        if not self._settings.closes_at_expiry:
            return
        now = self._world.clock.now()
        for order in self._world.book.orders():
            if order.provider == PROVIDER and order.state == NOTPAY and _has_expired(order, now):
                self._world.book.keep(replace(order, state=CLOSED, closed_at=now))

    def _check_parties(self, request: Mapping[str, Any], product: Product) -> None:
        self._checks.mchid(request["mchid"])
        self._checks.app_id(request["appid"], product.app_id_kinds)
        if product.name == "jsapi":
            self._checks.openid(request)

    def _open(self, request: Mapping[str, Any], product: Product, now: datetime) -> Order:
        in_mini_program = request["appid"] == self._settings.app_ids.mini_program
        return Order(
            provider=PROVIDER,
            merchant=request["mchid"],
            provider_order_no=request["out_trade_no"],
            product=MINI_PROGRAM if product.name == "jsapi" and in_mini_program else product.name,
            amount=request["amount"]["total"],
            subject=request["description"],
            state=NOTPAY,
            created_at=now,
            expires_at=_expiry(request, now),
            notify_url=request["notify_url"],
            details={"request": dict(request), "trade_type": product.trade_type},
        )

    def _check_repeat(
        self, known: Order, request: Mapping[str, Any], product: Product, now: datetime
    ) -> None:
        if known.paid_at is not None:
            raise Refused(self._settings.paid_code, "该订单已支付")
        if known.state in OVER:
            raise Refused("ORDER_CLOSED")
        same_method = known.details["trade_type"] == product.trade_type
        if not same_method or not _same_order(known.details["request"], request):
            raise Refused(self._settings.changed_repeat_code, "201 商户订单号重复")
        if _has_expired(known, now):
            raise Refused("INVALID_REQUEST", "订单已过期，请更换商户订单号")

    def _check_payable(self, order: Order) -> None:
        now = self._world.clock.now()
        if order.paid_at is not None:
            raise PayerRefused("订单已支付 · This order is paid")
        if order.state == CLOSED:
            raise PayerRefused("订单已关闭 · This order is closed")
        if _has_expired(order, now):
            raise PayerRefused("订单已过期 · This order has expired")
        if all(code.expires_at <= now for code in order.codes):
            raise PayerRefused("支付链接已失效 · This code or link has gone stale")

    def _pay(self, order: Order) -> None:
        now = self._world.clock.now()
        done = paid(order, now)
        told = notification(
            done.provider_order_no, "TRANSACTION.SUCCESS", show(done), done.notify_url, now
        )
        self._world.book.keep(done, *told)

    def _expire(self, order: Order) -> None:
        if order.paid_at is not None or order.state == CLOSED:
            raise PayerRefused("订单已结束 · This order is over")
        self._world.book.keep(replace(order, expires_at=self._world.clock.now()))
        self.close_expired()


def _same_order(first: Mapping[str, Any], again: Mapping[str, Any]) -> bool:
    """Compare two prepays; the expiry may be left out of the second, not changed (§3.2)."""
    expiries = [_instant(request) for request in (first, again)]
    same_expiry = "time_expire" not in again or expiries[0] == expiries[1]
    rest = [{k: v for k, v in each.items() if k != "time_expire"} for each in (first, again)]
    return same_expiry and rest[0] == rest[1]


def _instant(request: Mapping[str, Any]) -> datetime | None:
    text = request.get("time_expire")
    return None if text is None else msgspec.convert(text, datetime)


def _expiry(request: Mapping[str, Any], now: datetime) -> datetime:
    wanted = _instant(request)
    if wanted is None:
        return now + USUAL_EXPIRY
    return min(max(wanted, now + SOONEST_EXPIRY), now + LATEST_EXPIRY)


def _has_expired(order: Order, now: datetime) -> bool:
    return order.expires_at is not None and order.expires_at <= now
