"""Our side, as reconciliation reads it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec
from sqlalchemy import Dialect

from adapters.persistence.sql.book_statements import BookStatements
from adapters.persistence.sql.driver import Reader
from adapters.persistence.sql.reconciliation_rows import movements_of
from adapters.persistence.sql.values import Row, micros
from domain.method import Provider
from domain.reconciliation import Movement

#: Movements at a time: two milliseconds of the event loop, and so few that they are gone before
#: Python's collector takes them for long-lived. Of 2 000 it would look through all there is, often.
PAGE = 500


class SqlBooks:
    """One statement for all movements, which the database sorts; we hold a page of them."""

    def __init__(self, reader: Reader, dialect: Dialect) -> None:
        self._reader, self._statements = reader, BookStatements(dialect)

    async def movements(
        self, account: str, provider: Provider, start: datetime, end: datetime
    ) -> AsyncGenerator[Sequence[Movement], None]:
        """What moved in [start, end), in pages, sorted by key. Raises Unavailable."""
        values: Row = {"account": account, "start": micros(start), "end": micros(end)}
        pages = self._reader.pages(self._statements.movements[provider], values, PAGE)
        async with aclosing(pages):
            async for rows in pages:
                yield movements_of(rows)

    async def held(self, numbers: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """provider_order_no -> id and status of the payment. Raises Unavailable."""
        rows = await self._reader.rows(self._statements.held, {"numbers": array(numbers)})
        return {row["provider_order_no"]: (row["id"], row["status"]) for row in rows}

    async def held_refunds(
        self, numbers: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(provider_order_no, provider_refund_no) -> id and status of the refund; likewise."""
        values: Row = {
            "numbers": array([order_no for order_no, _ in numbers]),
            "refund_numbers": array([refund_no for _, refund_no in numbers]),
        }
        rows = await self._reader.rows(self._statements.held_refunds, values)
        wanted = set(numbers)
        keyed = (((row["provider_order_no"], row["provider_refund_no"]), row) for row in rows)
        return {key: (row["id"], row["status"]) for key, row in keyed if key in wanted}


def array(texts: Sequence[str]) -> str:
    """JSON. What bears a NUL can't have been kept, and PostgreSQL would not read it."""
    return msgspec.json.encode([text for text in texts if "\0" not in text]).decode()
