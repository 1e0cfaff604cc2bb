"""What waits in the database: events for publication, callbacks, and orders to ask about."""

from collections.abc import Sequence
from datetime import datetime

from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.record_rows import callback_of, callback_row, message_of
from adapters.persistence.sql.statements import Prepared, Statements
from adapters.persistence.sql.unit import Signal, Step, Unit
from adapters.persistence.sql.values import Row, micros
from application.records import Message, RawCallback


class SqlOutbox:
    """Messages in the order in which their units were committed."""

    def __init__(self, reader: Reader, writer: Writer, statements: Statements) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements

    async def waiting(self, limit: int) -> Sequence[Message]:
        """The oldest unpublished messages."""
        rows = await self._reader.rows(self._statements.unpublished, {"limit": limit})
        return [message_of(row) for row in rows]

    async def published(self, ids: Sequence[str], at: datetime) -> None:
        """Mark them; the first mark stays."""
        mark = self._statements.publish
        steps = tuple(Step.of(mark, {"id": id, "at": micros(at)}) for id in ids)
        await self._writer.keep(Unit(steps))

    async def announced(self, after: str, limit: int) -> Sequence[Message]:
        """Published messages with a later id, in the order of ids."""
        values: Row = {"after": after, "limit": limit}
        rows = await self._reader.rows(self._statements.announced, values)
        return [message_of(row) for row in rows]


class SqlCallbackQueue:
    """Callbacks in the order in which they came; `on_callback` is called after each commit."""

    def __init__(
        self, reader: Reader, writer: Writer, statements: Statements, on_callback: Signal
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._on_callback = on_callback

    async def put(self, callback: RawCallback) -> None:
        """Take it durably; one whose id is here already is taken once. Raises Unavailable."""
        step = Step.of(self._statements.put_callback, callback_row(callback))
        await self._writer.keep(Unit((step,), self._on_callback))

    async def take(self, limit: int, *, at: datetime) -> Sequence[tuple[RawCallback, int]]:
        """The oldest that are due, each with the number of attempts so far."""
        values = {"limit": limit, "at": micros(at)}
        rows = await self._reader.rows(self._statements.due_callbacks, values)
        return [(callback_of(row), row["attempts"]) for row in rows]

    async def done(self, id: str) -> None:
        """Forget it."""
        await self._writer.keep(Unit((Step.of(self._statements.drop_callback, {"id": id}),)))

    async def postpone(self, id: str, until: datetime | None) -> None:
        """Count a failed attempt; None: never offer it again."""
        due_at = 0 if until is None else micros(until)
        values: Row = {"id": id, "until": due_at, "is_dead": until is None}
        await self._writer.keep(Unit((Step.of(self._statements.postpone_callback, values),)))


class SqlAgenda:
    """Orders of one account whose `next_check_at` has come."""

    def __init__(self, reader: Reader, statements: Statements) -> None:
        self._reader, self._statements = reader, statements

    async def due_payments(
        self, account: str, at: datetime, limit: int, *, latest: bool = False
    ) -> Sequence[str]:
        """Ids of payments, oldest due first, or the latest."""
        due = self._statements.latest_payments if latest else self._statements.due_payments
        return await self._due(due, account, at, limit)

    async def due_refunds(self, account: str, at: datetime, limit: int) -> Sequence[str]:
        """Ids of refunds, oldest due first."""
        return await self._due(self._statements.due_refunds, account, at, limit)

    async def _due(self, due: Prepared, account: str, at: datetime, limit: int) -> Sequence[str]:
        values: Row = {"account": account, "at": micros(at), "limit": limit}
        return [row["id"] for row in await self._reader.rows(due, values)]
