"""Payment orders: prepay, what a query shows, close, and what the payer does (§3, §4)."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from string import ascii_letters, digits
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from adapters.providers.sandbox.provider import PayerAction, PayerRefused, World
from adapters.providers.sandbox.records import Code, Order
from adapters.providers.wechat_pay.sandbox.notifications import notification
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.wechat_time import BEIJING, wechat_time

PROVIDER = "wechat"

NOTPAY, SUCCESS, REFUND, CLOSED = "NOTPAY", "SUCCESS", "REFUND", "CLOSED"

#: `trade_state_desc` of the states a prepaid order can show (§4.3).
DESCRIPTIONS: Mapping[str, str] = {
    NOTPAY: "订单未支付",
    SUCCESS: "支付成功",
    REFUND: "转入退款",
    CLOSED: "订单已关闭",
}

#: §3.2: how far ahead `time_expire` may lie, and what holds without it.
SOONEST_EXPIRY = timedelta(minutes=1)
LATEST_EXPIRY = timedelta(days=90)
USUAL_EXPIRY = timedelta(days=7)
#: §3.3: a code_url works for two hours; a repeated prepay gives a fresh one.
CODE_LIVES = timedelta(hours=2)


class Trades:
    """The platform's side of payment orders."""

    def __init__(self, world: World, settings: WeChatPaySandboxSettings) -> None:
        self._world = world
        self._settings = settings

    def prepay(self, request: Mapping[str, Any], trade_type: str) -> Order:
        """Open an order, or show the same open one with a fresh code (§3.4)."""
        self._check_merchant(request)
        now = self._world.clock.now()
        known = self._world.book.order(PROVIDER, request["out_trade_no"])
        if known is None:
            order = self._open(request, trade_type, now)
        else:
            self._check_repeat(known, request, trade_type, now)
            order = known
        order = replace(order, codes=(*order.codes, _new_code(now)))
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

    def show(self, order: Order) -> dict[str, Any]:
        """Write the transaction object of §4.2."""
        shown = {
            "appid": order.details["request"]["appid"],
            "mchid": order.merchant,
            "out_trade_no": order.provider_order_no,
            "trade_state": order.state,
            "trade_state_desc": DESCRIPTIONS[order.state],
        }
        if order.paid_at is not None:
            return shown | self._paid_part(order, order.paid_at)
        if self._settings.unpaid_shows_amount:
            shown["amount"] = {"total": order.amount, "currency": "CNY"}
        return shown

    def close(self, order: Order) -> None:
        """Close an unpaid order for good (§4.4)."""
        if order.paid_at is not None:
            raise Refused(self._settings.paid_code, "该订单已支付")
        if order.state == CLOSED:
            if not self._settings.close_again_is_fine:
                raise Refused("ORDER_CLOSED")
            return
        self._world.book.keep(replace(order, state=CLOSED, closed_at=self._world.clock.now()))

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act; a native order stays NOTPAY until the money moves (§4.3)."""
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

    def _check_merchant(self, request: Mapping[str, Any]) -> None:
        if request["mchid"] != self._settings.mchid:
            raise Refused("INVALID_REQUEST", "商户号与签名的商户号不一致")
        if request["appid"] not in self._settings.app_ids:
            raise Refused("APPID_MCHID_NOT_MATCH")

    def _open(self, request: Mapping[str, Any], trade_type: str, now: datetime) -> Order:
        return Order(
            provider=PROVIDER,
            merchant=request["mchid"],
            provider_order_no=request["out_trade_no"],
            amount=request["amount"]["total"],
            subject=request["description"],
            state=NOTPAY,
            created_at=now,
            expires_at=_expiry(request, now),
            notify_url=request["notify_url"],
            details={"request": dict(request), "trade_type": trade_type},
        )

    def _check_repeat(
        self, known: Order, request: Mapping[str, Any], trade_type: str, now: datetime
    ) -> None:
        if known.paid_at is not None:
            raise Refused(self._settings.paid_code, "该订单已支付")
        if known.state == CLOSED:
            raise Refused("ORDER_CLOSED")
        if not _same_order(
            known.details["request"], request, known.details["trade_type"] == trade_type
        ):
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
            raise PayerRefused("二维码已失效 · This code has gone stale")

    def _pay(self, order: Order) -> None:
        now = self._world.clock.now()
        paid = replace(
            order,
            state=SUCCESS,
            paid_at=now.replace(microsecond=0),
            charges=order.charges + 1,
            provider_transaction_id=_transaction_id(now),
            details=order.details | {"openid": "o" + secrets.token_hex(13) + "A"},
        )
        told = notification(paid, "TRANSACTION.SUCCESS", self.show(paid), paid.notify_url, now)
        self._world.book.keep(paid, *told)

    def _expire(self, order: Order) -> None:
        if order.paid_at is not None or order.state == CLOSED:
            raise PayerRefused("订单已结束 · This order is over")
        self._world.book.keep(replace(order, expires_at=self._world.clock.now()))
        self.close_expired()

    def _paid_part(self, order: Order, paid_at: datetime) -> dict[str, Any]:
        request = order.details["request"]
        paid = {
            "transaction_id": order.provider_transaction_id,
            "trade_type": order.details["trade_type"],
            "bank_type": "OTHERS",
            "success_time": wechat_time(paid_at),
            "payer": {"openid": order.details["openid"]},
            "amount": {
                "total": order.amount,
                "payer_total": order.amount,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
        if "attach" in request:
            paid["attach"] = request["attach"]
        if device := request.get("scene_info", {}).get("device_id"):
            paid["scene_info"] = {"device_id": device}
        return paid


def _same_order(first: Mapping[str, Any], again: Mapping[str, Any], same_method: bool) -> bool:
    """Compare two prepays; the expiry may be left out of the second, not changed (§3.2)."""
    expiries = [_instant(request) for request in (first, again)]
    same_expiry = "time_expire" not in again or expiries[0] == expiries[1]
    rest = [{k: v for k, v in each.items() if k != "time_expire"} for each in (first, again)]
    return same_method and same_expiry and rest[0] == rest[1]


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


def _new_code(now: datetime) -> Code:
    token = "".join(secrets.choice(ascii_letters + digits) for _ in range(9))
    return Code(url=f"weixin://wxpay/bizpayurl?pr={token}", expires_at=now + CODE_LIVES)


def _transaction_id(now: datetime) -> str:
    """28 digits beginning with 42 (§1.6)."""
    day = now.astimezone(BEIJING).strftime("%Y%m%d")
    return f"4200{secrets.randbelow(10**6):06d}{day}{secrets.randbelow(10**10):010d}"
