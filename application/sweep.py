"""The sweeper: ask again about everything that is still open, until it is final."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

from application.ledger import Ledger
from application.ports import Agenda, Clock, NewWork
from application.refresh_payment import RefreshPayment
from application.refresh_refund import RefreshRefund

log = logging.getLogger("basepay.sweeper")

BATCH = 200

#: Asks under way per account, so that a silent provider holds up only its own orders.
AT_ONCE = 16


class Sweep:
    """Finishes what crashed, expired, or was never answered. No order is ever forgotten."""

    def __init__(
        self,
        *,
        work: NewWork,
        agenda: Agenda,
        clock: Clock,
        ledger: Ledger,
        refresh_payment: RefreshPayment,
        refresh_refund: RefreshRefund,
    ) -> None:
        self._work, self._agenda, self._clock, self._ledger = work, agenda, clock, ledger
        self._refresh_payment, self._refresh_refund = refresh_payment, refresh_refund
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(AT_ONCE))

    async def __call__(self) -> int:
        """Ask about what is due now; how many orders that were."""
        now = self._clock.now()
        payments = await self._agenda.due_payments(now, BATCH)
        refunds = await self._agenda.due_refunds(now, BATCH)
        await asyncio.gather(
            *(self._one(id, self._payment, self._put_off_payment) for id in payments),
            *(self._one(id, self._refund, self._put_off_refund) for id in refunds),
        )
        return len(payments) + len(refunds)

    async def _one(
        self,
        id: str,
        ask: Callable[[str], Awaitable[None]],
        put_off: Callable[[str], Awaitable[None]],
    ) -> None:
        try:
            await ask(id)
        except Exception:  # one bad order must not stop the others
            log.exception("could not ask about %s", id)
            await put_off(id)

    async def _payment(self, id: str) -> None:
        async with self._work() as work:
            payment = await work.payments.get(id)
        async with self._slots[payment.account]:
            await self._refresh_payment(payment)

    async def _refund(self, id: str) -> None:
        async with self._work() as work:
            refund = await work.refunds.get(id)
        async with self._slots[refund.account]:
            await self._refresh_refund(refund)

    async def _put_off_payment(self, id: str) -> None:
        now = self._clock.now()
        await self._ledger.change_payment(id, lambda payment: payment.plan_check(now))

    async def _put_off_refund(self, id: str) -> None:
        now = self._clock.now()
        await self._ledger.change_refund(id, lambda refund: refund.plan_check(now))
