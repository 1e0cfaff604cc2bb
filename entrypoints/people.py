"""Add, list and rotate those who hold keys: apps and operators."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from application.ports import Directory
from application.records import Caller
from entrypoints.errors import SettingsError
from entrypoints.keys import add_key, rotate_key
from entrypoints.settings import NAME, Settings
from entrypoints.storage import open_store


async def add_person(settings: Settings, name: str, *, operator: bool) -> str:
    """A fresh key for a new or known name, and what an app's user on NATS needs.

    Raises SettingsError for a name of the wrong shape.
    """
    if not re.fullmatch(NAME, name):
        raise SettingsError(f"name: 1 to 32 of a-z, 0-9 and `-`, got {name!r}")
    bus_user = ""
    if settings.nats.url is not None and not operator:
        from entrypoints.bus_users import add_bus_user

        bus_user = "\n" + await add_bus_user(settings.nats, name)
    async with _directory(settings) as directory:
        return await add_key(directory, Caller(name, operator), datetime.now(UTC)) + bus_user


async def rotate_person(settings: Settings, name: str, *, operator: bool) -> str:
    """A fresh key; the old ones end in a day. Raises SettingsError for an unknown name."""
    async with _directory(settings) as directory:
        known = [caller for caller, _ in await directory.callers()]
        if Caller(name, operator) not in known:
            raise SettingsError(f"name: there is no {_kind(operator)} {name!r}; add it first")
        return await rotate_key(directory, Caller(name, operator), datetime.now(UTC))


async def list_people(settings: Settings, *, operator: bool) -> str:
    """A line each: the name and the number of live keys."""
    async with _directory(settings) as directory:
        rows = [
            f"{caller.name}\t{keys} live {'key' if keys == 1 else 'keys'}"
            for caller, keys in await directory.callers()
            if caller.operator is operator
        ]
    return "\n".join(rows) or f"no {_kind(operator)} yet"


@asynccontextmanager
async def _directory(settings: Settings) -> AsyncIterator[Directory]:
    store = await open_store(settings)
    try:
        yield store.directory
    finally:
        await store.close()


def _kind(operator: bool) -> str:
    return "operator" if operator else "app"
