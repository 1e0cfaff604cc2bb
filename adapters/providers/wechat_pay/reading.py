"""What orders and refunds at WeChat Pay mean in our words. Source: MAPPING.md §4, §5."""

from datetime import UTC, datetime
from typing import assert_never

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay import wire
from domain.money import Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    Outcome,
    Paid,
    Payee,
    RefundAbnormal,
    RefundAccepted,
    RefundClosed,
    Refunded,
    RefundOutcome,
)

ABNORMAL = Failure(
    "abnormal",
    provider_code="ABNORMAL",
    message="The money could not reach the payer and waits at WeChat Pay for the merchant to act.",
)


def outcome_of(trade: wire.Trade, *, trace: str = "") -> Outcome:
    """Tell an order's state; raises NotUnderstood.

    An unpaid order is never failed: the payer may try again.
    """
    match trade:
        case wire.Success():
            return _paid(trade, trace)
        case wire.NotPaid() | wire.UserPaying() | wire.Accepted():
            return AwaitingPayer(trace=trace)
        case wire.Closed():
            return Closed(trace=trace)
        case wire.Revoked(transaction_id=paid_before):
            return Closed(reversed=bool(paid_before), trace=trace)
        case wire.PayError(trade_state_desc=text):
            refused = Failure("declined", "PAYERROR", text[:256], retryable=True)
            return Declined(refused, trace=trace)
        case _:
            assert_never(trade)


def _paid(trade: wire.Success, trace: str) -> Paid:
    amount, payer = trade.amount, trade.payer
    return Paid(
        provider_transaction_id=trade.transaction_id,
        amount=Money(amount.total, amount.currency),
        paid_at=_utc(trade.success_time),
        payee=Payee(trade.mchid, trade.appid),
        payer=payer.openid if payer else None,
        payer_amount=None if amount.payer_total is None else Money(amount.payer_total),
        settled_amount=Money(amount.total - _borne_by_merchant(trade), amount.currency),
        refunding=isinstance(trade, wire.Refunding),  # its money came in all the same
        trace=trace,
    )


def _borne_by_merchant(trade: wire.Success) -> int:
    """Fen of the coupons that are not settled. Source: MAPPING.md §4."""
    return sum(coupon.amount for coupon in trade.promotion_detail if coupon.type == "NOCASH")


def _utc(told: datetime) -> datetime:
    try:
        return told.astimezone(UTC)
    except OverflowError:
        raise NotUnderstood(f"an impossible time: {told}") from None


def refund_outcome_of(refund: wire.RefundState, *, trace: str = "") -> RefundOutcome:
    """Tell a refund's status as the API answers it."""
    refund_id, accepted_at = refund.refund_id, _utc(refund.create_time)
    match refund:
        case wire.RefundSuccess():
            money = Money(refund.amount.refund, refund.amount.currency)
            return Refunded(money, _utc(refund.success_time), refund_id, accepted_at, trace=trace)
        case wire.RefundProcessing():
            return RefundAccepted(refund_id, accepted_at, trace=trace)
        case wire.RefundClosed():
            return RefundClosed(trace=trace)
        case wire.RefundAbnormal():
            return RefundAbnormal(ABNORMAL, refund_id, trace=trace)
        case _:
            assert_never(refund)


def outcome_of_notice(notice: wire.Notice, *, trace: str = "") -> RefundOutcome:
    """Tell a refund's status as callbacks tell it, without the time of acceptance."""
    match notice:
        case wire.SuccessNotice():
            money = Money(notice.amount.refund, notice.amount.currency)
            return Refunded(money, _utc(notice.success_time), notice.refund_id, trace=trace)
        case wire.ClosedNotice():
            return RefundClosed(trace=trace)
        case wire.AbnormalNotice():
            return RefundAbnormal(ABNORMAL, notice.refund_id, trace=trace)
        case _:
            assert_never(notice)
