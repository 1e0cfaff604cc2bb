"""Repair never overwrites: the provider is asked, and the order learns through the one door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from application.ledger import Ledger
from application.ports import Account, Clock, NewWork
from application.records import Evidence
from domain.bill import MovementKind
from domain.bill_day import BillDay
from domain.discrepancy import Discrepancy
from domain.method import Provider
from domain.outcome import FoundRefund, Unknown
from domain.payment import Payment
from domain.reconciliation import Class
from domain.refund import Refund
from domain.status import PaymentStatus, RefundStatus

#: Of what a bill knows and our book does not.
REPAIRABLE = frozenset({Class.MISSING_LOCALLY, Class.UNKNOWN_REFUND, Class.STATUS_MISMATCH})


@dataclass(frozen=True, slots=True)
class Learned:
    """What moved by our book, once the provider has confirmed it."""

    fen: int
    at: datetime | None = None  # None: nobody told

    def settles(self, discrepancy: Discrepancy, day: date) -> bool:
        """Whether the row in that day's bill is this; one payment does not explain two."""
        start, end = BillDay.of(day).window
        same_day = self.at is None or start <= self.at < end
        return same_day and self.fen == abs(discrepancy.bill_fen or 0)


class Repair:
    """Asks about the order that a bill's row speaks of."""

    def __init__(
        self,
        *,
        work: NewWork,
        accounts: Mapping[str, Account],
        clock: Clock,
        ledger: Ledger,
    ) -> None:
        self._work, self._accounts = work, accounts
        self._clock, self._ledger = clock, ledger

    async def __call__(self, discrepancy: Discrepancy) -> Learned | None:
        """What our book holds now of that row; None if the provider does not confirm it.

        What only our book knows of is not asked about: nothing that a provider proved is unlearned.
        """
        if discrepancy.bill_fen is None or discrepancy.cls not in REPAIRABLE:
            return None
        async with self._work() as work:
            payment = await work.payments.numbered(discrepancy.order_no)
        if payment is None or payment.account != discrepancy.account:
            return None
        match discrepancy.kind:
            case MovementKind.CHARGE:
                after = await self._asked(payment, discrepancy)
                paid = after.status is PaymentStatus.SUCCEEDED
                return Learned(after.charged_amount.fen, after.succeeded_at) if paid else None
            case MovementKind.REVERSAL:
                after = await self._asked(payment, discrepancy)
                back = after.reversed or (not after.open and not after.refundable())
                return Learned(after.charged_amount.fen) if back else None
            case MovementKind.REFUND:
                return await self._refund(payment, discrepancy)
            case None:
                return None

    async def _asked(self, payment: Payment, discrepancy: Discrepancy) -> Payment:
        """Only asked: what it may take to bring an open order forward is the sweeper's."""
        await self._ledger.keep_evidence(self._row(discrepancy, payment.id))
        outcome = await self._accounts[payment.account].payments.query(payment)
        return await self._ledger.learn_payment(payment, outcome, source="query")

    async def _refund(self, payment: Payment, discrepancy: Discrepancy) -> Learned | None:
        refund = await self._numbered(payment, discrepancy.refund_no)
        if refund is None:
            return await self._adopt(payment, discrepancy)
        await self._ledger.keep_evidence(self._row(discrepancy, refund.id))
        provider = self._accounts[refund.account].refunds
        outcome = await provider.query_refund(refund, payment)
        return self._moved(await self._ledger.learn_refund(refund, outcome, source="query_refund"))

    async def _adopt(self, payment: Payment, discrepancy: Discrepancy) -> Learned | None:
        """One that basepay did not ask for; it may be a part of what is in our book already."""
        if payment.status is not PaymentStatus.SUCCEEDED:
            payment = await self._asked(payment, discrepancy)
        number = discrepancy.refund_no
        found = await self._accounts[payment.account].refunds.look_up(number, payment)
        if isinstance(found, Unknown):
            self._ledger.heard(payment.account, found)
        if not isinstance(found, FoundRefund) or payment.status is not PaymentStatus.SUCCEEDED:
            return None
        evidence = self._row(discrepancy, None)
        await self._ledger.adopt_refund(payment, number, found, evidence=evidence)
        refund = await self._numbered(payment, number)
        return None if refund is None else self._moved(refund)

    async def _numbered(self, payment: Payment, number: str) -> Refund | None:
        async with self._work() as work:
            return await work.refunds.numbered(payment.id, number)

    def _moved(self, refund: Refund) -> Learned | None:
        """WeChat Pay books a refund when it accepts it, Alipay once it is done."""
        if refund.accepted_at is None or refund.status is RefundStatus.CLOSED:
            return None
        by_acceptance = self._accounts[refund.account].provider is Provider.WECHAT
        at = refund.accepted_at if by_acceptance else refund.succeeded_at
        return None if at is None else Learned(refund.charged_amount.fen, at)

    def _row(self, discrepancy: Discrepancy, order_id: str | None) -> Evidence:
        """The bill's row; its id follows the discrepancy's, so that a repetition adds nothing."""
        return Evidence(
            id=f"evi_{discrepancy.id.partition('_')[2]}",
            order_id=order_id,
            source="bill",
            text=f"{discrepancy.cls} in line {discrepancy.line}",
            received_at=self._clock.now(),
            body=discrepancy.raw.encode(),
        )
