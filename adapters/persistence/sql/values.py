"""How single values are kept: money, instants and small structures."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from domain.money import CNY, Money
from domain.outcome import Action, Failure

Value = str | int | bytes | None
Row = Mapping[str, Value]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ACTION = msgspec.json.Decoder(Action)
_FAILURE = msgspec.json.Decoder(Failure)
_TEXTS = msgspec.json.Decoder(dict[str, str])


class Stored(Protocol):
    """A row as drivers give it: values by the name of their column."""

    def __getitem__(self, column: str, /) -> Any: ...


def fen(money: Money) -> int:
    """Only yuan are kept; raises ValueError for any other currency."""
    if money.currency != CNY:
        raise ValueError(f"{money.currency} can't be kept, only {CNY}")
    return money.fen


def fen_or_null(money: Money | None) -> int | None:
    return None if money is None else fen(money)


def money_or_none(stored: int | None) -> Money | None:
    return None if stored is None else Money(stored)


def micros(at: datetime) -> int:
    """Microseconds since 1970, UTC; raises TypeError for an instant without a zone."""
    return (at - _EPOCH) // _MICROSECOND


def micros_or_null(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def instant(stored: int) -> datetime:
    """The aware UTC instant."""
    return _EPOCH + timedelta(microseconds=stored)


def instant_or_none(stored: int | None) -> datetime | None:
    return None if stored is None else instant(stored)


def texts(mapping: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(dict(mapping))


def texts_of(stored: bytes) -> dict[str, str]:
    return _TEXTS.decode(stored)


def packed(value: Action | Failure | None) -> bytes | None:
    return None if value is None else msgspec.json.encode(value)


def action_of(stored: bytes | None) -> Action | None:
    return None if stored is None else _ACTION.decode(stored)


def failure_of(stored: bytes | None) -> Failure | None:
    return None if stored is None else _FAILURE.decode(stored)
