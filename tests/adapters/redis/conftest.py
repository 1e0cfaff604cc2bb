"""Processes that share one Redis, and a Redis that may be broken."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from adapters.in_process.locks import InProcessLocks
from adapters.redis.bell import Bell
from adapters.redis.line import Line
from adapters.redis.locks import RedisLocks
from tests.servers.redis import RedisServer

#: So long that a busy machine does not pass for a broken Redis.
PATIENT = 30.0


class Process:
    """What one process of many holds on to."""

    def __init__(self, url: str, namespace: str, *, answer_seconds: float = PATIENT) -> None:
        self.line = Line(url, answer_seconds=answer_seconds, rest_seconds=0.2)
        self.bell, self.namespace = Bell(url), namespace

    def locks(self, **options: Any) -> RedisLocks:
        near = InProcessLocks()
        return RedisLocks(self.line, self.bell, near=near, namespace=self.namespace, **options)

    async def aclose(self) -> None:
        await asyncio.gather(self.bell.aclose(), self.line.aclose())


@pytest.fixture
def namespace() -> str:
    return uuid4().hex


@pytest.fixture
def start_process(run, redis_server, namespace) -> Iterator[Any]:
    """Another process on the shared server, or on the one whose URL is given."""
    started: list[Process] = []

    def start(url: str = "", **options: Any) -> Process:
        started.append(Process(url or redis_server.url, namespace, **options))
        return started[-1]

    yield start
    for process in started:
        run(process.aclose())


@pytest.fixture
def fragile() -> Iterator[RedisServer]:
    """A Redis of one test's own, to be killed, paused and flushed."""
    server = RedisServer()
    yield server
    server.remove()
