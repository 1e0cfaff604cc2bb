"""What orders announce, once per transition, and what they report to operators."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.status import PaymentStatus, RefundStatus


class EventType(StrEnum):
    """The CloudEvents types that business systems receive."""

    PAYMENT_SUCCEEDED = "basepay.payment.succeeded"
    PAYMENT_FAILED = "basepay.payment.failed"
    PAYMENT_CLOSED = "basepay.payment.closed"
    REFUND_SUCCEEDED = "basepay.refund.succeeded"
    REFUND_FAILED = "basepay.refund.failed"
    REFUND_CLOSED = "basepay.refund.closed"


class OperatorEventType(StrEnum):
    """The CloudEvents types of what concerns no single business system."""

    RECONCILIATION_FINISHED = "basepay.reconciliation.finished"


AnyEventType = EventType | OperatorEventType


def event_type(text: str) -> AnyEventType:
    """Raises ValueError."""
    return OperatorEventType(text) if text in set(OperatorEventType) else EventType(text)


PAYMENT_EVENTS: dict[PaymentStatus, EventType] = {
    PaymentStatus.SUCCEEDED: EventType.PAYMENT_SUCCEEDED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.CLOSED: EventType.PAYMENT_CLOSED,
}
REFUND_EVENTS: dict[RefundStatus, EventType] = {
    RefundStatus.SUCCEEDED: EventType.REFUND_SUCCEEDED,
    RefundStatus.FAILED: EventType.REFUND_FAILED,
    RefundStatus.CLOSED: EventType.REFUND_CLOSED,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One transition of one order; (order, sequence) is unique for ever."""

    type: EventType
    sequence: int
    occurred_at: datetime
    late: bool = False  # a success proven after the order had been closed or failed


class IncidentKind(StrEnum):
    """What a person must look at."""

    PAYMENT_MISMATCH = "payment_mismatch"  # amount, currency, merchant or app id differ
    REFUND_MISMATCH = "refund_mismatch"
    SECOND_TRANSACTION = "second_transaction"  # two provider transactions for one number
    EXTERNAL_REFUND = "external_refund"  # made elsewhere: on the provider's own site
    DUPLICATE_PAYMENT = "duplicate_payment"  # a second success of one order, refunded by itself
    REFUND_ABNORMAL = "refund_abnormal"
    DUPLICATE_NOT_REFUNDED = "duplicate_not_refunded"  # the provider refused to give it back
    REFUND_STUCK = "refund_stuck"  # curable, but not cured within an hour
    REFUND_EXCEEDS_PAYMENT = "refund_exceeds_payment"  # the provider proved more than was paid
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_REFUND = "unknown_refund"
    DEAD_CALLBACK = "dead_callback"
    RECONCILIATION_FAILED = "reconciliation_failed"  # its bill was refused or contradicts itself
    WEBHOOK_DISABLED = "webhook_disabled"  # its receiver answered 410
    WEBHOOK_GIVEN_UP = "webhook_given_up"  # the first since its receiver last took one


@dataclass(frozen=True, slots=True)
class Report:
    """An incident as an order sees it: what, and the facts in one sentence."""

    kind: IncidentKind
    detail: str


class Order(Protocol):
    """What payments and refunds have in common for those who keep and announce them."""

    id: str
    app: str
    sequence: int
    events: list[Event]
    reports: list[Report]
