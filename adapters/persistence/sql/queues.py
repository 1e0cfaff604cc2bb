"""What waits in the database: events for publication, callbacks, and orders to ask about."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.record_rows import callback_of, callback_row, message_of
from adapters.persistence.sql.statements import Prepared, Statements
from adapters.persistence.sql.unit import Signal, Step, Unit
from adapters.persistence.sql.values import Row, micros
from application.records import Message, RawCallback

#: How long a callback that was taken is offered to nobody else.
LEASE = timedelta(seconds=30)

Turn = Callable[[], Awaitable[bool]]


class SqlOutbox:
    """Messages in the order in which their units were committed.

    `turn`: whether this process may publish now, where several could.
    """

    def __init__(
        self, reader: Reader, writer: Writer, statements: Statements, turn: Turn | None
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._turn = turn

    async def waiting(self, limit: int) -> Sequence[Message]:
        """The oldest unpublished messages; none while another process publishes them."""
        if self._turn is not None:
            if await self._reader.row(self._statements.unpublished, {"limit": 1}) is None:
                return []
            if not await self._turn():
                return []
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
        values: Row = {"limit": limit, "at": micros(at), "until": micros(at + LEASE)}
        if await self._reader.row(self._statements.any_callback_due, values) is None:
            return []
        rows = await self._writer.take(Step.of(self._statements.due_callbacks, values))
        rows.sort(key=lambda row: cast("int", row["position"]))
        return [(callback_of(row), row["attempts"]) for row in rows]

    async def done(self, id: str) -> None:
        """Forget it."""
        await self._writer.keep(Unit((Step.of(self._statements.drop_callback, {"id": id}),)))

    async def postpone(self, id: str, until: datetime | None) -> None:
        """Count a failed attempt; None: never offer it again."""
        due_at = 0 if until is None else micros(until)
        values: Row = {"id": id, "until": due_at, "is_dead": until is None}
        await self._writer.keep(Unit((Step.of(self._statements.postpone_callback, values),)))

    async def dead(self, limit: int) -> Sequence[RawCallback]:
        """Those that were given up, oldest first."""
        rows = await self._reader.rows(self._statements.dead_callbacks, {"limit": limit})
        return [callback_of(row) for row in rows]

    async def revive(self, id: str) -> bool:
        """Offer it again as if for the first time; False: it is not among the dead."""
        revived = await self._writer.take(Step.of(self._statements.revive_callback, {"id": id}))
        self._on_callback()
        return bool(revived)


class SqlAgenda:
    """Orders of one account whose `next_check_at` has come."""

    def __init__(self, reader: Reader, writer: Writer, statements: Statements) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements

    async def due_payments(
        self, account: str, at: datetime, limit: int, *, until: datetime, latest: bool = False
    ) -> Sequence[str]:
        """Ids of payments, oldest due first, or the latest. Raises Unavailable."""
        statements = self._statements
        take = statements.latest_payments if latest else statements.due_payments
        values = _due_values(account, at, limit, until)
        found = await self._take(statements.any_payment_due, take, values)
        return found[::-1] if latest else found

    async def due_refunds(
        self, account: str, at: datetime, limit: int, *, until: datetime
    ) -> Sequence[str]:
        """Ids of refunds, oldest due first. Raises Unavailable."""
        statements, values = self._statements, _due_values(account, at, limit, until)
        return await self._take(statements.any_refund_due, statements.due_refunds, values)

    async def give_back(self, ids: Sequence[str]) -> None:
        """Due for anybody, at once. Raises Unavailable."""
        table = self._statements.give_back
        steps = tuple(Step.of(table[id.partition("_")[0]], {"order_id": id}) for id in ids)
        await self._writer.keep(Unit(steps))

    async def open_orders(self) -> Mapping[str, int]:
        """How many shall be asked about some time, by account. Raises Unavailable."""
        rows = await self._reader.rows(self._statements.open_orders, {})
        return {row["account"]: row["orders"] for row in rows}

    async def _take(self, look: Prepared, take: Prepared, values: Row) -> list[str]:
        """Most of the time nothing is due: so look first, and write only if something is."""
        if await self._reader.row(look, values) is None:
            return []
        taken = await self._writer.take(Step.of(take, values))
        return [id for _, id in sorted((row["next_check_at"], row["id"]) for row in taken)]


def _due_values(account: str, at: datetime, limit: int, until: datetime) -> Row:
    return {"account": account, "at": micros(at), "limit": limit, "until": micros(until)}
