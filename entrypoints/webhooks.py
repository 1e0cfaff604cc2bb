"""Webhooks as the settings want them, over the store that is open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.clock import SystemClock
from adapters.persistence.sql.store import SqlStore
from application.webhook_ports import Webhooks
from entrypoints.webhook_settings import Webhooks as WebhookSettings


@asynccontextmanager
async def webhooks_of(settings: WebhookSettings, store: SqlStore) -> AsyncIterator[Webhooks | None]:
    """None without a key to seal secrets with."""
    from adapters.webhooks.rules import Rules
    from adapters.webhooks.sender import HttpSender
    from adapters.webhooks.vault import AesVault, read_key

    keys = [read_key(key) for key in (settings.seal_key, settings.previous_seal_key) if key]
    if settings.seal_key is None:
        yield None
        return
    rules = Rules(
        networks=settings.networks,
        ports=settings.ports,
        any_port=settings.any_port,
        plain_http=settings.plain_http,
    )
    sender = HttpSender(rules, SystemClock())
    try:
        yield Webhooks(
            endpoints=store.webhooks.endpoints,
            deliveries=store.webhooks.deliveries,
            log=store.webhooks.log,
            vault=AesVault(*keys),
            sender=sender,
        )
    finally:
        await sender.close()
