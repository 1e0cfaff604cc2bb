"""Read one order, asking the provider first if wanted."""

from datetime import datetime, timedelta

from application.ports import Clock, NewWork
from application.records import Caller
from application.refresh_payment import RefreshPayment
from application.refresh_refund import RefreshRefund
from domain.errors import NotFound
from domain.payment import Payment
from domain.refund import Refund

#: An impatient caller asks the provider through us at most this often for one order.
REFRESH_EVERY = timedelta(seconds=2)
REMEMBERED = 10_000


class GetOrders:
    """The use cases behind `GET /v1/payments/{id}` and `GET /v1/refunds/{id}`."""

    def __init__(
        self,
        *,
        work: NewWork,
        clock: Clock,
        refresh_payment: RefreshPayment,
        refresh_refund: RefreshRefund,
    ) -> None:
        self._work, self._clock = work, clock
        self._refresh_payment, self._refresh_refund = refresh_payment, refresh_refund
        self._asked_at: dict[str, datetime] = {}

    async def payment(self, caller: Caller, id: str, *, refresh: bool = False) -> Payment:
        """Raises NotFound, also for another app's payment."""
        async with self._work() as work:
            payment = await work.payments.get(id)
        if not caller.operator and payment.app != caller.name:
            raise NotFound("payment", id)
        if refresh and self._may_ask(id):
            payment = await self._refresh_payment(payment)
        return payment

    async def refund(self, caller: Caller, id: str, *, refresh: bool = False) -> Refund:
        """Raises NotFound, also for another app's refund."""
        async with self._work() as work:
            refund = await work.refunds.get(id)
        if not caller.operator and refund.app != caller.name:
            raise NotFound("refund", id)
        if refresh and not refund.queued(self._clock.now()) and self._may_ask(id):
            refund = await self._refresh_refund(refund)
        return refund

    def _may_ask(self, id: str) -> bool:
        now = self._clock.now()
        last = self._asked_at.get(id)
        if last is not None and now < last + REFRESH_EVERY:
            return False
        if len(self._asked_at) >= REMEMBERED:
            self._asked_at.clear()
        self._asked_at[id] = now
        return True
