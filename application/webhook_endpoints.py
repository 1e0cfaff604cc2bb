"""Apps manage their own HTTP subscribers, and read what was delivered to them."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace

from application.ports import Clock, NewId
from application.records import Caller, Page
from application.webhook_ports import (
    DeliveryFilter,
    UrlRefused,
    Webhooks,
    WebhooksNotConfigured,
)
from domain.errors import FieldError, InvalidRequest, NotFound, WebhookLimitReached
from domain.events import EventType
from domain.webhook import Delivery, Endpoint

#: Endpoints of one app. Every event is a row and a request for each of them.
MAX_ENDPOINTS = 16

#: How Standard Webhooks spells a secret: this, then base 64.
SECRET_PREFIX = "whsec_"  # noqa: S105 -- what a secret begins with is none


class WebhookEndpoints:
    """The use cases behind `/v1/webhook-endpoints`; each raises WebhooksNotConfigured."""

    def __init__(self, webhooks: Webhooks | None, *, clock: Clock, new_id: NewId) -> None:
        self._webhooks, self._clock, self._new_id = webhooks, clock, new_id

    async def create(
        self, caller: Caller, url: str, types: Sequence[EventType]
    ) -> tuple[Endpoint, str]:
        """The endpoint, and its secret for the only time.

        Raises InvalidRequest for a URL to which nothing may be sent, WebhookLimitReached.
        """
        outside = self._outside()
        try:
            url = await outside.sender.check(url)
        except UrlRefused as error:
            raise InvalidRequest(FieldError("url", str(error))) from None
        if len(await outside.endpoints.of([caller.name])) >= MAX_ENDPOINTS:
            raise WebhookLimitReached(MAX_ENDPOINTS)
        id, secret = f"whe_{self._new_id()}", outside.vault.new_secret()
        endpoint = Endpoint(
            id=id,
            app=caller.name,
            url=url,
            types=tuple(sorted(set(types))),
            secret=outside.vault.seal(secret, about=id),
            created_at=self._clock.now(),
        )
        await outside.endpoints.save(endpoint)
        return endpoint, _spelled(secret)

    async def list(self, caller: Caller, app: str | None = None) -> Sequence[Endpoint]:
        """The caller's own; for an operator those of `app`."""
        wanted = app if caller.operator and app else caller.name
        return await self._outside().endpoints.of([wanted])

    async def get(self, caller: Caller, id: str) -> Endpoint:
        """Raises NotFound, also for another app's endpoint."""
        endpoint = await self._outside().endpoints.get(id)
        if not caller.operator and endpoint.app != caller.name:
            raise NotFound("webhook_endpoint", id)
        return endpoint

    async def pause(self, caller: Caller, id: str) -> Endpoint:
        """Events wait from now on; what is being sent at this moment still arrives."""
        return await self._change(caller, id, Endpoint.pause)

    async def resume(self, caller: Caller, id: str) -> Endpoint:
        """Send what has waited, also after the endpoint was disabled."""
        return await self._change(caller, id, Endpoint.resume)

    async def rotate_secret(self, caller: Caller, id: str) -> tuple[Endpoint, str]:
        """The endpoint and its new secret, for the only time; the old one signs for a day more."""
        vault, now = self._outside().vault, self._clock.now()
        secret = vault.new_secret()
        sealed = vault.seal(secret, about=id)
        endpoint = await self._change(caller, id, lambda each: each.rotate(sealed, at=now))
        return endpoint, _spelled(secret)

    async def remove(self, caller: Caller, id: str) -> Endpoint:
        """Forget it, what waits for it, and its log; what it was."""
        endpoint = await self.get(caller, id)
        await self._outside().endpoints.remove(endpoint.id)
        return endpoint

    async def deliveries(self, caller: Caller, wanted: DeliveryFilter) -> Page[Delivery]:
        """The log of one endpoint, newest first. Raises NotFound."""
        endpoint = await self.get(caller, wanted.endpoint_id)
        return await self._outside().log.page(replace(wanted, endpoint_id=endpoint.id))

    async def _change(
        self, caller: Caller, id: str, change: Callable[[Endpoint], None]
    ) -> Endpoint:
        endpoint = await self.get(caller, id)
        change(endpoint)
        await self._outside().endpoints.save(endpoint)
        return endpoint

    def _outside(self) -> Webhooks:
        if self._webhooks is None:
            raise WebhooksNotConfigured
        return self._webhooks


def _spelled(secret: bytes) -> str:
    return SECRET_PREFIX + b64encode(secret).decode()
