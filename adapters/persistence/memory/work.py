"""Units of work in memory: staged writes that become real all at once, or not at all."""

import asyncio
from collections.abc import Callable, Hashable
from copy import deepcopy
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from adapters.persistence.memory.table import Table, Undo
from adapters.persistence.memory.tables import Tables
from application.ports import LostUpdate, Orders, Payments, Refunds, Requests
from application.records import Evidence, Incident, Message, Record, Request
from domain.errors import NotFound
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

Saved = Payment | Refund | Order | Request
V = TypeVar("V", Payment, Refund, Order, Request)


class MemoryUnitOfWork:
    """One unit over the shared tables; `on_message` is called if it brought events."""

    payments: Payments
    refunds: Refunds
    orders: Orders
    requests: Requests

    def __init__(self, tables: Tables, on_message: Callable[[], None]) -> None:
        self._tables, self._on_message = tables, on_message
        self._saved: dict[tuple[str, Hashable], tuple[Saved, Callable[[], Undo]]] = {}
        self._records: list[Record] = []
        self.payments = _Payments(tables, self)
        self.refunds = _Refunds(tables, self)
        self.orders = _Orders(tables, self)
        self.requests = _Requests(tables, self)

    def append(self, record: Record) -> None:
        """Stage an event for the outbox, a piece of evidence, or an incident."""
        self._records.append(record)

    async def commit(self) -> None:
        """Keep everything staged, or nothing. Raises LostUpdate, AlreadyExists."""
        await asyncio.sleep(0)  # as at a real store, others get their turn first
        done: list[Undo] = []
        try:
            for _, write in self._saved.values():
                done.append(write())  # one by one: what is done so far may have to be undone
            for record in self._records:
                done.append(self._insert(record))  # noqa: PERF401 -- likewise
        except BaseException:
            for undo in reversed(done):
                undo()
            raise
        for saved, _ in self._saved.values():
            saved.version += 1
        announce = any(isinstance(record, Message) for record in self._records)
        self._forget()
        if announce:
            self._on_message()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._forget()

    def stage(self, table: Table[V], key: Hashable, row: V, after: V) -> None:
        """Remember what `row` will be `after` the commit; the last save of a row counts."""
        kept = deepcopy(after)
        self._saved[table.name, key] = (row, lambda: _write(table, key, kept))

    def _insert(self, record: Record) -> Undo:
        match record:
            case Message():
                return self._tables.messages.insert(record)
            case Incident():
                return self._tables.incidents.insert(record)
            case Evidence() if record.id in self._tables.evidence:
                return lambda: None
            case Evidence():
                return self._tables.evidence.insert(deepcopy(record))

    def _forget(self) -> None:
        self._saved.clear()
        self._records.clear()


def _write(table: Table[V], key: Hashable, row: V) -> Undo:
    if row.version == 1:
        return table.insert(row)
    stored = table.get(key)
    if stored is None or stored.version != row.version - 1:
        raise LostUpdate(f"{key} was changed meanwhile")
    return table.replace(row)


class _Reads:
    def __init__(self, tables: Tables, unit: MemoryUnitOfWork) -> None:
        self._tables, self._unit = tables, unit


class _Payments(_Reads):
    async def get(self, id: str) -> Payment:
        await asyncio.sleep(0)
        payment = self._tables.payments.get(id)
        if payment is None:
            raise NotFound("payment", id)
        return payment

    async def numbered(self, provider_order_no: str) -> Payment | None:
        await asyncio.sleep(0)
        return self._tables.payments.find("provider_order_no", provider_order_no)

    def save(self, payment: Payment) -> None:
        after = replace(payment, version=payment.version + 1, events=[], reports=[])
        self._unit.stage(self._tables.payments, payment.id, payment, after)


class _Refunds(_Reads):
    async def get(self, id: str) -> Refund:
        await asyncio.sleep(0)
        refund = self._tables.refunds.get(id)
        if refund is None:
            raise NotFound("refund", id)
        return refund

    async def numbered(self, payment_id: str, provider_refund_no: str) -> Refund | None:
        await asyncio.sleep(0)
        return self._tables.refunds.find("provider_refund_no", (payment_id, provider_refund_no))

    async def named(self, app: str, refund_no: str) -> Refund | None:
        await asyncio.sleep(0)
        return self._tables.refunds.find("refund_no", (app, refund_no))

    def save(self, refund: Refund) -> None:
        after = replace(refund, version=refund.version + 1, events=[], reports=[])
        self._unit.stage(self._tables.refunds, refund.id, refund, after)


class _Orders(_Reads):
    async def find(self, app: str, order_no: str) -> Order | None:
        await asyncio.sleep(0)
        return self._tables.orders.get((app, order_no))

    def save(self, order: Order) -> None:
        after = replace(order, version=order.version + 1)
        self._unit.stage(self._tables.orders, (order.app, order.order_no), order, after)


class _Requests(_Reads):
    async def find(self, app: str, route: str, key: str) -> Request | None:
        await asyncio.sleep(0)
        return self._tables.requests.get((app, route, key))

    def save(self, request: Request) -> None:
        key = (request.app, request.route, request.key)
        after = replace(request, version=request.version + 1)
        self._unit.stage(self._tables.requests, key, request, after)
