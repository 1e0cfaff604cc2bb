"""Create a refund: reserve the money, remember, ask the provider, remember what it said."""

from collections.abc import Mapping
from datetime import datetime

from application.commands import NewRefund, validate_refund
from application.idempotency import Answer, Idempotency, Key, answered
from application.keeper import Keeper, Numbers
from application.ledger import Ledger, refund_status, settle
from application.ports import Account, Clock, NewWork, UnitOfWork
from application.records import Request
from application.refresh_refund import send_again
from domain.errors import NotFound, RefundNoReused
from domain.money import ZERO, Money
from domain.outcome import Refunded, Unknown
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import RefundStatus


class CreateRefund:
    """The use case behind `POST /v1/refunds`."""

    def __init__(
        self,
        *,
        work: NewWork,
        accounts: Mapping[str, Account],
        clock: Clock,
        numbers: Numbers,
        idempotency: Idempotency,
        ledger: Ledger,
        keep: Keeper,
    ) -> None:
        self._work, self._accounts, self._clock = work, accounts, clock
        self._numbers, self._keep = numbers, keep
        self._idempotency, self._ledger = idempotency, ledger

    async def __call__(self, command: NewRefund, key: Key) -> Answer:
        """The refund as JSON: 201 accepted, 202 queued or unknown, 200 the same one again.

        Raises InvalidRequest, NotFound, PaymentNotSucceeded, RefundExceedsPayment,
        RefundNoReused, RefundLimitReached, RefundWindowClosed, and what Idempotency.once raises.
        """
        validate_refund(command)

        async def run(key: Key) -> Answer:
            return await self._place(command, key)

        return await self._idempotency.once(key, run=run, resume=self._resume)

    async def _place(self, command: NewRefund, key: Key) -> Answer:
        now = self._clock.now()
        async with self._work() as work:
            payment = await work.payments.get(command.payment_id)
            if payment.app != command.app:
                raise NotFound("payment", command.payment_id)
            refund = await work.refunds.named(command.app, command.refund_no)
            if refund is None:
                refund = self._draft(command, payment, now)
            elif not _same(refund, command):
                raise RefundNoReused(command.refund_no, refund.id)
            elif refund.status is RefundStatus.FAILED and not refund.abnormal:
                self._open_again(refund, payment, now)
            else:
                return await self._again(work, refund, key)
            request = await self._reserve(work, refund, payment, key, now)
        if request.status is None:
            await self._send(refund, payment, request)
        return answered(request)

    def _open_again(self, refund: Refund, payment: Payment, now: datetime) -> None:
        """A refused refund, tried again; under the 1-fen switch its share may be another now."""
        before, share = refund.charged_amount, payment.share_of(refund.amount)
        refund.retry(now, share=share)
        if share != before:
            refund.request = self._request(refund, payment)

    def _request(self, refund: Refund, payment: Payment) -> bytes:
        """What the provider will be sent: nothing, where nothing was charged."""
        if not refund.charged_amount:
            return b""
        return self._accounts[payment.account].refunds.prepare_refund(refund, payment)

    async def _reserve(
        self, work: UnitOfWork, refund: Refund, payment: Payment, key: Key, now: datetime
    ) -> Request:
        """Commit the reserve, the refund and the claim; a queued refund is answered at once."""
        again = refund.version > 0
        payment.reserve(refund.amount, share=refund.charged_amount, at=now, again=again)
        request = self._idempotency.claim(key, refund.id)
        if refund.charged_amount:
            turn = payment.take_refund_turn(now, self._accounts[payment.account].refund_spacing)
            refund.plan_check(now)
            queued = turn > now
            refund.next_check_at = turn if queued else refund.next_check_at
        else:
            queued = True
            _settle_nothing(refund, payment, now)
        if queued:
            settle(request, refund_status(refund), refund)
        self._keep.payment(work, payment)
        self._keep.refund(work, refund)
        work.requests.save(request)
        await work.commit()
        return request

    async def _again(self, work: UnitOfWork, refund: Refund, key: Key) -> Answer:
        request = self._idempotency.claim(key, refund.id)
        settle(request, 200, refund)
        work.requests.save(request)
        await work.commit()
        return answered(request)

    async def _send(self, refund: Refund, payment: Payment, request: Request) -> None:
        outcome = await self._accounts[refund.account].refunds.refund(refund, payment)
        await self._ledger.learn_refund(refund, outcome, source="refund", request=request)

    async def _resume(self, request: Request) -> Answer:
        """Finish what a crashed owner began; the number makes a repetition harmless."""
        async with self._work() as work:
            refund = await work.refunds.get(request.order_id)
            payment = await work.payments.get(refund.payment_id)
        if refund.unanswered:
            provider, now = self._accounts[refund.account].refunds, self._clock.now()
            await send_again(self._ledger, provider, refund, payment, at=now, request=request)
        else:
            outcome = Unknown("resumed")
            await self._ledger.learn_refund(refund, outcome, source="resume", request=request)
        return answered(request)

    def _draft(self, command: NewRefund, payment: Payment, now: datetime) -> Refund:
        id, amount = self._numbers("ref"), Money(command.amount)
        refund = Refund(
            id=id,
            app=command.app,
            refund_no=command.refund_no,
            payment_id=payment.id,
            order_no=payment.order_no,
            account=payment.account,
            amount=amount,
            charged_amount=payment.share_of(amount),
            reason=command.reason,
            initiated_by=Initiator.APP,
            provider_refund_no=self._numbers.at_provider(id),
            created_at=now,
        )
        refund.request = self._request(refund, payment)
        return refund


def _same(refund: Refund, command: NewRefund) -> bool:
    asked = (command.payment_id, command.amount, command.reason)
    return (refund.payment_id, refund.amount.fen, refund.reason) == asked


def _settle_nothing(refund: Refund, payment: Payment, now: datetime) -> None:
    """Under the 1-fen switch a share may be nothing: it is given back without anybody's help."""
    held = refund.reserved
    refund.learn(Refunded(ZERO, now), at=now)
    payment.shift_refund(reserved=ZERO - held, refunded=refund.refunded, charge=ZERO)
