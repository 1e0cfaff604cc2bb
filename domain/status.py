"""The unified vocabulary: four words for both orders, and the moves between them."""

from enum import StrEnum


class PaymentStatus(StrEnum):
    """Where a payment stands, from facts the provider signed or answered."""

    CREATED = "created"  # no final result known yet
    SUCCEEDED = "succeeded"  # real money moved
    FAILED = "failed"  # the provider's side failed
    CLOSED = "closed"  # no money moved, or it was reversed at once


class RefundStatus(StrEnum):
    """Where a refund stands; the same four words."""

    CREATED = "created"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CLOSED = "closed"


PAYMENT_MOVES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.CREATED: frozenset(
        {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CLOSED}
    ),
    PaymentStatus.SUCCEEDED: frozenset(),  # real money moved: nothing takes that back
    PaymentStatus.FAILED: frozenset({PaymentStatus.SUCCEEDED}),
    PaymentStatus.CLOSED: frozenset({PaymentStatus.SUCCEEDED}),  # the payer beat our close
}

#: What news may do. Only the app's own retry leads from `failed` back to `created`.
REFUND_MOVES: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.CREATED: frozenset(
        {RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CLOSED}
    ),
    RefundStatus.SUCCEEDED: frozenset(),
    RefundStatus.FAILED: frozenset({RefundStatus.SUCCEEDED, RefundStatus.CLOSED}),
    RefundStatus.CLOSED: frozenset({RefundStatus.SUCCEEDED}),
}
