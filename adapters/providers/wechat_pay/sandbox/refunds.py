"""Refunds: accepted at once, settled a little later, told by callback (§5)."""

import math
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import PayerRefused, World
from adapters.providers.sandbox.records import Order, Refund
from adapters.providers.wechat_pay.sandbox.notifications import notification
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_states import PROVIDER, REFUND, REVOKED
from adapters.providers.wechat_pay.sandbox.wechat_time import BEIJING, wechat_time

PROCESSING, SUCCESS, CLOSED, ABNORMAL = "PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"

#: §5.4: refunds end a year after the payment.
REFUNDABLE_FOR = timedelta(days=365)
#: Where the money of a simulated payer goes.
RECEIVED_BY = "支付用户零钱"

MINUTE = timedelta(minutes=1)

OLD_ORDERS = "频率限制，1个月之前的订单请降低申请频率再重试"
DIFFERENT = "订单金额或退款金额与之前请求不一致，请核实后再试"


class Refunds:
    """The platform's side of refunds."""

    def __init__(self, world: World, settings: WeChatPaySandboxSettings) -> None:
        self._world = world
        self._settings = settings
        self._old_refunded: deque[datetime] = deque()

    def create(self, request: Mapping[str, Any], struck: Struck) -> Refund:
        """Accept a refund; the same number with the same content is the same refund (§5.5)."""
        order = self._order_of(request)
        known = self._world.book.refund_by_number(PROVIDER, request["out_refund_no"])
        if known is not None:
            if not _same_refund(known, order, request):
                raise Refused("INVALID_REQUEST", DIFFERENT)
            return known
        now = self._world.clock.now()
        self._check(order, request, now)
        refund = self._accept(order, request, struck, now)
        self._world.book.keep(refund, replace(order, state=REFUND))
        return refund

    def create_on_site(self, order: Order, refund_no: str, amount: int, reason: str) -> None:
        """Refund on the merchant's site, by its rules; `PayerRefused` where it says no."""
        settings = self._settings
        request: dict[str, Any] = {
            "out_trade_no": order.provider_order_no,
            "out_refund_no": refund_no,
            "reason": reason,
            "amount": {"refund": amount, "total": order.amount, "currency": "CNY"},
        }
        if settings.refund_notify_url is None and settings.site_refund_tells_order:
            request["notify_url"] = order.notify_url
        try:
            self.create(request, {})
        except Refused as refused:
            raise PayerRefused(refused.message) from refused

    def find(self, out_refund_no: str) -> Refund:
        """Find a refund by the merchant's number."""
        refund = self._world.book.refund_by_number(PROVIDER, out_refund_no)
        if refund is None:
            raise Refused("RESOURCE_NOT_EXISTS", "退款单不存在")
        return refund

    def show(self, refund: Refund) -> dict[str, Any]:
        """Write the refund object of §5.2."""
        shown = {
            "refund_id": refund.provider_refund_id,
            "out_refund_no": refund.provider_refund_no,
            "transaction_id": refund.details["transaction_id"],
            "out_trade_no": refund.provider_order_no,
            "channel": refund.details.get("channel", "ORIGINAL"),
            "user_received_account": refund.details.get("received_by", RECEIVED_BY),
            "create_time": wechat_time(refund.created_at),
            "status": refund.state,
            "funds_account": "UNSETTLED",
            "amount": {
                "total": refund.details["total"],
                "refund": refund.amount,
                "payer_total": refund.details["total"],
                "payer_refund": refund.amount,
                "settlement_total": refund.details["total"],
                "settlement_refund": refund.amount,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        if refund.succeeded_at is not None:
            shown["success_time"] = wechat_time(refund.succeeded_at)
        return shown

    def settle(self) -> None:
        """Finish every refund whose time has come, and tell the merchant."""
        now = self._world.clock.now()
        for refund in self._world.book.refunds_due(PROVIDER, now):
            self.end(refund, refund.details["outcome"], now)

    def end(self, refund: Refund, outcome: str, now: datetime) -> None:
        """Finish a refund, and tell the merchant."""
        ended = replace(
            refund,
            state=outcome,
            settles_at=None,
            succeeded_at=now.replace(microsecond=0) if outcome == SUCCESS else None,
            details=refund.details | {"ended_at": now.isoformat()},
        )
        told = notification(
            ended.provider_order_no, f"REFUND.{outcome}", _resource(ended), ended.notify_url, now
        )
        self._world.book.keep(ended, *told)

    def _order_of(self, request: Mapping[str, Any]) -> Order:
        book = self._world.book
        number, transaction_id = request.get("out_trade_no"), request.get("transaction_id")
        order = book.order(PROVIDER, number) if number else None
        if transaction_id:
            by_transaction = book.order_by_transaction(PROVIDER, transaction_id)
            order = by_transaction if not number or order == by_transaction else None
        if order is None:
            raise Refused("RESOURCE_NOT_EXISTS", "订单不存在")
        return order

    def _check(self, order: Order, request: Mapping[str, Any], now: datetime) -> None:
        if order.paid_at is None:
            raise Refused("INVALID_REQUEST", "订单未支付，不能退款")
        if order.state == REVOKED:
            raise Refused("INVALID_REQUEST", "订单已撤销，不能退款")
        if request["amount"]["total"] != order.amount:
            raise Refused("INVALID_REQUEST", DIFFERENT)
        if now - order.paid_at > REFUNDABLE_FOR:
            raise Refused("INVALID_REQUEST", "订单已超过可退款的最大期限")
        earlier = [each for each in self._world.book.refunds_of(order) if each.state != CLOSED]
        given = sum(each.amount for each in earlier)
        if given == order.amount:
            raise Refused("INVALID_REQUEST", "订单已全额退款")
        if given + request["amount"]["refund"] > order.amount:
            raise Refused("INVALID_REQUEST", "累计退款金额超过订单金额")
        if len(earlier) >= self._settings.refunds_per_order:
            raise Refused("INVALID_REQUEST", "单笔订单最多支持50次部分退款")
        self._check_spacing(order, now)
        self._check_old_orders(order.paid_at, now)

    def _check_spacing(self, order: Order, now: datetime) -> None:
        spacing = timedelta(seconds=self._settings.refund_spacing_seconds)
        if any(now - each.created_at < spacing for each in self._world.book.refunds_of(order)):
            raise Refused(self._settings.refund_spacing_code)

    def _check_old_orders(self, paid_at: datetime, now: datetime) -> None:
        """Refuse what is too much at once for old orders, even a first call (gotcha 23)."""
        limit = self._settings.old_order_refunds_a_minute
        if limit is None or now - paid_at <= timedelta(days=self._settings.old_order_after_days):
            return
        while self._old_refunded and now - self._old_refunded[0] >= MINUTE:
            self._old_refunded.popleft()
        if len(self._old_refunded) >= limit:
            since = self._old_refunded[0] if self._old_refunded else now
            wait = math.ceil((since + MINUTE - now).total_seconds())
            raise Refused("FREQUENCY_LIMITED", OLD_ORDERS, retry_after_seconds=wait)
        self._old_refunded.append(now)

    def _accept(
        self, order: Order, request: Mapping[str, Any], struck: Struck, now: datetime
    ) -> Refund:
        return Refund(
            provider=PROVIDER,
            merchant=order.merchant,
            provider_refund_no=request["out_refund_no"],
            provider_order_no=order.provider_order_no,
            provider_refund_id=_refund_id(now),
            amount=request["amount"]["refund"],
            state=PROCESSING,
            created_at=now,
            settles_at=now + timedelta(seconds=self._settings.refund_takes_seconds),
            notify_url=request.get("notify_url", self._settings.refund_notify_url),
            details={
                "total": order.amount,
                "transaction_id": order.provider_transaction_id,
                "outcome": outcome_of(struck),
            },
        )


def outcome_of(struck: Struck) -> str:
    """How a refund will end, as testers wish."""
    if "refund_abnormal" in struck:
        return ABNORMAL
    return CLOSED if "refund_closed" in struck else SUCCESS


def _same_refund(known: Refund, order: Order, request: Mapping[str, Any]) -> bool:
    amount = request["amount"]
    return (known.provider_order_no, known.amount, known.details["total"]) == (
        order.provider_order_no,
        amount["refund"],
        amount["total"],
    )


def _resource(refund: Refund) -> dict[str, Any]:
    """Write what a refund callback carries; its field names differ from the API's (§6.4)."""
    resource = {
        "mchid": refund.merchant,
        "out_trade_no": refund.provider_order_no,
        "transaction_id": refund.details["transaction_id"],
        "out_refund_no": refund.provider_refund_no,
        "refund_id": refund.provider_refund_id,
        "refund_status": refund.state,
        "user_received_account": refund.details.get("received_by", RECEIVED_BY),
        "amount": {
            "total": refund.details["total"],
            "refund": refund.amount,
            "payer_total": refund.details["total"],
            "payer_refund": refund.amount,
        },
    }
    if refund.succeeded_at is not None:
        resource["success_time"] = wechat_time(refund.succeeded_at)
    return resource


def _refund_id(now: datetime) -> str:
    """29 digits beginning with 50 (§1.6)."""
    day = now.astimezone(BEIJING).strftime("%Y%m%d")
    return f"50{secrets.randbelow(10**9):09d}{day}{secrets.randbelow(10**10):010d}"
