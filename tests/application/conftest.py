"""The world that use-case tests play in."""

import pytest

from tests.worlds import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()
