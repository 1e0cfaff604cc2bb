"""Lists out of memory, newest first."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from adapters.persistence.memory.tables import Tables
from application.records import OPERATOR, Filter, Incident, Message, Page
from domain.payment import Payment
from domain.refund import Refund


class _Listed(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Listed)


class MemoryLibrary:
    """Lists over the shared tables; `created_from` is inclusive, `created_to` is not."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def payments(self, wanted: Filter) -> Page[Payment]:
        """All filters; `payment_id` is the payment's own id."""

        def fits(payment: Payment) -> bool:
            return _equal(
                (wanted.id, payment.id),
                (wanted.app, payment.app),
                (wanted.status, payment.status),
                (wanted.method, payment.method),
                (wanted.account, payment.account),
                (wanted.order_no, payment.order_no),
                (wanted.payment_id, payment.id),
            ) and _within(payment.created_at, wanted)

        await asyncio.sleep(0)
        return _page(self._tables.payments.where(fits), wanted)

    async def refunds(self, wanted: Filter) -> Page[Refund]:
        """All filters; `method` is the payment's."""

        def fits(refund: Refund) -> bool:
            payment = self._tables.payments.get(refund.payment_id)
            return _equal(
                (wanted.id, refund.id),
                (wanted.app, refund.app),
                (wanted.status, refund.status),
                (wanted.method, payment.method if payment else None),
                (wanted.account, refund.account),
                (wanted.order_no, refund.order_no),
                (wanted.payment_id, refund.payment_id),
            ) and _within(refund.created_at, wanted)

        await asyncio.sleep(0)
        return _page(self._tables.refunds.where(fits), wanted)

    async def messages(self, wanted: Filter) -> Page[Message]:
        """By id, app, instant, status (the last word of the type) and order (`payment_id`)."""

        def fits(message: Message) -> bool:
            return (
                message.published_at is not None
                and message.app != OPERATOR
                and _equal(
                    (wanted.id, message.id),
                    (wanted.app, message.app),
                    (wanted.status, message.type.rpartition(".")[2]),
                    (wanted.payment_id, message.order_id),
                )
                and _within(message.occurred_at, wanted)
            )

        await asyncio.sleep(0)
        return _page(self._tables.messages.where(fits), wanted)

    async def incidents(self, wanted: Filter) -> Page[Incident]:
        """By id, app, instant and order (`payment_id`)."""

        def fits(incident: Incident) -> bool:
            return _equal(
                (wanted.id, incident.id),
                (wanted.app, incident.app),
                (wanted.payment_id, incident.order_id),
            ) and _within(incident.created_at, wanted)

        await asyncio.sleep(0)
        return _page(self._tables.incidents.where(fits), wanted)


def _equal(*pairs: tuple[str | None, str | None]) -> bool:
    return all(wanted is None or wanted == found for wanted, found in pairs)


def _within(at: datetime, wanted: Filter) -> bool:
    after = wanted.created_from is None or wanted.created_from <= at
    return after and (wanted.created_to is None or at < wanted.created_to)


def _page(found: Iterable[R], wanted: Filter) -> Page[R]:
    older = (row for row in found if wanted.cursor is None or row.id < wanted.cursor)
    rows: Sequence[R] = sorted(older, key=lambda row: row.id, reverse=True)
    items = rows[: wanted.limit]
    return Page(items, items[-1].id if len(rows) > wanted.limit else None)
