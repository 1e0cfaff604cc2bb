"""Open the store that the settings name; apart, so that small commands load nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.persistence.sql.migrate import HEAD, DatabaseUnusable, SchemaOutdated, upgrade
from adapters.persistence.sql.store import SqlStore
from application.ports import Clock
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings


async def open_store(settings: Settings, clock: Clock | None = None) -> SqlStore:
    """Raises SettingsError if the schema is not the one this version needs."""
    with _told_with_its_key():
        where = settings.database
        return await SqlStore.open(where.url, clock, password=where.password)


def upgrade_schema(settings: Settings) -> str:
    """Bring the schema to what this version needs; its revision. Raises SettingsError."""
    with _told_with_its_key():
        upgrade(settings.database.url, password=settings.database.password)
    return HEAD


@contextmanager
def _told_with_its_key() -> Iterator[None]:
    try:
        yield
    except (SchemaOutdated, DatabaseUnusable) as error:
        raise SettingsError(f"database.url: {error}") from None
