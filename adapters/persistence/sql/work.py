"""Units of work over a SQL database: reads at once, writes staged until the commit."""

from types import TracebackType
from typing import Self

from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.order_rows import (
    order_of,
    order_row,
    payment_of,
    payment_row,
    refund_of,
    refund_row,
)
from adapters.persistence.sql.record_rows import (
    evidence_row,
    incident_row,
    message_row,
    request_of,
    request_row,
)
from adapters.persistence.sql.statements import Statements
from adapters.persistence.sql.unit import Signal, Step, Unit
from adapters.persistence.sql.values import Row
from application.ports import Orders, Payments, Refunds, Requests
from application.records import Evidence, Incident, Message, Record, Request
from domain.errors import NotFound
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

Saved = Payment | Refund | Order | Request


class SqlUnitOfWork:
    """One unit; `on_message` is called on the event loop once events of it are committed."""

    payments: Payments
    refunds: Refunds
    orders: Orders
    requests: Requests

    def __init__(
        self, reader: Reader, writer: Writer, statements: Statements, on_message: Signal
    ) -> None:
        self._writer, self._statements, self._on_message = writer, statements, on_message
        self._saved: dict[tuple[str, ...], tuple[Saved, Step]] = {}
        self._appended: list[Step] = []
        self._announces = False
        self.payments = _Payments(self, reader, statements)
        self.refunds = _Refunds(self, reader, statements)
        self.orders = _Orders(self, reader, statements)
        self.requests = _Requests(self, reader, statements)

    def stage(self, saved: Saved, row: Row, table: str, *key: str) -> None:
        """Remember `saved` as it is now; the last save of a row counts."""
        if saved.version == 0:
            step = Step.of(self._statements.insert[table], row)
        else:
            step = Step.of(self._statements.update[table], row, changes_one=True)
        self._saved[table, *key] = (saved, step)

    def append(self, record: Record) -> None:
        """Stage an event for the outbox, a piece of evidence, or an incident."""
        self._appended.append(_step(record, self._statements))
        self._announces |= isinstance(record, Message)

    async def commit(self) -> None:
        """Keep everything staged, or nothing. Raises LostUpdate, AlreadyExists, Unavailable."""
        steps = (*(step for _, step in self._saved.values()), *self._appended)
        if steps:
            await self._writer.keep(Unit(steps, self._on_message if self._announces else None))
        for saved, _ in self._saved.values():
            saved.version += 1
        self._forget()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._forget()

    def _forget(self) -> None:
        self._saved.clear()
        self._appended.clear()
        self._announces = False


def _step(record: Record, statements: Statements) -> Step:
    match record:
        case Message():
            return Step.of(statements.insert["events"], message_row(record))
        case Evidence():
            return Step.of(statements.insert_evidence, evidence_row(record))
        case Incident():
            return Step.of(statements.insert["incidents"], incident_row(record))


class _Reads:
    def __init__(self, unit: SqlUnitOfWork, reader: Reader, statements: Statements) -> None:
        self._unit, self._reader, self._statements = unit, reader, statements


class _Payments(_Reads):
    async def get(self, id: str) -> Payment:
        row = await self._reader.row(self._statements.payment, {"id": id})
        if row is None:
            raise NotFound("payment", id)
        return payment_of(row)

    async def numbered(self, provider_order_no: str) -> Payment | None:
        values = {"provider_order_no": provider_order_no}
        row = await self._reader.row(self._statements.payment_numbered, values)
        return payment_of(row) if row else None

    def save(self, payment: Payment) -> None:
        self._unit.stage(payment, payment_row(payment), "payments", payment.id)


class _Refunds(_Reads):
    async def get(self, id: str) -> Refund:
        row = await self._reader.row(self._statements.refund, {"id": id})
        if row is None:
            raise NotFound("refund", id)
        return refund_of(row)

    async def numbered(self, payment_id: str, provider_refund_no: str) -> Refund | None:
        values = {"payment_id": payment_id, "provider_refund_no": provider_refund_no}
        row = await self._reader.row(self._statements.refund_numbered, values)
        return refund_of(row) if row else None

    async def named(self, app: str, refund_no: str) -> Refund | None:
        values = {"app": app, "refund_no": refund_no}
        row = await self._reader.row(self._statements.refund_named, values)
        return refund_of(row) if row else None

    def save(self, refund: Refund) -> None:
        self._unit.stage(refund, refund_row(refund), "refunds", refund.id)


class _Orders(_Reads):
    async def find(self, app: str, order_no: str) -> Order | None:
        values = {"app": app, "order_no": order_no}
        row = await self._reader.row(self._statements.order, values)
        return order_of(row) if row else None

    def save(self, order: Order) -> None:
        self._unit.stage(order, order_row(order), "orders", order.app, order.order_no)


class _Requests(_Reads):
    async def find(self, app: str, route: str, key: str) -> Request | None:
        values = {"app": app, "route": route, "key": key}
        row = await self._reader.row(self._statements.request, values)
        return request_of(row) if row else None

    def save(self, request: Request) -> None:
        key = (request.app, request.route, request.key)
        self._unit.stage(request, request_row(request), "requests", *key)
