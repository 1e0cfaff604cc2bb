"""What all simulations share."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of planned failures need no log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
