"""A deployment whose providers are the simulators, served over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.clock import MovableClock
from entrypoints.sandbox import simulators
from tests.adapters.providers.conftest import served
from tests.entrypoints.deployment import Deployment


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """Both simulators; tests must leave them as they found them."""
    with served(simulators(MovableClock(), None)) as url:
        yield url


@pytest.fixture
def deployment(tmp_path: Path, sandbox_url: str) -> Deployment:
    """A configuration file with two accounts and everything it names."""
    return Deployment.of_simulators(tmp_path, sandbox_url)
