"""A NATS server of each test's own: streams have fixed names, and most tests break something."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.ids import new_ulid
from adapters.nats.events import JetStreamEvents
from adapters.nats.platform import Platform
from application.records import Message
from tests.adapters.persistence.making import Make
from tests.servers.nats import NatsServer


class MakeNow(Make):
    """As elsewhere, but ids tell the present: the stream is read from where they were made."""

    def message(self, **fields: Any) -> Message:
        return super().message(**({"id": f"evt_{new_ulid()}"} | fields))


@pytest.fixture
def make() -> MakeNow:
    return MakeNow()


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    server = NatsServer(sync="2m")  # no test here cuts the power
    yield server
    server.remove()


@pytest.fixture
def connect(run, nats_server) -> Iterator[Any]:
    """Another process's connection."""
    opened: list[Platform] = []

    def connect(url: str = "", **options: Any) -> Platform:
        platform = Platform(url or nats_server.url(), **options)
        opened.append(platform)
        run(platform.open(patience=30))
        return platform

    yield connect
    for platform in opened:
        run(platform.aclose())


@pytest.fixture
def platform(connect: Callable[..., Platform]) -> Platform:
    return connect()


@pytest.fixture
def events(platform) -> JetStreamEvents:
    return JetStreamEvents(platform)
