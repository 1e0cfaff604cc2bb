"""Open the store that the settings name; apart, so that small commands load nothing else."""

from adapters.persistence.sql.migrate import SchemaOutdated
from adapters.persistence.sql.store import SqlStore
from application.ports import Clock
from entrypoints.settings import Settings, SettingsError


async def open_store(settings: Settings, clock: Clock | None = None) -> SqlStore:
    """Raises SettingsError if the schema is not the one this version needs."""
    try:
        return await SqlStore.open(settings.database.url, clock)
    except SchemaOutdated as error:
        raise SettingsError(f"database.url: {error}") from None
