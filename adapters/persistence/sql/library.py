"""Lists out of the database, newest first."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from adapters.persistence.sql.driver import Reader
from adapters.persistence.sql.order_rows import payment_of, refund_of
from adapters.persistence.sql.record_rows import incident_of, message_of
from adapters.persistence.sql.statements import FILTERS, Statements
from adapters.persistence.sql.values import Stored, Value, micros_or_null
from application.records import Filter, Incident, Message, Page
from domain.payment import Payment
from domain.refund import Refund


class _Listed(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Listed)


class SqlLibrary:
    """One short statement a page; `created_from` is inclusive, `created_to` is not."""

    def __init__(self, reader: Reader, statements: Statements) -> None:
        self._reader, self._statements = reader, statements

    async def payments(self, wanted: Filter) -> Page[Payment]:
        """All filters; `payment_id` is the payment's own id."""
        return await self._page("payments", wanted, payment_of)

    async def refunds(self, wanted: Filter) -> Page[Refund]:
        """All filters; `method` is the payment's."""
        return await self._page("refunds", wanted, refund_of)

    async def messages(self, wanted: Filter) -> Page[Message]:
        """By id, app, instant, status (the last word of the type) and order (`payment_id`)."""
        return await self._page("events", wanted, message_of)

    async def incidents(self, wanted: Filter) -> Page[Incident]:
        """By id, app, instant and order (`payment_id`)."""
        return await self._page("incidents", wanted, incident_of)

    async def _page(self, table: str, wanted: Filter, read: Callable[[Stored], R]) -> Page[R]:
        given = _given(wanted, table)
        statement = self._statements.listing(table, frozenset(given))
        # One more than asked tells whether there is another page.
        found = await self._reader.rows(statement, {**given, "limit": wanted.limit + 1})
        items = [read(row) for row in found[: wanted.limit]]
        return Page(items, items[-1].id if len(found) > wanted.limit else None)


def _given(wanted: Filter, table: str) -> dict[str, Value]:
    values: dict[str, Value] = {
        "id": wanted.id,
        "app": wanted.app,
        "status": wanted.status,
        "method": wanted.method,
        "account": wanted.account,
        "order_no": wanted.order_no,
        "payment_id": wanted.payment_id,
        "created_from": micros_or_null(wanted.created_from),
        "created_to": micros_or_null(wanted.created_to),
        "cursor": wanted.cursor,
    }
    known = FILTERS[table]
    return {name: value for name, value in values.items() if value is not None and name in known}
