"""What all simulations share: silence, and rows that are copied quickly."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.persistence.memory.tables import Waiting
from application.records import Request
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of planned failures need no log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's deep copies are half of the time that a history takes."""
    for module in ("table", "work"):
        monkeypatch.setattr(f"adapters.persistence.memory.{module}.deepcopy", _copy)


def _copy(row: Any) -> Any:
    match row:
        case list():
            return [_copy(each) for each in row]
        case Payment() | Refund():
            return replace(row, events=list(row.events), reports=list(row.reports))
        case Order() | Request() | Waiting():
            return replace(row)
        case _:  # frozen
            return row
