"""Webhooks: whether the key opens what it sealed, and where they may go."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from adapters.persistence.sql.store import SqlStore
from adapters.webhooks.vault import AesVault, read_key
from application.webhook_ports import SealBroken, Vault
from domain.webhook import Endpoint
from entrypoints.checkup.database import apps_of, reading
from entrypoints.checkup.finding import Check, Finding, bad, good, look
from entrypoints.settings import Settings
from entrypoints.webhook_settings import Webhooks

GIVE_THE_KEY = (
    "give the key they were sealed with as webhooks.previous_seal_key_file; "
    "if it is lost, let the apps rotate their secrets"
)


def webhook_checks(settings: Settings) -> Iterator[Check]:
    """Its key and its reach."""

    async def sealed(store: SqlStore) -> Finding:
        endpoints = await store.webhooks.endpoints.of(await apps_of(store))
        return _sealed(settings.webhooks, endpoints)

    async def reach() -> Finding:
        return _reach(settings.webhooks)

    yield Check("webhooks", "seal key", reading(settings, sealed))
    if settings.webhooks.seal_key is not None:
        yield Check("webhooks", "reach", reach)


def _sealed(webhooks: Webhooks, endpoints: Sequence[Endpoint]) -> Finding:
    count = f"{len(endpoints)} endpoint{'s' * (len(endpoints) != 1)}"
    if webhooks.seal_key is None:
        if endpoints:
            return bad(f"none, so {count} hear nothing", "give webhooks.seal_key_file")
        return good("none: apps can't subscribe, and none has")
    present, *previous = map(
        read_key, filter(None, (webhooks.seal_key, webhooks.previous_seal_key))
    )
    lost = [each for each in endpoints if not _opens(AesVault(present, *previous), each)]
    if lost:
        return bad(f"nothing opens the secrets of {len(lost)} of {count}", GIVE_THE_KEY)
    if previous and all(_opens(AesVault(present), each) for each in endpoints):
        return look("the previous one is not needed any more", "remove webhooks.previous_seal_key")
    return good(f"the secrets of {count} can be opened")


def _opens(vault: Vault, endpoint: Endpoint) -> bool:
    try:
        for sealed in endpoint.secrets(datetime.now(UTC)):
            vault.open(sealed, about=endpoint.id)
    except SealBroken:
        return False
    return True


def _reach(webhooks: Webhooks) -> Finding:
    ports = "any port" if webhooks.any_port else f"ports {_list([443, 80, *webhooks.ports])}"
    if webhooks.any_port or webhooks.plain_http:
        return look(f"plain http or {ports}", "leave both out before production: it refuses them")
    inside = f", and inside {_list(webhooks.networks)}" if webhooks.networks else ""
    return good(f"public addresses{inside}, {ports}")


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
