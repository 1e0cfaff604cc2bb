"""The database: its schema, and what is still open of accounts that are gone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from adapters.persistence.sql.store import SqlStore
from application.ports import Unavailable
from entrypoints.checkup.finding import Check, Finding, bad, good, look
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings
from entrypoints.storage import open_store
from entrypoints.unswept import MEND, orders, unswept


def database_checks(settings: Settings, *, with_accounts: bool = True) -> Iterator[Check]:
    """Whether it has the schema of this version, and what nobody asks about."""
    yield Check("database", "schema", _schema(settings))
    if with_accounts:
        yield Check("database", "open orders", reading(settings, _left_behind(settings)))


def reading(
    settings: Settings, judge: Callable[[SqlStore], Awaitable[Finding]]
) -> Callable[[], Awaitable[Finding]]:
    """A check that reads the database; that it can't be read is told by the one of the schema."""

    async def run() -> Finding:
        try:
            async with _opened(settings) as store:
                return await judge(store)
        except (SettingsError, Unavailable):
            return look("not asked: the database does not answer", "see the line of its schema")

    return run


async def known_apps(settings: Settings) -> Sequence[str]:
    """All that have keys; none if the database can't tell."""
    try:
        async with _opened(settings) as store:
            return await apps_of(store)
    except (SettingsError, Unavailable):
        return []


async def apps_of(store: SqlStore) -> Sequence[str]:
    """All that have keys."""
    return [caller.name for caller, _ in await store.directory.callers() if not caller.operator]


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[SqlStore]:
    store = await open_store(settings)
    try:
        yield store
    finally:
        await store.close()


def _schema(settings: Settings) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        try:
            async with _opened(settings) as store:
                await store.ping()
        except (SettingsError, Unavailable) as error:
            return bad(
                str(error),
                "let database.url name basepay's own, with its user and password, "
                "then `basepay migrate`",
            )
        return good(f"{settings.database.shown} answers, its schema is current")

    return run


def _left_behind(settings: Settings) -> Callable[[SqlStore], Awaitable[Finding]]:
    async def judge(store: SqlStore) -> Finding:
        found = await unswept(store.agenda, settings)
        if not found:
            return good("all of them are of configured accounts")
        told = ", ".join(f"{name} ({orders(count)})" for name, count in found.items())
        return look(f"nobody asks about those of {told}: not configured", MEND)

    return judge
