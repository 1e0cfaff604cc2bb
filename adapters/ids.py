"""Identifiers: unique and sorted by time, but no secrets."""

import random
import time
from datetime import UTC, datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as the ULID specification says

_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]

#: Seeded by the system once. Asking the system each time lets go of the interpreter each time.
_chance = random.Random()  # noqa: S311 -- nobody is kept out by an identifier


class _Ulids:
    """Each is greater than the one before, so that what one process makes sorts as it was made."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        """A fresh ULID: 48 bits of Unix milliseconds, 80 random bits, 26 characters."""
        number = (time.time_ns() // 1_000_000) << 80 | _chance.getrandbits(80)
        self._last = number = max(number, self._last + 1)
        return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


new_ulid = _Ulids()


def made_at(id: str) -> datetime:
    """When an identifier with its prefix was made: a ULID begins with its time."""
    milliseconds = 0
    for digit in id.partition("_")[2][:10]:
        milliseconds = milliseconds << 5 | ALPHABET.index(digit)
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def new_nonce() -> str:
    """128 random bits, 32 hexadecimal digits: what must be unique and may be guessed."""
    return f"{_chance.getrandbits(128):032x}"
