"""The payment service: verify each queued callback again and learn from it."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

from application.keeper import evidence_of
from application.ledger import Ledger
from application.ports import (
    Account,
    CallbackQueue,
    CallbackRejected,
    Clock,
    NewWork,
    Unavailable,
)
from application.records import NoNews, PaymentNews, RawCallback, RefundNews
from application.refresh_payment import RefreshPayment
from application.refresh_refund import RefreshRefund
from domain.events import IncidentKind
from domain.outcome import FoundRefund, Outcome, Paid, Unknown
from domain.payment import Payment
from domain.status import PaymentStatus, RefundStatus

log = logging.getLogger("basepay.callbacks")

BATCH = 64

#: Seconds before a failed attempt is repeated; after the last one the callback is dead.
RETRIES = (1, 2, 5, 10, 30, 60, 300, 600)


class ApplyCallbacks:
    """Takes what the gateway accepted. Applying twice is quiet, so at least once is enough."""

    def __init__(
        self,
        *,
        work: NewWork,
        queue: CallbackQueue,
        accounts: Mapping[str, Account],
        clock: Clock,
        ledger: Ledger,
        refresh_payment: RefreshPayment,
        refresh_refund: RefreshRefund,
    ) -> None:
        self._work, self._queue, self._accounts = work, queue, accounts
        self._clock, self._ledger = clock, ledger
        self._refresh_payment, self._refresh_refund = refresh_payment, refresh_refund

    async def __call__(self) -> int:
        """Apply one batch; how many were taken."""
        batch = await self._queue.take(BATCH, at=self._clock.now())
        await asyncio.gather(*(self._attempt(callback, tries) for callback, tries in batch))
        return len(batch)

    async def _attempt(self, callback: RawCallback, tries: int) -> None:
        try:
            await self._apply(callback)
            await self._queue.done(callback.id)
        except (Unavailable, CallbackRejected) as error:
            # It comes again, and nobody is wrong: the gateway knew a key that we have yet to fetch.
            log.warning("callback %s waits, attempt %s: %s", callback.id, tries + 1, error)
            await self._fail(callback, tries)
        except Exception:  # one bad callback must not stop the others
            log.exception("callback %s failed, attempt %s", callback.id, tries + 1)
            await self._fail(callback, tries)

    async def _fail(self, callback: RawCallback, tries: int) -> None:
        if tries < len(RETRIES):
            until = self._clock.now() + timedelta(seconds=RETRIES[tries])
            await self._queue.postpone(callback.id, until)
            return
        text = f"{callback.id} of {callback.account} failed {tries + 1} times"
        await self._ledger.report(IncidentKind.DEAD_CALLBACK, text, evidence=None)
        await self._queue.postpone(callback.id, None)

    async def _apply(self, callback: RawCallback) -> None:
        account = self._accounts.get(callback.account)
        if account is None:
            raise CallbackRejected(f"{callback.account} is not configured any more")
        news = account.callbacks.read(callback)
        match news:
            case PaymentNews():
                await self._apply_to_payment(callback, news)
            case RefundNews():
                await self._apply_to_refund(callback, news)
            case NoNews():
                await self._keep_evidence(callback)
            case _:
                assert_never(news)

    async def _apply_to_payment(self, callback: RawCallback, news: PaymentNews) -> None:
        async with self._work() as work:
            payment = await work.payments.numbered(news.provider_order_no)
        if payment is None or payment.account != callback.account:
            text = f"{callback.account} speaks of payment {news.provider_order_no}: not ours"
            await self._disown(callback, IncidentKind.UNKNOWN_ORDER, text)
            return
        outcome: Outcome = news.outcome
        if isinstance(outcome, Paid) and payment.being_taken_back(self._clock.now()):
            outcome = Unknown("it was paid when this was sent: ask")
        payment = await self._ledger.learn_payment(
            payment, outcome, source="callback", callback=callback
        )
        if isinstance(outcome, Unknown) and payment.open:
            await self._refresh_payment(payment)

    async def _apply_to_refund(self, callback: RawCallback, news: RefundNews) -> None:
        async with self._work() as work:
            payment = await work.payments.numbered(news.provider_order_no)
            if payment is None or payment.account != callback.account:
                text = f"{callback.account} speaks of refund {news.provider_refund_no}: not ours"
                await self._disown(callback, IncidentKind.UNKNOWN_REFUND, text)
                return
            refund = await work.refunds.numbered(payment.id, news.provider_refund_no)
        if refund is None:
            await self._adopt(callback, news.provider_refund_no, payment)
            return
        refund = await self._ledger.learn_refund(
            refund, news.outcome, source="callback", callback=callback
        )
        if isinstance(news.outcome, Unknown) and refund.status is not RefundStatus.SUCCEEDED:
            await self._refresh_refund(refund)

    async def _adopt(self, callback: RawCallback, number: str, payment: Payment) -> None:
        """A refund that basepay did not ask for: made on the provider's own site.

        Raises Unavailable while the provider does not confirm it; the callback comes again.
        """
        if payment.status is not PaymentStatus.SUCCEEDED:  # its own callback was lost
            payment = await self._refresh_payment(payment)
        found = await self._accounts[payment.account].refunds.look_up(number, payment)
        if isinstance(found, Unknown):
            self._ledger.heard(payment.account, found)
        if not isinstance(found, FoundRefund) or payment.status is not PaymentStatus.SUCCEEDED:
            raise Unavailable(f"refund {number} of {payment.id} is not confirmed yet")
        evidence = evidence_of(callback, None, type(found.outcome).__name__)
        await self._ledger.adopt_refund(payment, number, found, evidence=evidence)

    async def _keep_evidence(self, callback: RawCallback) -> None:
        await self._ledger.keep_evidence(evidence_of(callback, None, NoNews.__name__))

    async def _disown(self, callback: RawCallback, kind: IncidentKind, text: str) -> None:
        evidence = evidence_of(callback, None, kind.value)
        await self._ledger.report(kind, text, evidence=evidence)
