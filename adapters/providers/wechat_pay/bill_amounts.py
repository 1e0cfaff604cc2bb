"""Decimal text as whole numbers, exactly: never by way of a float, and each text read once."""

import re

#: More digits than any database column holds are no amount.
_AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,12}))?")

#: Amounts repeat; a bill of a million different ones must not fill the memory with them.
MOST_KEPT = 100_000

#: Decimals in yuan. Fees have three more than a fen.
FEN, FEE = 2, 5
FEE_UNITS, ONE = 1_000, 100_000


def scaled(text: str, places: int) -> int:
    """Return `12.3` with two places as 1230. Raises ValueError for what is finer or no number."""
    found = _AMOUNT.fullmatch(text)
    part = found[3].rstrip("0") if found and found[3] else ""
    if found is None or len(part) > places:
        raise ValueError(f"{text[:40]!r} is not an amount with at most {places} decimals")
    return int(found[1] + found[2] + part.ljust(places, "0"))


def to_fen(fee: int) -> int:
    """Round a fee to the fen, half of one away from nothing."""
    fen = (abs(fee) + FEE_UNITS // 2) // FEE_UNITS
    return fen if fee >= 0 else -fen


class Amounts(dict[str, int]):
    """Texts and how many fen they are: asking a dictionary is quicker than reading again.

    A column that a bill does not have reads as the empty text, which is nothing.
    """

    def __init__(self) -> None:
        super().__init__({"": 0})

    def __missing__(self, text: str) -> int:
        amount = self._read(text)
        if len(self) < MOST_KEPT:
            self[text] = amount
        return amount

    def _read(self, text: str) -> int:
        fen = scaled(text, FEN)
        if fen < 0:
            raise ValueError(f"{text!r} is less than nothing")
        return fen


class Fees(Amounts):
    """Likewise for fees, in their own finer unit and of either sign."""

    def _read(self, text: str) -> int:
        return scaled(text, FEE)


class RoundedFees(Amounts):
    """Likewise for fees, in whole fen."""

    def _read(self, text: str) -> int:
        return to_fen(scaled(text, FEE))
