"""Refunds that basepay did not ask for: made on the provider's own site, or by a reversal.

Each becomes a row of ours, so that the app hears of it and nothing can be refunded twice, and an
incident, so that a person asks who did that.
"""

from dataclasses import replace
from datetime import datetime

from application.commands import EXTERNAL_PREFIX
from application.keeper import Keeper, Numbers
from application.ports import Clock, UnitOfWork
from application.records import Evidence
from domain.events import IncidentKind, Report
from domain.money import ZERO, Money
from domain.outcome import FoundRefund, Outcome, Refunded
from domain.payment import Payment
from domain.refund import Initiator, Refund

#: What a refund holds back of its payment, has taken, and both of the charge.
Weight = tuple[Money, Money, Money]
NOTHING: Weight = (ZERO, ZERO, ZERO)


class RefundsElsewhere:
    """Stages such refunds in a unit of work; the caller keeps the payment and commits."""

    def __init__(self, *, clock: Clock, numbers: Numbers, keep: Keeper) -> None:
        self._clock, self._numbers, self._keep = clock, numbers, keep

    async def adopt(
        self,
        work: UnitOfWork,
        payment: Payment,
        number: str,
        found: FoundRefund,
        evidence: Evidence,
    ) -> None:
        """A callback or a bill told of refund `number`, and the provider confirmed it."""
        refund = await self._row_for(work, payment, number, found.amount)
        if refund is not None:
            before = weight(refund) if refund.version else NOTHING
            outcome = found.outcome
            if isinstance(outcome, Refunded):  # a part of it may have been recorded before
                outcome = replace(outcome, amount=refund.charged_amount)
            refund.learn(outcome, at=self._clock.now())
            shift(payment, refund, before)
            self._keep.payment(work, payment)
            self._keep.refund(work, refund)
        kept = payment.id if refund is None else refund.id
        work.append(replace(evidence, order_id=kept))

    async def record_rest(
        self, work: UnitOfWork, payment: Payment, outcome: Outcome, now: datetime
    ) -> None:
        """Everything has gone back: the part that no refund explains becomes one."""
        amount = payment.returned_elsewhere(outcome)
        if not amount:
            return
        charge = payment.share_of(amount)
        refund = self._draft(payment, _rest_of(payment), charge, amount)
        if await work.refunds.numbered(payment.id, refund.provider_refund_no) is not None:
            refund.provider_refund_no = self._numbers.at_provider(refund.id)
        refund.learn(Refunded(charge, now), at=now)
        shift(payment, refund, NOTHING)
        self._keep.refund(work, refund)

    async def _row_for(
        self, work: UnitOfWork, payment: Payment, number: str, charge: Money
    ) -> Refund | None:
        """The row of this number; None if all of it was recorded without one."""
        known = await work.refunds.numbered(payment.id, number)
        rest = await work.refunds.numbered(payment.id, _rest_of(payment))
        if known is not None:
            return known
        if rest is None:
            return self._draft(payment, number, charge, payment.worth_of(charge))
        if rest.charged_amount == charge:
            rest.provider_refund_no = number
            return rest
        more = min(charge, _untold(payment, rest, charge), key=lambda money: money.fen)
        return self._draft(payment, number, payment.share_of(more), more) if more > ZERO else None

    def _draft(self, payment: Payment, number: str, charge: Money, amount: Money) -> Refund:
        id = self._numbers("ref")
        text = f"{amount} of {payment.order_no} went back without basepay, number {number}"
        return Refund(
            id=id,
            app=payment.app,
            refund_no=EXTERNAL_PREFIX + id,
            payment_id=payment.id,
            order_no=payment.order_no,
            account=payment.account,
            amount=amount,
            charged_amount=charge,
            reason="refunded at the provider",
            initiated_by=Initiator.PROVIDER,
            provider_refund_no=number,
            created_at=self._clock.now(),
            reports=[Report(IncidentKind.EXTERNAL_REFUND, text)],
        )


def weight(refund: Refund) -> Weight:
    """What a refund weighs on its payment now."""
    return refund.reserved, refund.refunded, refund.charge


def shift(payment: Payment, refund: Refund, before: Weight) -> None:
    """Let the payment follow what its refund weighs now."""
    reserved, refunded, charge = (b - a for a, b in zip(before, weight(refund), strict=True))
    payment.shift_refund(reserved=reserved, refunded=refunded, charge=charge)


def _untold(payment: Payment, rest: Refund, charge: Money) -> Money:
    """What went back elsewhere and was not in `rest`, because ours seemed to explain it."""
    if rest.charged_amount < charge:  # ours did not go back, or it would be more than was paid
        return payment.amount - payment.refunded_amount
    return payment.refundable()


def _rest_of(payment: Payment) -> str:
    """The number of a refund made elsewhere whose own number nobody told us yet."""
    return f"{payment.provider_order_no}-rest"
