"""What webhooks ask of the world: where endpoints and deliveries are kept, and how to send."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from application.records import Incident, Message, Page
from domain.webhook import Answer, Delivery, DeliveryStatus, Endpoint


class UrlRefused(Exception):
    """Nothing may be sent there; `str()` says what the URL should be instead."""


class SealBroken(Exception):
    """The secret was sealed with another key, or for another endpoint."""


class WebhooksNotConfigured(Exception):
    """There is no key to seal secrets with, so there are no webhooks."""


@dataclass(frozen=True, slots=True)
class Post:
    """One attempt as it is to be sent; the first of `secrets` is the newest."""

    url: str
    id: str  # the event's, the same at every attempt
    body: bytes = field(repr=False)
    secrets: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries of one endpoint to list."""

    endpoint_id: str
    status: DeliveryStatus | None = None
    event_id: str | None = None
    cursor: str | None = None
    limit: int = 50  # 1–200


class Endpoints(Protocol):
    """Webhook endpoints as stored."""

    async def get(self, id: str) -> Endpoint:
        """Raises domain.errors.NotFound."""

    async def of(self, apps: Collection[str]) -> Sequence[Endpoint]:
        """All endpoints of these apps, oldest first."""

    async def save(self, endpoint: Endpoint, incidents: Sequence[Incident] = ()) -> None:
        """Insert if `version` is 0, else update; with the incidents, or nothing.

        Raises LostUpdate, Unavailable.
        """

    async def remove(self, id: str) -> None:
        """Forget it and its deliveries."""


class Deliveries(Protocol):
    """The queues, one an endpoint. Durable, at least once, in order per order."""

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Queue them durably, or raise Unavailable.

        One whose event waits for the endpoint already is skipped, and what waits is due no later
        than the skipped one. Likewise skipped is one that is no redelivery, if its event was ever
        queued there.
        """

    async def due(self, at: datetime) -> Sequence[str]:
        """Ids of active endpoints for which something is due."""

    async def claim(
        self, endpoint_id: str, *, at: datetime, until: datetime, limit: int
    ) -> Sequence[tuple[Delivery, Message]]:
        """Take due deliveries for oneself `until` then; nobody else is offered them meanwhile.

        Of one order only the earliest that waits is offered. Nothing of an endpoint that is not
        active, or wants to be left alone.
        """

    async def keep(self, delivery: Delivery) -> None:
        """Store what became of a claimed one, and let go of it.

        Raises LostUpdate if it was claimed by somebody else meanwhile, or is gone.
        """


class DeliveryLog(Protocol):
    """What was delivered, for reading."""

    async def page(self, wanted: DeliveryFilter) -> Page[Delivery]:
        """Newest first."""


class Vault(Protocol):
    """Seals secrets, so that a copy of the database signs nothing."""

    def seal(self, secret: bytes, *, about: str) -> bytes:
        """Only `open` with the same `about` gives it back."""

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Raises SealBroken."""

    def new_secret(self) -> bytes:
        """Fresh random bytes to sign with."""


class WebhookSender(Protocol):
    """Standard Webhooks over HTTP."""

    async def check(self, url: str) -> str:
        """The URL as it will be called. Raises UrlRefused if nothing may be sent there."""

    async def send(self, post: Post) -> Answer:
        """Sign and send once, bounded in time and size; nothing is raised for what happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Everything outside that webhooks need; absent, there are none."""

    endpoints: Endpoints
    deliveries: Deliveries
    log: DeliveryLog
    vault: Vault
    sender: WebhookSender
