"""Valid orders and provider answers; a test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.method import Method
from domain.money import Money
from domain.outcome import Failure, Paid, Payee, Refunded
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus, RefundStatus

NOON = datetime(2026, 3, 14, 4, tzinfo=UTC)  # noon in Shanghai
OWED = Money(8888)
PAYEE = Payee(merchant_id="1900000001", app_id="wx0000000000000001")


def later(**units: float) -> datetime:
    """An instant after NOON, e.g. `later(minutes=5)`."""
    return NOON + timedelta(**units)


def a_payment(**changes: Any) -> Payment:
    """A payment of 88.88 yuan, open for two hours from NOON; the numbers follow the id."""
    id = changes.get("id", "pay_01")
    amount = changes.get("amount", OWED)
    facts: dict[str, Any] = {
        "id": id,
        "app": "shop",
        "order_no": "SO-" + id.removeprefix("pay_"),
        "account": "wechat-main",
        "method": Method.WECHAT_NATIVE,
        "amount": amount,
        "charged_amount": amount,
        "subject": "Two cups of tea",
        "provider_order_no": "d1" + id.removeprefix("pay_"),
        "created_at": NOON,
        "expires_at": later(hours=2),
        "payee": PAYEE,
    }
    if changes.get("status") is PaymentStatus.SUCCEEDED:
        facts |= {"succeeded_at": NOON, "provider_transaction_id": "4200000001"}
    if changes.get("status", PaymentStatus.CREATED) is not PaymentStatus.CREATED:
        facts |= {"sequence": 2}
    return Payment(**(facts | changes))


def a_code_payment(**changes: Any) -> Payment:
    """A charge of 88.88 yuan by WeChat code, begun at NOON; 45 seconds for the password."""
    facts: dict[str, Any] = {"method": Method.WECHAT_CODE, "expires_at": later(seconds=45)}
    return a_payment(**(facts | changes))


def a_refund(**changes: Any) -> Refund:
    """A refund of 10 yuan that the app asked for at NOON; the numbers follow the id."""
    id = changes.get("id", "ref_01")
    amount = changes.get("amount", Money(1000))
    facts: dict[str, Any] = {
        "id": id,
        "app": "shop",
        "refund_no": "RF-" + id.removeprefix("ref_"),
        "payment_id": "pay_01",
        "order_no": "SO-01",
        "account": "wechat-main",
        "amount": amount,
        "charged_amount": amount,
        "reason": "Tea was cold",
        "initiated_by": Initiator.APP,
        "provider_refund_no": "d1" + id.removeprefix("ref_"),
        "created_at": NOON,
    }
    if changes.get("status") is RefundStatus.SUCCEEDED:
        facts |= {"accepted_at": NOON, "succeeded_at": NOON}
    if changes.get("status") is RefundStatus.FAILED:
        facts |= {"failure": Failure("refused", retryable=True)}
    if changes.get("status", RefundStatus.CREATED) is not RefundStatus.CREATED:
        facts |= {"sequence": 2}
    return Refund(**(facts | changes))


def paid(**changes: Any) -> Paid:
    """The provider's proof that `a_payment()` was paid in full."""
    facts: dict[str, Any] = {
        "provider_transaction_id": "4200000001",
        "amount": OWED,
        "paid_at": NOON,
        "payee": PAYEE,
    }
    return Paid(**(facts | changes))


def refunded(**changes: Any) -> Refunded:
    """The provider's proof that the money of `a_refund()` went back."""
    facts: dict[str, Any] = {"amount": Money(1000), "refunded_at": NOON}
    return Refunded(**(facts | changes))
