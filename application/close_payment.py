"""Close a payment: at the provider first, then here."""

from collections.abc import Mapping

from application.ledger import Ledger
from application.ports import Account, Clock
from application.queries import GetOrders
from application.records import Caller
from domain.errors import PaymentAlreadySucceeded
from domain.payment import Payment
from domain.status import PaymentStatus


class ClosePayment:
    """The use case behind `POST /v1/payments/{id}/close`."""

    def __init__(
        self,
        *,
        orders: GetOrders,
        accounts: Mapping[str, Account],
        clock: Clock,
        ledger: Ledger,
    ) -> None:
        self._orders, self._accounts = orders, accounts
        self._clock, self._ledger = clock, ledger

    async def __call__(self, caller: Caller, id: str) -> Payment:
        """Closed, or still open with `closing` while the provider can't confirm it.

        Raises NotFound, and PaymentAlreadySucceeded: it is then known to be paid.
        """
        payment = await self._orders.payment(caller, id)
        if payment.open:
            payment = await self._close(payment)
        if payment.status is PaymentStatus.SUCCEEDED:
            raise PaymentAlreadySucceeded(payment.id)
        return payment

    async def _close(self, payment: Payment) -> Payment:
        now = self._clock.now()
        payment = await self._ledger.change_payment(payment.id, lambda it: it.ask_to_close(now))
        if payment.parked or not payment.open:
            return payment
        outcome = await self._accounts[payment.account].payments.close(payment)
        return await self._ledger.learn_payment(payment, outcome, source="close")
