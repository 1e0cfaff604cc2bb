"""Events into the endpoints' queues: as they are published, and again on request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.ports import Clock, EventPublisher, Library, NewId
from application.records import Caller, Filter, Message
from application.webhook_ports import Webhooks, WebhooksNotConfigured
from domain.errors import NotFound
from domain.webhook import Delivery, Endpoint

#: Events queued again by one request; a longer range is asked for in several.
MOST_AT_ONCE = 2_000
PAGE = 200


class PublishToWebhooks:
    """Publishes, then queues what was taken for the endpoints that want it.

    Only then is the event marked as published: a crash in between repeats both, and neither
    minds, the platform by the event's id and the queue by its own rule.
    """

    def __init__(
        self, publisher: EventPublisher, webhooks: Webhooks, *, clock: Clock, new_id: NewId
    ) -> None:
        self._publisher, self._webhooks = publisher, webhooks
        self._clock, self._new_id = clock, new_id

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """Hand over in order; the ids that were durably taken, by the queues too."""
        taken = await self._publisher.publish(messages)
        known = set(taken)
        mine = [message for message in messages if message.id in known]
        endpoints = await self._webhooks.endpoints.of({message.app for message in mine})
        deliveries = _deliveries(mine, endpoints, clock=self._clock, new_id=self._new_id)
        if deliveries:
            await self._webhooks.deliveries.put(deliveries)
        return taken


@dataclass(frozen=True, slots=True)
class Queued:
    """What a redelivery set on its way; `next_cursor`: where to go on, None at the end."""

    events: int
    deliveries: int
    next_cursor: str | None = None


class RedeliverEvents:
    """The use cases behind `redeliver`; what is under way is not queued twice, but sent at once."""

    def __init__(
        self, webhooks: Webhooks | None, *, library: Library, clock: Clock, new_id: NewId
    ) -> None:
        self._webhooks, self._library = webhooks, library
        self._clock, self._new_id = clock, new_id

    async def one(self, caller: Caller, id: str) -> Queued:
        """One event to every endpoint that wants it. Raises NotFound, WebhooksNotConfigured."""
        owner = None if caller.operator else caller.name
        page = await self._library.messages(Filter(app=owner, id=id, limit=1))
        if not page.items:
            raise NotFound("event", id)
        return await self._again(page.items, endpoint_id=None)

    async def all(self, wanted: Filter, *, endpoint_id: str | None = None) -> Queued:
        """All events of an app that the filter means, to every endpoint or to one.

        At most so many at a time: the rest from `next_cursor` on. Raises NotFound for an endpoint
        that is not the app's, WebhooksNotConfigured.
        """
        if endpoint_id is not None and (await self._endpoint(endpoint_id)).app != wanted.app:
            raise NotFound("webhook_endpoint", endpoint_id)
        events = deliveries = 0
        cursor = wanted.cursor
        while events < MOST_AT_ONCE:
            page = await self._library.messages(replace(wanted, cursor=cursor, limit=PAGE))
            queued = await self._again(page.items, endpoint_id=endpoint_id)
            events, deliveries = events + queued.events, deliveries + queued.deliveries
            cursor = page.next_cursor
            if cursor is None:
                break
        return Queued(events, deliveries, cursor)

    async def _endpoint(self, id: str) -> Endpoint:
        if self._webhooks is None:
            raise WebhooksNotConfigured
        return await self._webhooks.endpoints.get(id)

    async def _again(self, messages: Sequence[Message], *, endpoint_id: str | None) -> Queued:
        if self._webhooks is None:
            raise WebhooksNotConfigured
        endpoints = await self._webhooks.endpoints.of({message.app for message in messages})
        wanted = [each for each in endpoints if endpoint_id in (None, each.id)]
        oldest_first = sorted(messages, key=lambda message: message.id)
        deliveries = [
            replace(delivery, redelivery=True)
            for delivery in _deliveries(
                oldest_first, wanted, clock=self._clock, new_id=self._new_id
            )
        ]
        if deliveries:
            await self._webhooks.deliveries.put(deliveries)
        return Queued(len(messages), len(deliveries))


def _deliveries(
    messages: Sequence[Message], endpoints: Sequence[Endpoint], *, clock: Clock, new_id: NewId
) -> list[Delivery]:
    now = clock.now()
    return [
        Delivery(
            id=f"del_{new_id()}",
            endpoint_id=endpoint.id,
            event_id=message.id,
            order_id=message.order_id,
            sequence=message.sequence,
            created_at=now,
            due_at=now,
        )
        for message in messages
        for endpoint in endpoints
        if endpoint.app == message.app and endpoint.wants(message.type)
    ]
