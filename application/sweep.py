"""The sweeper: ask again about everything that is still open, until it is final."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from application.accounts import Accounts
from application.budget import Budgets
from application.ledger import Ledger
from application.ports import Agenda, Clock, NewWork
from application.refresh_payment import RefreshPayment
from application.refresh_refund import RefreshRefund

log = logging.getLogger("basepay.sweeper")

#: Orders taken up at a time, of one account and kind. A silent provider holds up only so many.
BATCH = 64

#: Besides them the payments that came due last: at a till or before a fresh code somebody waits,
#: and must not wait behind a backlog.
LATEST = 32

#: Orders of a kind to choose from when a silent provider is tried again.
TRIED = 4

#: Asks under way per account.
AT_ONCE = 16

#: How long orders that were taken up are this worker's. An ask whose turn comes late is not begun
#: any more, so that it ends while the order is still held: 8 s to read, 4 s to connect.
LEASE, BEGINS_WITHIN = timedelta(seconds=30), timedelta(seconds=15)


class Sweep:
    """Finishes what crashed, expired, or was never answered. No order is ever forgotten."""

    def __init__(
        self,
        *,
        work: NewWork,
        agenda: Agenda,
        accounts: Accounts,
        budgets: Budgets,
        clock: Clock,
        ledger: Ledger,
        refresh_payment: RefreshPayment,
        refresh_refund: RefreshRefund,
    ) -> None:
        self._work, self._agenda, self._clock, self._ledger = work, agenda, clock, ledger
        self._accounts, self._budgets = accounts, budgets
        self._refresh_payment, self._refresh_refund = refresh_payment, refresh_refund
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(AT_ONCE))

    async def __call__(self) -> int:
        """Ask about what is due now at every account; how many orders that were."""
        return sum(await asyncio.gather(*(self.account(name) for name in tuple(self._accounts))))

    async def account(self, name: str) -> int:
        """Ask about what is due now at one account, unless it wants to be left alone."""
        if self._budgets.of(self._accounts[name]).quiet:
            return 0
        if self._accounts.circuit(name).open and not await self._answers_again(name):
            return 0
        now = self._clock.now()
        until = now + LEASE
        payments = await self._agenda.due_payments(name, now, BATCH, until=until)
        if len(payments) == BATCH:
            latest = await self._agenda.due_payments(name, now, LATEST, until=until, latest=True)
            payments = [*latest, *payments]
        refunds = await self._agenda.due_refunds(name, now, BATCH, until=until)
        asked = await asyncio.gather(
            *(self._one(id, name, now, self._payment, self._put_off_payment) for id in payments),
            *(self._one(id, name, now, self._refund, self._put_off_refund) for id in refunds),
        )
        taken = [*payments, *refunds]
        if left := [id for id, was_asked in zip(taken, asked, strict=True) if not was_asked]:
            await self._agenda.give_back(left)
        return len(taken)

    async def _answers_again(self, name: str) -> bool:
        """Ask where one payment stands, only to hear whether anybody answers.

        Nothing is kept of it: whatever is due stays due, and is asked about once somebody does.
        """
        circuit, now = self._accounts.circuit(name), self._clock.now()
        if circuit.shut:
            return False
        payments = await self._agenda.due_payments(name, now, TRIED, until=now + LEASE)
        refunds = await self._agenda.due_refunds(name, now, TRIED, until=now + LEASE)
        try:
            if due := [*payments, *refunds]:  # each in its turn: one of them may be the trouble
                await self._try(name, due[circuit.tries % len(due)])
        finally:
            await self._agenda.give_back([*payments, *refunds])
        return not circuit.open

    async def _try(self, name: str, id: str) -> None:
        account = self._accounts[name]
        async with self._work() as work:
            if id.startswith("ref_"):
                id = (await work.refunds.get(id)).payment_id
            payment = await work.payments.get(id)
        self._budgets.of(account).heard(await account.payments.query(payment))

    async def _one(
        self,
        id: str,
        account: str,
        taken_at: datetime,
        ask: Callable[[str], Awaitable[None]],
        put_off: Callable[[str], Awaitable[None]],
    ) -> bool:
        """Whether it was asked about; otherwise it stays due."""
        async with self._slots[account]:
            if not await self._budgets.of(self._accounts[account]).turn():
                return False
            if self._accounts.circuit(account).open:
                return False
            if self._clock.now() >= taken_at + BEGINS_WITHIN:
                return False
            try:
                await ask(id)
            except Exception:  # one bad order must not stop the others
                log.exception("could not ask about %s", id)
                await put_off(id)
            return True

    async def _payment(self, id: str) -> None:
        async with self._work() as work:
            payment = await work.payments.get(id)
        await self._refresh_payment(payment)

    async def _refund(self, id: str) -> None:
        async with self._work() as work:
            refund = await work.refunds.get(id)
        await self._refresh_refund(refund)

    async def _put_off_payment(self, id: str) -> None:
        now = self._clock.now()
        await self._ledger.change_payment(id, lambda payment: payment.plan_check(now))

    async def _put_off_refund(self, id: str) -> None:
        now = self._clock.now()
        await self._ledger.change_refund(id, lambda refund: refund.plan_check(now))
