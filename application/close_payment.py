"""Close a payment: at the provider first, then here."""

from application.ledger import Ledger
from application.ports import Clock
from application.queries import GetOrders
from application.records import Caller
from application.refresh_payment import RefreshPayment
from domain.errors import PaymentAlreadySucceeded
from domain.payment import Payment
from domain.status import PaymentStatus


class ClosePayment:
    """The use case behind `POST /v1/payments/{id}/close`."""

    def __init__(
        self,
        *,
        orders: GetOrders,
        clock: Clock,
        ledger: Ledger,
        refresh_payment: RefreshPayment,
    ) -> None:
        self._orders, self._refresh = orders, refresh_payment
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
        return await self._refresh(payment)  # a charge that is too young is only asked about
