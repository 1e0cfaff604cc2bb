"""What orders and refunds at Alipay mean in our words. Source: MAPPING.md §4, §5, §6."""

from datetime import datetime
from typing import assert_never

from adapters.providers.alipay import wire
from adapters.providers.alipay.wire import instant, yuan
from adapters.providers.checked import NotUnderstood
from domain.method import ActionType, Method
from domain.money import ZERO, Money
from domain.outcome import Action, AwaitingPayer, Closed, Outcome, Paid, Payee, Refunded

#: A query's answer names neither the merchant nor the app; a charge's answer doesn't either.
NOBODY_NAMED = Payee(None, None)


def outcome_of(
    trade: wire.TradeState, *, at: datetime, asked_by: Method, trace: str = ""
) -> Outcome:
    """Tell an order's state; `at` stands in for a payment time that Alipay left out."""
    match trade:
        case wire.Waiting():
            return AwaitingPayer(_action_of(trade, asked_by), trace=trace)
        case wire.Success() | wire.Finished():
            if not trade.send_pay_date:
                raise NotUnderstood("paid, and no send_pay_date")
            return _paid(trade, at, trace)
        case wire.Closed():
            return _paid(trade, at, trace) if _was_paid(trade) else Closed(trace=trace)
        case _:
            assert_never(trade)


def _action_of(trade: wire.Waiting, asked_by: Method) -> Action | None:
    """Inside Alipay's app a trade is opened by its number, so no lost answer loses it."""
    if asked_by is not Method.ALIPAY_JSAPI:
        return None
    return Action(ActionType.INVOKE_ALIPAY_JSAPI, {"trade_no": trade.trade_no})


def _was_paid(trade: wire.Closed) -> bool:
    """Whether money came in before the close: TRADE_CLOSED also follows a full refund."""
    return bool(trade.send_pay_date) or (yuan(trade.buyer_pay_amount) or ZERO) > ZERO


def _paid(trade: wire.Trade, at: datetime, trace: str) -> Paid:
    return Paid(
        provider_transaction_id=trade.trade_no,
        amount=_exact(trade.total_amount),
        paid_at=instant(trade.send_pay_date) or at,
        payee=NOBODY_NAMED,
        payer=trade.buyer_open_id or trade.buyer_user_id or None,
        payer_amount=yuan(trade.buyer_pay_amount),
        settled_amount=yuan(trade.receipt_amount),
        returned=isinstance(trade, wire.Closed),
        trace=trace,
    )


def paid_by_charge(charge: wire.Charge, *, trace: str) -> Paid:
    """Tell a charge that went through at once."""
    paid_at = instant(charge.gmt_payment)
    if paid_at is None:
        raise NotUnderstood("paid, and no gmt_payment")
    return Paid(
        provider_transaction_id=charge.trade_no,
        amount=_exact(charge.total_amount),
        paid_at=paid_at,
        payee=NOBODY_NAMED,
        payer=charge.buyer_open_id or charge.buyer_user_id or None,
        payer_amount=yuan(charge.buyer_pay_amount),
        settled_amount=yuan(charge.receipt_amount),
        trace=trace,
    )


def paid_by_notice(notice: wire.Notice, paid_at: datetime) -> Paid:
    """Tell a paid callback, with the identity that it carries."""
    return Paid(
        provider_transaction_id=notice.trade_no,
        amount=_exact(notice.total_amount),
        paid_at=paid_at,
        payee=Payee(notice.seller_id, notice.app_id),
        payer=notice.buyer_open_id or notice.buyer_id or None,
        payer_amount=yuan(notice.buyer_pay_amount),
        settled_amount=yuan(notice.receipt_amount),
        returned=isinstance(notice, wire.ClosedNotice),
    )


def refunded(amount: Money, refund_paid_at: str, *, at: datetime, trace: str) -> Refunded:
    """Tell a done refund; Alipay gives refunds no id of its own."""
    return Refunded(amount, instant(refund_paid_at) or at, trace=trace)


def _exact(text: str) -> Money:
    money = yuan(text)
    if money is None:
        raise NotUnderstood("an amount is missing")
    return money
