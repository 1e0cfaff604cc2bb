"""Real servers, each started once per test session and only if a test wants it."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis for all; it is never flushed, so every test takes a namespace of its own."""
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for all; every test makes a database of its own."""
    server = PostgresServer(fsync="off")  # tests that end it otherwise start one of their own
    yield server
    server.remove()
