"""Fixtures that every test may use; heavier ones live beside the tests that need them."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere, and none judged by the clock of a busy machine.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that was told to be quiet does not silence the tests after it."""
    ours = logging.getLogger("basepay")
    level = ours.level
    yield
    ours.setLevel(level)


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Carry an awaitable from a synchronous test; one event loop per test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
