"""The one door: whatever is learned about an order is kept here, its events and evidence with it.

Callback, query answer, sweep and repair all end in `learn_payment` or `learn_refund`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from application.budget import Budgets
from application.commands import DUPLICATE_PREFIX
from application.keeper import Keeper, Numbers
from application.ports import Account, AlreadyExists, Clock, LostUpdate, NewWork, UnitOfWork
from application.records import Evidence, RawCallback, Request
from application.refunds_elsewhere import RefundsElsewhere, shift, weight
from application.views import payment_view, refund_view, to_json
from domain.errors import DomainError
from domain.events import EventType, IncidentKind, Report
from domain.outcome import FoundRefund, Outcome, RefundOutcome
from domain.payment import Payment
from domain.refund import Initiator, Refund

#: Rounds against other writers of the same order; each round somebody gets through.
ROUNDS = 60


class Ledger:
    """Keeps what is learned, under version checks, together with what it causes."""

    def __init__(
        self,
        *,
        work: NewWork,
        accounts: Mapping[str, Account],
        clock: Clock,
        numbers: Numbers,
        keep: Keeper,
        budgets: Budgets,
    ) -> None:
        self._work, self._accounts, self._clock = work, accounts, clock
        self._numbers, self._keep, self._budgets = numbers, keep, budgets
        self._elsewhere = RefundsElsewhere(clock=clock, numbers=numbers, keep=keep)

    async def learn_payment(
        self,
        payment: Payment,
        outcome: Outcome,
        *,
        source: str,
        callback: RawCallback | None = None,
        request: Request | None = None,
    ) -> Payment:
        """Take in an outcome; with `request`, settle that request's answer in the same commit.

        Returns the payment as kept. Somebody faster is no harm: read again, learn again.
        """
        self.heard(payment.account, outcome)
        for _ in range(ROUNDS):
            try:
                now = self._clock.now()
                async with self._work() as work:
                    payment.learn(outcome, at=now)
                    await self._elsewhere.record_rest(work, payment, outcome, now)
                    await self._settle_order(work, payment, now)
                    self._keep.evidence(
                        work, payment.id, source=source, outcome=outcome, callback=callback, now=now
                    )
                    self._keep.payment(work, payment)
                    if request is not None and request.status is None:
                        settle(request, payment_status(payment), payment)
                        work.requests.save(request)
                    await work.commit()
                return payment
            except (LostUpdate, AlreadyExists):
                async with self._work() as work:
                    payment = await work.payments.get(payment.id)
                    await self._reload(work, request)
        raise LostUpdate

    async def learn_refund(
        self,
        refund: Refund,
        outcome: RefundOutcome,
        *,
        source: str,
        callback: RawCallback | None = None,
        request: Request | None = None,
    ) -> Refund:
        """Likewise for a refund; its payment's reserve follows in the same commit."""
        self.heard(refund.account, outcome)
        for _ in range(ROUNDS):
            try:
                now = self._clock.now()
                async with self._work() as work:
                    await self._learn_refund(work, refund, outcome, now)
                    self._keep.evidence(
                        work, refund.id, source=source, outcome=outcome, callback=callback, now=now
                    )
                    if request is not None and request.status is None:
                        settle(request, refund_status(refund), refund)
                        work.requests.save(request)
                    await work.commit()
                return refund
            except (LostUpdate, AlreadyExists):
                async with self._work() as work:
                    refund = await work.refunds.get(refund.id)
                    await self._reload(work, request)
        raise LostUpdate

    async def adopt_refund(
        self, payment: Payment, number: str, found: FoundRefund, *, evidence: Evidence
    ) -> None:
        """Keep a refund that was made elsewhere as a row of its own, and tell the operators.

        `evidence`: what told of it; of which order it is, is found out here.
        """
        for _ in range(ROUNDS):
            try:
                async with self._work() as work:
                    await self._elsewhere.adopt(work, payment, number, found, evidence)
                    await work.commit()
                return
            except (LostUpdate, AlreadyExists):
                async with self._work() as work:
                    payment = await work.payments.get(payment.id)
        raise LostUpdate

    async def keep_evidence(self, evidence: Evidence) -> None:
        """Keep what somebody said of an order that it does not change by itself."""
        async with self._work() as work:
            work.append(evidence)
            await work.commit()

    def heard(self, account: str, outcome: Outcome | RefundOutcome) -> None:
        """Note when the account's provider wants to be left alone, whatever was asked."""
        self._budgets.of(self._accounts[account]).heard(outcome)

    async def change_payment(self, id: str, change: Callable[[Payment], None]) -> Payment:
        """Apply `change` to the stored payment; repeated on a lost update."""
        for _ in range(ROUNDS):
            try:
                async with self._work() as work:
                    payment = await work.payments.get(id)
                    change(payment)
                    self._keep.payment(work, payment)
                    await work.commit()
                return payment
            except LostUpdate:
                continue
        raise LostUpdate

    async def change_refund(self, id: str, change: Callable[[Refund], None]) -> Refund:
        """Likewise for a refund."""
        for _ in range(ROUNDS):
            try:
                async with self._work() as work:
                    refund = await work.refunds.get(id)
                    change(refund)
                    self._keep.refund(work, refund)
                    await work.commit()
                return refund
            except LostUpdate:
                continue
        raise LostUpdate

    async def report(self, kind: IncidentKind, detail: str, *, evidence: Evidence | None) -> None:
        """Keep an incident that belongs to no order of ours."""
        async with self._work() as work:
            if evidence is not None:
                work.append(evidence)
            work.append(self._keep.incident(Report(kind, detail), None, None, self._clock.now()))
            await work.commit()

    async def _learn_refund(
        self, work: UnitOfWork, refund: Refund, outcome: RefundOutcome, now: datetime
    ) -> None:
        before = weight(refund)
        refund.learn(outcome, at=now)
        # First: if its row has moved on, that must show before it moves the payment's sums again.
        self._keep.refund(work, refund)
        if before != weight(refund):
            payment = await work.payments.get(refund.payment_id)
            shift(payment, refund, before)
            self._keep.payment(work, payment)

    async def _settle_order(self, work: UnitOfWork, payment: Payment, now: datetime) -> None:
        """The first success committed here wins the order; a second one is refunded by itself."""
        if all(event.type is not EventType.PAYMENT_SUCCEEDED for event in payment.events):
            return
        order = await work.orders.find(payment.app, payment.order_no)
        if order is None:
            raise ValueError(f"{payment.id} belongs to no order")
        if order.won_by(payment.id):
            work.orders.save(order)
            await self._close_successor(work, order.current, payment, now)
        else:
            payment.duplicate_of = order.winner
            self._refund_duplicate(work, payment, now)

    async def _close_successor(
        self, work: UnitOfWork, current: str, winner: Payment, now: datetime
    ) -> None:
        if current == winner.id:
            return
        successor = await work.payments.get(current)
        if successor.open:
            successor.ask_to_close(now)
            self._keep.payment(work, successor)

    def _refund_duplicate(self, work: UnitOfWork, payment: Payment, now: datetime) -> None:
        text = f"{payment.order_no} was already paid by {payment.duplicate_of}"
        payment.reports.append(Report(IncidentKind.DUPLICATE_PAYMENT, text))
        amount = payment.refundable()
        if not amount:  # it has gone back already
            return
        share = payment.share_of(amount)
        try:
            payment.reserve(amount, share=share, at=now)
        except DomainError as error:  # the success is true all the same
            payment.reports.append(Report(IncidentKind.DUPLICATE_NOT_REFUNDED, str(error)))
            return
        account, id = self._accounts[payment.account], self._numbers("ref")
        refund = Refund(
            id=id,
            app=payment.app,
            refund_no=DUPLICATE_PREFIX + payment.id,
            payment_id=payment.id,
            order_no=payment.order_no,
            account=payment.account,
            amount=amount,
            charged_amount=share,
            reason="duplicate payment",
            initiated_by=Initiator.BASEPAY,
            provider_refund_no=self._numbers.at_provider(id),
            created_at=now,
        )
        refund.request = account.refunds.prepare_refund(refund, payment)
        refund.next_check_at = payment.take_refund_turn(now, account.refund_spacing)
        self._keep.refund(work, refund)

    async def _reload(self, work: UnitOfWork, request: Request | None) -> None:
        if request is None:
            return
        stored = await work.requests.find(request.app, request.route, request.key)
        if stored is not None:
            request.status, request.body = stored.status, stored.body
            request.version = stored.version


def settle(request: Request, status: int, order: Payment | Refund) -> None:
    """Give a request its answer: the order as it is at this commit."""
    view = payment_view(order) if isinstance(order, Payment) else refund_view(order)
    request.status, request.body = status, to_json(view)


def payment_status(payment: Payment) -> int:
    """201, also when the provider refused it; 202 while its outcome is unknown.

    A charge is not known before it is final, whatever its payer still has to do.
    """
    waiting = payment.action is None or payment.terms.charges_at_once
    return 202 if payment.open and waiting else 201


def refund_status(refund: Refund) -> int:
    """201 when the provider answered, 202 when queued or unknown."""
    return 202 if refund.open and refund.accepted_at is None else 201
