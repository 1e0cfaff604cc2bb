"""What is checked before it is believed: settings by their shape, messages by their type."""

import re
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class NotGenuine(Exception):
    """The message can't be shown to come from the provider; `str()` says why."""


class NotUnderstood(Exception):
    """The bytes are not what the provider promises to send."""


class Reader(Generic[T]):
    """Reads bytes as one type, or says that they are not understood."""

    def __init__(self, decoder: msgspec.json.Decoder[T]) -> None:
        self._decoder = decoder

    def __call__(self, content: bytes) -> T:
        """Raise NotUnderstood for anything else."""
        try:
            return self._decoder.decode(content)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise NotUnderstood(str(error)) from None


def expect(key: str, value: str, pattern: str, shape: str) -> None:
    """Raise ValueError naming the setting and the shape expected; never for a secret."""
    if not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError(f"{key}: expected {shape}, got {value!r}")
