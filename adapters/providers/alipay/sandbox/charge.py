"""alipay.trade.pay: charge the code that the payer shows. Source: REFERENCE.md §3.8."""

import re
from datetime import datetime

from adapters.providers.alipay.sandbox import trade
from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.buyer import buyer_of
from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.deadlines import FACE_TO_FACE, order_deadline
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.order_content import Pay
from adapters.providers.alipay.sandbox.ordering import (
    check_open,
    check_same,
    check_seller,
    new_order,
)
from adapters.providers.alipay.sandbox.refused import MESSAGES, Refused, business
from adapters.providers.alipay.sandbox.trade_calls import bill_of, numbers, received
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import new_trade_no
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.records import Code, Order
from adapters.providers.sandbox.wallet import Wallet, wallet_of

PRODUCT = "code"

#: A payment code: prefix 25-30, 16-24 digits; a face: `fp` and 33 characters (§3.2).
AUTH_CODE = re.compile(r"(2[5-9]|30)[0-9]{14,22}|fp[0-9A-Za-z]{33}")

#: What a wallet that can't pay says.
DECLINED = {
    Wallet.HAS_NO_BALANCE: "ACQ.BUYER_BALANCE_NOT_ENOUGH",
    Wallet.SHOWS_STALE_CODE: "ACQ.PAYMENT_AUTH_CODE_INVALID",
    Wallet.IS_REFUSED: "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
}


def pay(desk: Desk, request: Request) -> Fields:
    """Take the money, or leave a trade that waits for the password; once a number and code."""
    wanted = desk.read(request, Pay)
    check_seller(desk, wanted)
    earlier = desk.trades.order(wanted.out_trade_no)
    if earlier is not None:
        return _again(desk, wanted, earlier)
    if not AUTH_CODE.fullmatch(wanted.auth_code) or desk.trades.order_by_code(wanted.auth_code):
        raise business("ACQ.PAYMENT_AUTH_CODE_INVALID")
    return _charge(desk, wanted, _order(desk, wanted, request))


def _order(desk: Desk, wanted: Pay, request: Request) -> Order:
    ends = order_deadline(wanted, desk.now(), default=FACE_TO_FACE)
    codes = (Code(url=wanted.auth_code, expires_at=ends),)
    return new_order(desk, wanted, request, product=PRODUCT, expires_at=ends, codes=codes)


def _charge(desk: Desk, wanted: Pay, order: Order) -> Fields:
    now, wallet = desk.now(), wallet_of(wanted.auth_code)
    waiting = trade.scanned(order, now, trade_no=new_trade_no(now))
    if sub_code := DECLINED.get(wallet):
        raise _declined(desk, waiting, sub_code)
    if wallet is Wallet.ASKS_PASSWORD or _is_too_much(desk, order):
        desk.trades.keep(waiting, was=order)
        return _in_process(desk, waiting)
    done = trade.paid(waiting, now)
    desk.trades.keep(done, was=waiting if desk.rules.notifies_charge else None)
    return _paid(desk, done, now)


def _is_too_much(desk: Desk, order: Order) -> bool:
    limit = desk.rules.password_above_fen
    return limit is not None and order.amount > limit


def _declined(desk: Desk, waiting: Order, sub_code: str) -> Refused:
    """No money moved; whether a trade is left behind is a choice (§8.3, unverified)."""
    if desk.rules.declined_leaves_trade and sub_code != "ACQ.PAYMENT_AUTH_CODE_INVALID":
        desk.trades.keep(waiting)
    return business(sub_code)


def _again(desk: Desk, wanted: Pay, order: Order) -> Fields:
    """The same number once more never takes money (§3.8)."""
    check_same(order, wanted, product=PRODUCT)
    same_code = order.codes[0].url == wanted.auth_code
    is_paid = order.state in {TradeStatus.TRADE_SUCCESS, TradeStatus.TRADE_FINISHED}
    if not (is_paid and same_code and desk.rules.repeated_charge_in_process):
        check_open(order)
    if not same_code:
        raise business("ACQ.CONTEXT_INCONSISTENT")
    return _in_process(desk, order)


def _in_process(desk: Desk, order: Order) -> Fields:
    return {
        "code": "10003",
        "msg": MESSAGES["10003"],
        **numbers(order),
        **buyer_of(order, desk.parties),
        "total_amount": to_yuan(order.amount),
    }


def _paid(desk: Desk, order: Order, at: datetime) -> Fields:
    return {
        **numbers(order),
        **buyer_of(order, desk.parties),
        "total_amount": to_yuan(order.amount),
        **received(order),
        "gmt_payment": to_text(at),
        "fund_bill_list": bill_of(order.amount),
    }
