"""A merchant account behind its circuit: the same ports, asked only while somebody answers."""

from dataclasses import dataclass, replace

from application.circuit import Circuit
from application.ports import Account, PaymentProvider, Prepared, RefundProvider
from domain.outcome import FoundRefund, Outcome, RefundNotFound, RefundOutcome, Unknown
from domain.payment import Payment
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class GuardedPayments:
    """A PaymentProvider. What is Unasked was not begun at all."""

    inner: PaymentProvider
    circuit: Circuit

    def prepare(self, payment: Payment) -> Prepared:
        """Build the provider request once. Raises InvalidRequest."""
        return self.inner.prepare(payment)

    async def start(self, payment: Payment) -> Outcome:
        """Send the request; what is built here asks nobody, and so learns of nobody."""
        if payment.terms.built_here:
            return await self.inner.start(payment)
        return await self.circuit.ask(lambda: self.inner.start(payment))

    async def query(self, payment: Payment) -> Outcome:
        """Where the provider says it stands."""
        return await self.circuit.ask(lambda: self.inner.query(payment))

    async def close(self, payment: Payment) -> Outcome:
        """Close, or take back a charge."""
        return await self.circuit.ask(lambda: self.inner.close(payment))


@dataclass(frozen=True, slots=True)
class GuardedRefunds:
    """A RefundProvider; likewise."""

    inner: RefundProvider
    circuit: Circuit

    def prepare_refund(self, refund: Refund, payment: Payment) -> bytes:
        """Build the provider request once."""
        return self.inner.prepare_refund(refund, payment)

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Send the request."""
        return await self.circuit.ask(lambda: self.inner.refund(refund, payment))

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Where the provider says it stands."""
        return await self.circuit.ask(lambda: self.inner.query_refund(refund, payment))

    async def look_up(
        self, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        """Find a refund of the payment that basepay did not ask for."""
        return await self.circuit.ask(lambda: self.inner.look_up(provider_refund_no, payment))


def guarded(account: Account, circuit: Circuit) -> Account:
    """The account behind this circuit; one that is behind it already stays as it is."""
    if isinstance(account.payments, GuardedPayments):
        return account
    return replace(
        account,
        payments=GuardedPayments(account.payments, circuit),
        refunds=GuardedRefunds(account.refunds, circuit),
    )
