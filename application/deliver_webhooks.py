"""The sender's side of webhooks: take what is due, send it, keep what came of it."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from application.ports import Clock, LostUpdate, NewId
from application.records import Incident, Message
from application.views import event_view, to_json
from application.webhook_ports import Post, SealBroken, Webhooks
from domain.errors import NotFound
from domain.webhook import Answer, Delivery, DeliveryStatus, Endpoint

log = logging.getLogger("basepay.webhooks")

#: How long a claimed delivery is nobody else's: longer than an attempt can take. After a crash
#: it is sent again then, with the same id.
LEASE = timedelta(seconds=60)

#: Attempts under way at one endpoint. After a failure one, then twice as many at each success:
#: a dead receiver costs one connection at a time, however much waits for it.
FIRST_WIDTH, WIDEST = 4, 16

#: Attempts under way in one process.
AT_ONCE = 512

#: Endpoints whose width is remembered; beyond that all begin anew.
REMEMBERED = 10_000

#: Times that news about an endpoint are told again after somebody else changed it.
TRIES = 5


class DeliverWebhooks:
    """One queue an endpoint; none waits for another's receiver."""

    def __init__(self, webhooks: Webhooks | None, *, clock: Clock, new_id: NewId) -> None:
        self._webhooks, self._clock, self._new_id = webhooks, clock, new_id
        self._widths: dict[str, int] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self) -> int:
        """One batch of every endpoint; how many attempts that were."""
        return sum(await asyncio.gather(*(self.endpoint(id) for id in await self.due())))

    async def due(self) -> Sequence[str]:
        """The endpoints for which something is to be sent."""
        if self._webhooks is None:
            return ()
        return await self._webhooks.deliveries.due(self._clock.now())

    async def endpoint(self, id: str) -> int:
        """One batch of one endpoint; how many attempts that were."""
        if self._webhooks is None:
            return 0
        now = self._clock.now()
        claimed = await self._webhooks.deliveries.claim(
            id, at=now, until=now + LEASE, limit=self._widths.get(id, FIRST_WIDTH)
        )
        if not claimed:
            return 0
        try:
            endpoint = await self._webhooks.endpoints.get(id)
        except NotFound:  # removed meanwhile, and its deliveries with it
            return 0
        await asyncio.gather(*(self._one(self._webhooks, endpoint, *each) for each in claimed))
        return len(claimed)

    async def _one(
        self, outside: Webhooks, endpoint: Endpoint, delivery: Delivery, message: Message
    ) -> None:
        try:
            async with self._slots:
                answer = await self._attempt(outside, endpoint, message)
            self._learn_width(endpoint.id, answer)
            delivery.learn(answer, at=self._clock.now())
            await outside.deliveries.keep(delivery)
            await self._learn_endpoint(outside, endpoint, delivery, answer)
        except (LostUpdate, NotFound):
            log.info("%s was taken over after its lease, or removed", delivery.id)
        except Exception:  # one bad delivery must not stop the others; its lease ends by itself
            log.exception("could not deliver %s", delivery.id)

    async def _attempt(self, outside: Webhooks, endpoint: Endpoint, message: Message) -> Answer:
        try:
            secrets = [
                outside.vault.open(sealed, about=endpoint.id)
                for sealed in endpoint.secrets(self._clock.now())
            ]
        except SealBroken:
            text = "not sent: the endpoint's secret was sealed with another webhooks.seal_key"
            log.warning("%s: %s", endpoint.id, text)
            return Answer(None, text, 0)
        body = to_json(event_view(message))
        return await outside.sender.send(Post(endpoint.url, message.id, body, secrets))

    def _learn_width(self, id: str, answer: Answer) -> None:
        width = self._widths.get(id, FIRST_WIDTH)
        if len(self._widths) >= REMEMBERED:
            self._widths.clear()
        self._widths[id] = min(2 * width, WIDEST) if answer.accepted else 1

    async def _learn_endpoint(
        self, outside: Webhooks, endpoint: Endpoint, delivery: Delivery, answer: Answer
    ) -> None:
        given_up = delivery.status is DeliveryStatus.GIVEN_UP
        for _ in range(TRIES):
            if not endpoint.concerned_by(answer, given_up=given_up):
                return
            now = self._clock.now()
            endpoint.learn(answer, event_id=delivery.event_id, given_up=given_up, at=now)
            try:
                await outside.endpoints.save(endpoint, self._incidents(endpoint))
            except LostUpdate:
                endpoint = await outside.endpoints.get(delivery.endpoint_id)
            else:
                return
        log.error("%s changed too often to be told of %s", endpoint.id, delivery.id)

    def _incidents(self, endpoint: Endpoint) -> list[Incident]:
        reports, endpoint.reports = endpoint.reports, []
        return [
            Incident(
                id=f"inc_{self._new_id()}",
                kind=report.kind,
                app=endpoint.app,
                order_id=None,
                detail=report.detail,
                created_at=self._clock.now(),
            )
            for report in reports
        ]
