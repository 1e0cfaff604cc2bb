"""Payment codes (付款码): charged, perhaps awaiting a password, reversed (§3.10, §4.5)."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec.structs import replace

from adapters.providers.sandbox.provider import PayerAction, PayerRefused, World
from adapters.providers.sandbox.records import Code, Order
from adapters.providers.sandbox.wallet import Wallet, wallet_of
from adapters.providers.wechat_pay.sandbox.merchant_checks import MerchantChecks
from adapters.providers.wechat_pay.sandbox.products import ANY_APP_ID, CODE, MICROPAY
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_states import (
    CLOSED,
    NOTPAY,
    PAYERROR,
    PROVIDER,
    REFUND,
    REVOKED,
    SUCCESS,
    USERPAYING,
)
from adapters.providers.wechat_pay.sandbox.transaction import paid

#: §1.6: what is no code of this wallet at all.
WECHAT_CODE = r"1[0-5][0-9]{16}"

#: What a number answers that was charged before and came to no payment.
CHARGED_BEFORE: Mapping[str, str] = {
    USERPAYING: "USER_PAYING",
    REVOKED: "ORDER_REVERSED",
    CLOSED: "ORDER_CLOSED",
}


class CodePayments:
    """The platform's side of payment codes. Nobody is ever called back about them."""

    def __init__(
        self, world: World, settings: WeChatPaySandboxSettings, checks: MerchantChecks
    ) -> None:
        self._world = world
        self._settings = settings
        self._checks = checks
        self._awaiting_password = {
            order.provider_order_no
            for order in world.book.orders()
            if order.provider == PROVIDER and order.state == USERPAYING
        }

    def charge(self, request: Mapping[str, Any]) -> Order:
        """Take the money, or raise `Refused` with how the wallet answered; never twice."""
        self._checks.mchid(request["mchid"])
        self._checks.app_id(request["appid"], ANY_APP_ID)
        known = self._world.book.order(PROVIDER, request["out_trade_no"])
        if known is not None:
            return self._again(known, request)
        auth_code = request["payer"]["auth_code"]
        wallet = self._read(auth_code)
        now = self._world.clock.now()
        order = _open(request, now)
        match wallet:
            case Wallet.PAYS:
                order = paid(order, now)
                self._world.book.keep(order)
                return order
            case Wallet.ASKS_PASSWORD:
                self._await_password(order)
                raise Refused("USER_PAYING")
            case Wallet.HAS_NO_BALANCE:
                raise self._failed(order, Refused("NOT_ENOUGH", "用户账号余额不足"))
            case Wallet.IS_REFUSED:
                raise self._failed(order, Refused(self._settings.bank_refusal_code, "银行拒绝支付"))
            case Wallet.SHOWS_STALE_CODE:
                raise Refused("AUTH_CODE_EXPIRE")
            case _:
                assert_never(wallet)

    def reverse(self, order: Order, request: Mapping[str, Any]) -> None:
        """Undo a charge for good; what was paid goes back in full (§4.5)."""
        if "appid" not in request:
            raise Refused("SYSTEM_ERROR")
        self._checks.mchid(request["mchid"])
        self._checks.app_id(request["appid"], ANY_APP_ID)
        if order.product != CODE:
            raise Refused("INVALID_REQUEST", "非付款码支付订单，不能撤销")
        if order.state in (REVOKED, CLOSED):
            return
        now = self._world.clock.now()
        self._check_reversible(order, now)
        state = REVOKED if order.paid_at else self._settings.reversed_unpaid_state
        self._world.book.keep(replace(order, state=state, closed_at=now))

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act on the charge that waits on the phone."""
        if order.state != USERPAYING:
            raise PayerRefused("这笔付款已结束 · This charge is over")
        now = self._world.clock.now()
        match action:
            case PayerAction.SCAN:
                pass  # the merchant has scanned already
            case PayerAction.PAY | PayerAction.PASSWORD:
                self._end_wait(paid(order, now))
            case PayerAction.DECLINE:
                self._end_wait(self._as_failed(order, now))
            case PayerAction.EXPIRE:
                self._end_wait(self._as_unanswered(order, now))
            case _:
                assert_never(action)

    def pass_time(self) -> None:
        """End every wait for a password that nobody typed in time."""
        if not self._awaiting_password:
            return
        now = self._world.clock.now()
        patience = timedelta(seconds=self._settings.password_within_seconds)
        for number in tuple(self._awaiting_password):
            order = self._world.book.order(PROVIDER, number)
            if order is not None and now - order.created_at >= patience:
                self._end_wait(self._as_unanswered(order, now))

    def _again(self, known: Order, request: Mapping[str, Any]) -> Order:
        """Answer a number that was charged before with what became of it."""
        if known.product != CODE or known.details["request"] != request:
            raise Refused(self._settings.changed_repeat_code, "201 商户订单号重复")
        if known.state in (SUCCESS, REFUND):
            if self._settings.charge_again_shows_payment:
                return known
            raise Refused(self._settings.paid_code, "该订单已支付")
        raise Refused(
            CHARGED_BEFORE.get(known.state) or known.details.get("refusal", "TRADE_ERROR")
        )

    def _read(self, auth_code: str) -> Wallet:
        if not re.fullmatch(WECHAT_CODE, auth_code):
            raise Refused("AUTH_CODE_INVALID")
        if self._world.book.order_by_code(auth_code) is not None:
            raise Refused("AUTH_CODE_ERROR", "每个二维码仅限使用一次，请刷新再试")
        return wallet_of(auth_code)

    def _await_password(self, order: Order) -> None:
        self._awaiting_password.add(order.provider_order_no)
        self._world.book.keep(replace(order, state=USERPAYING))

    def _end_wait(self, order: Order) -> None:
        self._awaiting_password.discard(order.provider_order_no)
        self._world.book.keep(order)

    def _failed(self, order: Order, refusal: Refused) -> Refused:
        details = order.details | {"refusal": refusal.code}
        self._world.book.keep(
            self._as_failed(replace(order, details=details), self._world.clock.now())
        )
        return refusal

    def _as_failed(self, order: Order, now: datetime) -> Order:
        return _ended(order, self._settings.failed_charge_state, now)

    def _as_unanswered(self, order: Order, now: datetime) -> Order:
        return _ended(order, self._settings.unanswered_charge_state, now)

    def _check_reversible(self, order: Order, now: datetime) -> None:
        if order.state == USERPAYING:
            raise Refused("USER_PAYING", "正在支付中不能发起撤销")
        if (now - order.created_at).total_seconds() < self._settings.reverse_after_seconds:
            raise Refused(self._settings.reverse_too_early_code, "下单15秒后才能撤销")
        if order.state == REFUND:
            raise Refused("TRADE_ERROR", "订单已退款，不能撤销")
        if order.paid_at and now - order.paid_at > timedelta(days=7):
            raise Refused("INVALID_REQUEST", "支付超过7天的订单不能撤销，请退款")


def _open(request: Mapping[str, Any], now: datetime) -> Order:
    """A charge that nothing has come of yet; the code leads to it and can't be used again."""
    return Order(
        provider=PROVIDER,
        merchant=request["mchid"],
        provider_order_no=request["out_trade_no"],
        product=CODE,
        amount=request["amount"]["total"],
        subject=request["description"],
        state=NOTPAY,
        created_at=now,
        codes=(Code(url=request["payer"]["auth_code"], expires_at=now),),
        details={"request": dict(request), "trade_type": MICROPAY},
    )


def _ended(order: Order, state: str, now: datetime) -> Order:
    """A charge that failed is over; one that shows NOTPAY can still be closed or reversed."""
    return replace(order, state=state, closed_at=now if state == PAYERROR else None)
