"""What callers can ask for that is not possible; each error carries its facts and one sentence.

DomainError
├── InvalidRequest              a field is missing or malformed
├── AccountRequired             several accounts and no default
├── MethodNotOffered            the account does not offer this method
├── NotFound
├── OrderAlreadyPaid            another payment of this order_no won
├── PaymentInProgress           an open code payment can't be superseded
├── PaymentAlreadySucceeded     close came too late
├── PaymentNotSucceeded         nothing to refund
├── RefundExceedsPayment
├── RefundNoReused              same refund_no, other content
├── RefundLimitReached
├── RefundWindowClosed
├── WebhookLimitReached
├── DiscrepancyResolved         it is settled already
├── MoneyDiffers                a note can't explain money away
├── ApprovalAwaited             accepted already; a second person is awaited
├── NothingToApprove            nobody has accepted it
├── SecondPersonNeeded          nobody approves an acceptance of their own
├── NotRepaired                 the provider says nothing that settles it
├── ReconciliationNotFinished   it has no report yet
├── IdempotencyKeyReused        same key, other body
└── IdempotencyInProgress       the first request with this key is still running
"""

from dataclasses import dataclass


class DomainError(Exception):
    """The caller asked for the impossible. `str()` is a full sentence."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its path, and what was expected instead."""

    field: str
    expected: str


class InvalidRequest(DomainError):
    """One or more fields are wrong."""

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{e.field}: {e.expected}" for e in errors) + ".")


class AccountRequired(DomainError):
    """The app has several accounts of this provider and named none, or named an unknown one."""

    def __init__(self, provider: str, choices: tuple[str, ...]) -> None:
        self.provider, self.choices = provider, choices
        named = ", ".join(choices) or "none is configured"
        super().__init__(f"Name one of your accounts for {provider} in `account`: {named}.")


class MethodNotOffered(DomainError):
    """The account can't take money this way."""

    def __init__(self, method: str, account: str) -> None:
        self.method, self.account = method, account
        super().__init__(
            f"The account {account} does not offer {method}; choose another method or account."
        )


class NotFound(DomainError):
    """Nothing with this id belongs to the caller."""

    def __init__(self, kind: str, id: str) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"There is no {kind} {id} here; check the id.")


class OrderAlreadyPaid(DomainError):
    """An earlier payment of this order has succeeded."""

    def __init__(self, order_no: str, payment_id: str) -> None:
        self.order_no, self.payment_id = order_no, payment_id
        super().__init__(f"The order {order_no} is already paid by {payment_id}; read that one.")


class PaymentInProgress(DomainError):
    """An open code payment may still be charged; it must end before the next."""

    retry_after_seconds = 5

    def __init__(self, payment_id: str) -> None:
        self.payment_id = payment_id
        super().__init__(f"The payment {payment_id} is still in progress; ask again in a moment.")


class PaymentAlreadySucceeded(DomainError):
    """The payer was faster than the close."""

    def __init__(self, payment_id: str) -> None:
        self.payment_id = payment_id
        super().__init__(f"The payment {payment_id} has succeeded; refund it instead.")


class PaymentNotSucceeded(DomainError):
    """Only money that came in can go back."""

    def __init__(self, payment_id: str, status: str) -> None:
        self.payment_id, self.status = payment_id, status
        super().__init__(f"The payment {payment_id} is {status}; only a succeeded one is refunded.")


class RefundExceedsPayment(DomainError):
    """More than what is left of the paid sum."""

    def __init__(self, payment_id: str, asked: int, left: int) -> None:
        self.payment_id, self.asked, self.left = payment_id, asked, left
        super().__init__(f"{asked} fen asked, {left} fen of {payment_id} can still be refunded.")


class RefundNoReused(DomainError):
    """This refund_no names another refund."""

    def __init__(self, refund_no: str, refund_id: str) -> None:
        self.refund_no, self.refund_id = refund_no, refund_id
        super().__init__(
            f"{refund_no} already names {refund_id}, which differs; take another refund_no."
        )


class RefundLimitReached(DomainError):
    """The provider allows no more refunds of one payment."""

    def __init__(self, payment_id: str, limit: int) -> None:
        self.payment_id, self.limit = payment_id, limit
        super().__init__(
            f"{payment_id} has had {limit} refunds, the most there may be; refund by hand."
        )


class RefundWindowClosed(DomainError):
    """The payment is too old to be refunded through the provider."""

    def __init__(self, payment_id: str, days: int) -> None:
        self.payment_id, self.days = payment_id, days
        super().__init__(f"{payment_id} was paid more than {days} days ago; refund it by hand.")


class WebhookLimitReached(DomainError):
    """The app has as many webhook endpoints as there may be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"An app has at most {limit} webhook endpoints; delete one first.")


class DiscrepancyResolved(DomainError):
    """History is not written twice."""

    def __init__(self, discrepancy_id: str) -> None:
        self.discrepancy_id = discrepancy_id
        super().__init__(f"{discrepancy_id} is resolved already; its trail says how.")


class MoneyDiffers(DomainError):
    """A note explains what concerns no money."""

    def __init__(self, discrepancy_id: str) -> None:
        self.discrepancy_id = discrepancy_id
        super().__init__(f"{discrepancy_id} is about money; `repair` it, or `accept` it.")


class ApprovalAwaited(DomainError):
    """Somebody has accepted it, and that is enough of accepting."""

    def __init__(self, discrepancy_id: str, by: str) -> None:
        self.discrepancy_id, self.by = discrepancy_id, by
        super().__init__(f"{by} has accepted {discrepancy_id}; another person approves it.")


class NothingToApprove(DomainError):
    """Only an acceptance waits for a second person."""

    def __init__(self, discrepancy_id: str) -> None:
        self.discrepancy_id = discrepancy_id
        super().__init__(f"Nobody has accepted {discrepancy_id} yet; resolve it first.")


class SecondPersonNeeded(DomainError):
    """Money is not waved through by one person alone."""

    def __init__(self, discrepancy_id: str, by: str) -> None:
        self.discrepancy_id, self.by = discrepancy_id, by
        super().__init__(f"{by} has accepted {discrepancy_id}, so another person must approve it.")


class NotRepaired(DomainError):
    """The provider was asked, and nothing that it says settles the difference."""

    def __init__(self, discrepancy_id: str, why: str) -> None:
        self.discrepancy_id, self.why = discrepancy_id, why
        super().__init__(f"{discrepancy_id} stays as it is: {why}.")


class ReconciliationNotFinished(DomainError):
    """There is no report yet."""

    def __init__(self, reconciliation_id: str, status: str) -> None:
        self.reconciliation_id, self.status = reconciliation_id, status
        super().__init__(f"{reconciliation_id} is {status}; its report comes when it is finished.")


class IdempotencyKeyReused(DomainError):
    """The key belongs to a request with another body."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            "This Idempotency-Key was used with another body; take a new key for a new request."
        )


class IdempotencyInProgress(DomainError):
    """The first request with this key has not ended yet."""

    retry_after_seconds = 2

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("The first request with this Idempotency-Key is running; repeat it later.")
