"""Webhook endpoints and their queues in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Dialect

from adapters.ids import new_nonce
from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.record_rows import incident_row, message_of
from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Signal, Step, Unit
from adapters.persistence.sql.values import Row, Stored, Value, micros
from adapters.persistence.sql.webhook_rows import (
    delivery_of,
    delivery_row,
    endpoint_of,
    endpoint_row,
)
from adapters.persistence.sql.webhook_statements import WebhookStatements
from application.ports import AlreadyExists, LostUpdate
from application.records import Incident, Message, Page
from application.webhook_ports import DeliveryFilter
from domain.errors import NotFound
from domain.webhook import Delivery, Endpoint


def _nobody_listens() -> None:
    """What is called until somebody wants to hear."""


class SqlWebhooks:
    """`endpoints`, `deliveries` and `log`; `on_delivery` may be set and hears what is queued."""

    def __init__(
        self, reader: Reader, writer: Writer, dialect: Dialect, insert_incident: Prepared
    ) -> None:
        self.on_delivery: Signal = _nobody_listens
        statements = WebhookStatements(dialect)
        self.endpoints = SqlEndpoints(reader, writer, statements, insert_incident)
        self.deliveries = SqlDeliveries(reader, writer, statements, self._heard)
        self.log = SqlDeliveryLog(reader, statements)

    def _heard(self) -> None:
        self.on_delivery()


class SqlEndpoints:
    """A row each."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        statements: WebhookStatements,
        insert_incident: Prepared,
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._insert_incident = insert_incident

    async def get(self, id: str) -> Endpoint:
        """Raises NotFound."""
        row = await self._reader.row(self._statements.endpoint, {"id": id})
        if row is None:
            raise NotFound("webhook_endpoint", id)
        return endpoint_of(row)

    async def of(self, apps: Collection[str]) -> Sequence[Endpoint]:
        """All endpoints of these apps, oldest first."""
        found: list[Endpoint] = []
        for app in apps:
            rows = await self._reader.rows(self._statements.endpoints_of, {"app": app})
            found += [endpoint_of(row) for row in rows]
        return sorted(found, key=lambda each: each.id)

    async def save(self, endpoint: Endpoint, incidents: Sequence[Incident] = ()) -> None:
        """Insert if `version` is 0, else update. Raises LostUpdate, Unavailable."""
        row, is_new = endpoint_row(endpoint), endpoint.version == 0
        statement = self._statements.insert_endpoint if is_new else self._statements.update_endpoint
        told = [Step.of(self._insert_incident, incident_row(each)) for each in incidents]
        try:
            await self._writer.keep(Unit((Step.of(statement, row, changes_one=not is_new), *told)))
        except AlreadyExists as error:
            raise LostUpdate(f"{endpoint.id} was made meanwhile") from error
        endpoint.version += 1

    async def remove(self, id: str) -> None:
        """Forget it and its deliveries."""
        statements = (self._statements.delete_deliveries, self._statements.delete_endpoint)
        await self._writer.keep(Unit(tuple(Step.of(each, {"id": id}) for each in statements)))


class SqlDeliveries:
    """One table for all queues, each read through an index of its own rows that wait."""

    def __init__(
        self, reader: Reader, writer: Writer, statements: WebhookStatements, on_delivery: Signal
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._on_delivery = on_delivery

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Queue them, but none twice; what waits already is hastened first. Raises Unavailable."""
        hastened = tuple(
            Step.of(self._statements.hasten, delivery_row(each))
            for each in deliveries
            if each.redelivery
        )
        if hastened:
            await self._writer.keep(Unit(hastened))
        steps = tuple(Step.of(self._statements.put, delivery_row(each)) for each in deliveries)
        await self._writer.keep(Unit(steps, self._on_delivery))

    async def due(self, at: datetime) -> Sequence[str]:
        """Ids of active endpoints for which something is due."""
        rows = await self._reader.rows(self._statements.due, {"at": micros(at)})
        return [row["id"] for row in rows]

    async def claim(
        self, endpoint_id: str, *, at: datetime, until: datetime, limit: int
    ) -> Sequence[tuple[Delivery, Message]]:
        """Take due deliveries for oneself, of one order only the earliest."""
        values: dict[str, Value] = {
            "endpoint_id": endpoint_id,
            "at": micros(at),
            "until": micros(until),
            "limit": limit,
            "token": new_nonce(),
        }
        await self._writer.keep(Unit((Step.of(self._statements.claim, values),)))
        rows = await self._reader.rows(self._statements.claimed, {"token": values["token"]})
        return [(delivery_of(row), message_of(_Event(row))) for row in rows]

    async def keep(self, delivery: Delivery) -> None:
        """Store what became of a claimed one. Raises LostUpdate, Unavailable."""
        step = Step.of(self._statements.keep, delivery_row(delivery), changes_one=True)
        await self._writer.keep(Unit((step,)))
        delivery.version += 1


class SqlDeliveryLog:
    """One short statement a page."""

    def __init__(self, reader: Reader, statements: WebhookStatements) -> None:
        self._reader, self._statements = reader, statements

    async def page(self, wanted: DeliveryFilter) -> Page[Delivery]:
        """Newest first."""
        values: dict[str, Value] = {
            "status": wanted.status.value if wanted.status else None,
            "event_id": wanted.event_id,
            "cursor": wanted.cursor,
        }
        given = {name: value for name, value in values.items() if value is not None}
        statement = self._statements.listing(frozenset(given))
        more: Row = {"endpoint_id": wanted.endpoint_id, "limit": wanted.limit + 1}
        found = await self._reader.rows(statement, {**given, **more})
        items = [delivery_of(row) for row in found[: wanted.limit]]
        return Page(items, items[-1].id if len(found) > wanted.limit else None)


class _Event:
    """The columns of the event in a row that has others beside them."""

    def __init__(self, row: Stored) -> None:
        self._row = row

    def __getitem__(self, column: str) -> object:
        return self._row[f"event_{column}"]
