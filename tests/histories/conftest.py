"""What all histories share: silence, keys that are read once, rows that are copied quickly."""

import logging
from collections.abc import Iterator
from functools import lru_cache

import pytest

from adapters.providers.signer import read_private_key
from tests.simulation.conftest import _copy

_read_once = lru_cache(maxsize=None)(read_private_key)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of planned failures need no log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a key takes 50 ms at every start; deep copies are half of a history's time."""
    for provider in ("wechat_pay", "alipay"):
        monkeypatch.setattr(f"adapters.providers.{provider}.keys.read_private_key", _read_once)
    for module in ("table", "work"):
        monkeypatch.setattr(f"adapters.persistence.memory.{module}.deepcopy", _copy)
