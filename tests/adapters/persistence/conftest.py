"""The three stores that every promise of persistence is tried on."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from application.ports import UnitOfWork
from application.records import Request
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from tests.adapters.persistence.making import HandSetClock, Make
from tests.servers.postgres import PostgresServer

Run = Callable[..., Any]
Store = MemoryStore | SqlStore


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A fresh SQLite file with the newest schema."""
    path = tmp_path / "basepay.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_store(run: Run, database: Path, clock: HandSetClock) -> Iterator[SqlStore]:
    opened = run(SqlStore.open(f"sqlite:///{database}", clock))
    yield opened
    run(opened.close())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with the newest schema, to be copied."""
    url = asyncio.run(postgres_server.create())
    migrate.upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database with the newest schema."""
    url = asyncio.run(postgres_server.create(template=postgres_template))
    yield url
    asyncio.run(postgres_server.drop(url))


@pytest.fixture
def postgres_store(run: Run, postgres_url: str, clock: HandSetClock) -> Iterator[SqlStore]:
    opened = run(SqlStore.open(postgres_url, clock))
    yield opened
    run(opened.close())


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, clock: HandSetClock) -> Any:
    """The store in memory and those in databases: whatever holds for one holds for all."""
    if request.param == "memory":
        return MemoryStore(clock)
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def keep(run: Run, store: Store) -> Callable[..., None]:
    """Save aggregates and append records in one committed unit."""

    async def in_one_unit(*things) -> None:
        async with store.work() as work:
            for thing in things:
                stage(work, thing)
            await work.commit()

    return lambda *things: run(in_one_unit(*things))


def stage(work: UnitOfWork, thing: Any) -> None:
    """Save an aggregate, or append a record."""
    match thing:
        case Payment():
            work.payments.save(thing)
        case Refund():
            work.refunds.save(thing)
        case Order():
            work.orders.save(thing)
        case Request():
            work.requests.save(thing)
        case _:
            work.append(thing)
