"""Our side, as reconciliation reads it, in memory."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.persistence.memory.tables import Tables
from domain.bill import MovementKind
from domain.method import Provider
from domain.payment import Payment
from domain.reconciliation import Movement
from domain.refund import Refund
from domain.status import RefundStatus

#: Movements at a time.
PAGE = 500


class MemoryBooks:
    """Reads the shared tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def movements(
        self, account: str, provider: Provider, start: datetime, end: datetime
    ) -> AsyncGenerator[Sequence[Movement], None]:
        """What moved in [start, end), in pages, sorted by key."""
        of_account = (each for each in self._all(provider) if each[0] == account)
        found = [each for _, each in of_account if start <= each.at < end]
        found.sort(key=lambda movement: movement.key)
        for first in range(0, len(found), PAGE):
            await asyncio.sleep(0)
            yield found[first : first + PAGE]

    async def held(self, numbers: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """provider_order_no -> id and status of the payment."""
        await asyncio.sleep(0)
        found = (self._tables.payments.find("provider_order_no", number) for number in numbers)
        return {p.provider_order_no: (p.id, p.status.value) for p in found if p is not None}

    async def held_refunds(
        self, numbers: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(provider_order_no, provider_refund_no) -> id and status of the refund."""
        await asyncio.sleep(0)
        held = {}
        for order_no, refund_no in numbers:
            payment = self._tables.payments.find("provider_order_no", order_no)
            key = (payment.id, refund_no) if payment else None
            refund = self._tables.refunds.find("provider_refund_no", key)
            if refund is not None:
                held[order_no, refund_no] = refund.id, refund.status.value
        return held

    def _all(self, provider: Provider) -> Iterator[tuple[str, Movement]]:
        for payment in self._tables.payments.look():
            for movement in _of_payment(payment):
                yield payment.account, movement
        for refund in self._tables.refunds.look():
            order = self._tables.payments.get(refund.payment_id)
            at = _moved_at(refund, provider)
            if order is not None and at is not None and refund.charged_amount.fen > 0:
                yield refund.account, _of_refund(refund, order, at)


def _of_payment(payment: Payment) -> Iterator[Movement]:
    if payment.reversed:  # nobody told when it was charged
        yield _movement(payment, MovementKind.CHARGE, payment.created_at)
        yield _movement(payment, MovementKind.REVERSAL, payment.created_at)
    elif payment.succeeded_at is not None:
        yield _movement(payment, MovementKind.CHARGE, payment.succeeded_at)


def _movement(payment: Payment, kind: MovementKind, at: datetime) -> Movement:
    return Movement(
        order_no=payment.provider_order_no,
        kind=kind,
        refund_no="",
        fen=payment.charged_amount.fen,
        at=at,
        order_id=payment.id,
        method=payment.method.value,
        settled_fen=None if payment.settled_amount is None else payment.settled_amount.fen,
        test=payment.charged_amount != payment.amount,
    )


def _moved_at(refund: Refund, provider: Provider) -> datetime | None:
    """WeChat Pay books a refund when it accepts it, whatever comes of it; Alipay, once done."""
    if provider is Provider.WECHAT:
        return refund.accepted_at
    return refund.succeeded_at if refund.status is RefundStatus.SUCCEEDED else None


def _of_refund(refund: Refund, payment: Payment, at: datetime) -> Movement:
    return Movement(
        order_no=payment.provider_order_no,
        kind=MovementKind.REFUND,
        refund_no=refund.provider_refund_no,
        fen=refund.charged_amount.fen,
        at=at,
        order_id=refund.id,
        method=payment.method.value,
        test=refund.charged_amount != refund.amount,
    )
