"""Webhook endpoints and their queues in memory."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.persistence.memory.tables import Tables
from application.ports import LostUpdate
from application.records import Incident, Message, Page
from application.webhook_ports import DeliveryFilter
from domain.errors import NotFound
from domain.webhook import Delivery, DeliveryStatus, Endpoint, EndpointStatus


def _nobody_listens() -> None:
    """What is called until somebody wants to hear."""


@dataclass(slots=True)
class _Queued:
    delivery: Delivery
    claimed_until: datetime | None = None

    def offered(self, at: datetime) -> bool:
        due = self.delivery.status is DeliveryStatus.WAITING and self.delivery.due_at <= at
        return due and (self.claimed_until is None or self.claimed_until <= at)


class MemoryWebhooks:
    """`endpoints`, `deliveries` and `log`; `on_delivery` may be set and hears what is queued."""

    def __init__(self, tables: Tables) -> None:
        self.on_delivery: Callable[[], None] = _nobody_listens
        self.endpoints = MemoryEndpoints(tables)
        self.deliveries = MemoryDeliveries(tables, self.endpoints, self._heard)
        self.log = MemoryDeliveryLog(self.deliveries)
        self.endpoints.deliveries = self.deliveries

    def _heard(self) -> None:
        self.on_delivery()


class MemoryEndpoints:
    """Copies go in and come out."""

    deliveries: "MemoryDeliveries"

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._endpoints: dict[str, Endpoint] = {}

    async def get(self, id: str) -> Endpoint:
        """Raises NotFound."""
        await asyncio.sleep(0)
        endpoint = self._endpoints.get(id)
        if endpoint is None:
            raise NotFound("webhook_endpoint", id)
        return deepcopy(endpoint)

    async def of(self, apps: Collection[str]) -> Sequence[Endpoint]:
        """All endpoints of these apps, oldest first."""
        await asyncio.sleep(0)
        found = [each for each in self._endpoints.values() if each.app in apps]
        return deepcopy(sorted(found, key=lambda each: each.id))

    async def save(self, endpoint: Endpoint, incidents: Sequence[Incident] = ()) -> None:
        """Insert if `version` is 0, else update. Raises LostUpdate."""
        await asyncio.sleep(0)
        stored = self._endpoints.get(endpoint.id)
        if endpoint.version != (stored.version if stored else 0):
            raise LostUpdate(f"{endpoint.id} was changed meanwhile")
        endpoint.version += 1
        self._endpoints[endpoint.id] = replace(endpoint, reports=[])
        for incident in incidents:
            self._tables.incidents.insert(incident)

    async def remove(self, id: str) -> None:
        """Forget it and its deliveries."""
        self._endpoints.pop(id, None)
        self.deliveries.forget(id)

    def sends(self, id: str, at: datetime) -> bool:
        """Whether it exists, is active, and does not want to be left alone."""
        endpoint = self._endpoints.get(id)
        if endpoint is None or endpoint.status is not EndpointStatus.ACTIVE:
            return False
        return endpoint.quiet_until is None or endpoint.quiet_until <= at


class MemoryDeliveries:
    """One list of all deliveries in the order in which they came."""

    def __init__(
        self, tables: Tables, endpoints: MemoryEndpoints, on_delivery: Callable[[], None]
    ) -> None:
        self._tables, self._endpoints, self._on_delivery = tables, endpoints, on_delivery
        self._queued: dict[str, _Queued] = {}

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Queue them, but none twice."""
        await asyncio.sleep(0)
        for delivery in deliveries:
            for twin in self._twins(delivery):
                if twin.status is DeliveryStatus.WAITING and delivery.redelivery:
                    twin.due_at = min(twin.due_at, delivery.due_at)
            if not self._known(delivery):
                self._queued[delivery.id] = _Queued(replace(delivery, version=1))
        self._on_delivery()

    async def due(self, at: datetime) -> Sequence[str]:
        """Ids of active endpoints for which something is due."""
        await asyncio.sleep(0)
        waiting = {each.delivery.endpoint_id for each in self._queued.values() if each.offered(at)}
        return sorted(id for id in waiting if self._endpoints.sends(id, at))

    async def claim(
        self, endpoint_id: str, *, at: datetime, until: datetime, limit: int
    ) -> Sequence[tuple[Delivery, Message]]:
        """Take due deliveries for oneself, of one order only the earliest."""
        await asyncio.sleep(0)
        if not self._endpoints.sends(endpoint_id, at):
            return []
        offered = [
            each
            for each in self._queued.values()
            if each.delivery.endpoint_id == endpoint_id
            and each.offered(at)
            and not self._held_back(each.delivery)
        ]
        offered.sort(key=lambda each: (each.delivery.due_at, each.delivery.id))
        claimed = []
        for each in offered[:limit]:
            each.claimed_until = until
            each.delivery.version += 1
            message = self._tables.messages.get(each.delivery.event_id)
            assert message is not None  # noqa: S101 -- events are never removed
            claimed.append((replace(each.delivery), message))
        return claimed

    async def keep(self, delivery: Delivery) -> None:
        """Store what became of a claimed one. Raises LostUpdate."""
        await asyncio.sleep(0)
        stored = self._queued.get(delivery.id)
        if stored is None or stored.delivery.version != delivery.version:
            raise LostUpdate(f"{delivery.id} was claimed meanwhile")
        delivery.version += 1
        self._queued[delivery.id] = _Queued(replace(delivery))

    def all(self) -> list[Delivery]:
        return [replace(each.delivery) for each in self._queued.values()]

    def forget(self, endpoint_id: str) -> None:
        kept = self._queued.items()
        self._queued = {id: each for id, each in kept if each.delivery.endpoint_id != endpoint_id}

    def _known(self, delivery: Delivery) -> bool:
        return any(
            twin.status is DeliveryStatus.WAITING or not (twin.redelivery or delivery.redelivery)
            for twin in self._twins(delivery)
        )

    def _twins(self, delivery: Delivery) -> list[Delivery]:
        return [
            each.delivery
            for each in self._queued.values()
            if each.delivery.event_id == delivery.event_id
            and each.delivery.endpoint_id == delivery.endpoint_id
        ]

    def _held_back(self, delivery: Delivery) -> bool:
        return any(
            each.delivery.endpoint_id == delivery.endpoint_id
            and each.delivery.order_id == delivery.order_id
            and each.delivery.status is DeliveryStatus.WAITING
            and each.delivery.sequence < delivery.sequence
            for each in self._queued.values()
        )


class MemoryDeliveryLog:
    """Reads what the queues keep."""

    def __init__(self, deliveries: MemoryDeliveries) -> None:
        self._deliveries = deliveries

    async def page(self, wanted: DeliveryFilter) -> Page[Delivery]:
        """Newest first."""
        await asyncio.sleep(0)
        found = [
            each
            for each in self._deliveries.all()
            if each.endpoint_id == wanted.endpoint_id
            and wanted.status in (None, each.status)
            and wanted.event_id in (None, each.event_id)
            and (wanted.cursor is None or each.id < wanted.cursor)
        ]
        found.sort(key=lambda each: each.id, reverse=True)
        items = found[: wanted.limit]
        return Page(items, items[-1].id if len(found) > wanted.limit else None)
