"""What stands in the cells of a bill: amounts, moments, names, each read exactly or refused."""

import re
from collections.abc import Sequence
from datetime import datetime

from domain.bill import BillRejected

AS_DOWNLOADED = "Hand in the file as Alipay gives it, unchanged."
AGAIN = "Download it again; if it stays so, ask Alipay."

#: One spelling for all: brackets with their unit fall away, and so does what only pads.
_UNIT = re.compile(r"[(（][^)）]*[)）]")
PADDING = " \t\u3000\ufeff`"

_AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")

#: Amounts repeat; a bill of a million different ones must not fill the memory with them.
MOST_KEPT = 100_000


class Fen(dict[str, int]):
    """Yuan in text and what they are in fen: asking a dictionary is quicker than reading.

    A column that a bill does not have reads as the empty text, which is nothing.
    """

    def __init__(self) -> None:
        super().__init__({"": 0})

    def __missing__(self, cell: str) -> int:
        found = _AMOUNT.fullmatch(cell.strip(PADDING))
        if found is None:
            raise ValueError(f"{cell[:40]!r} is not an amount in yuan.")
        fen = int(found[1] + found[2] + (found[3] or "").ljust(2, "0"))
        if len(self) < MOST_KEPT:
            self[cell] = fen
        return fen


def plain_cell(cell: str) -> str:
    """Take off what keeps spreadsheets from rounding."""
    return cell.strip(PADDING)


def plain_name(cell: str) -> str:
    """A column's name in one spelling, without its unit."""
    return _UNIT.sub("", cell).strip(PADDING)


def place_of(spellings: Sequence[str], names: Sequence[str]) -> int:
    """Where a column stands that has had several names. Raises BillRejected."""
    for name in spellings:
        if name in names:
            return names.index(name)
    raise BillRejected(f"It has no column {spellings[0]}. {AS_DOWNLOADED}")


def read_instant(cell: str) -> datetime:
    """Read Chinese wall time. Raises ValueError."""
    text = plain_cell(cell)
    if len(text) != len("2026-01-15 10:00:09"):
        raise ValueError(f"{text[:40]!r} is not a time.")
    return datetime.fromisoformat(f"{text}+08:00")


def told_fen(name: str, text: str) -> int:
    """Read a total. Raises BillRejected."""
    try:
        return Fen()[text.replace(",", "")]
    except ValueError as error:
        raise BillRejected(f"Its total {name} can't be read: {error} {AGAIN}") from None


def check_count(name: str, told: int | str, found: Sequence[int]) -> None:
    """Raise BillRejected unless so many rows are told of."""
    if not str(told).isdecimal() or int(told) not in found:
        raise BillRejected(f"It counts {told} of {name}, and its rows are {found[0]}. {AGAIN}")


def check_total(name: str, told: int, found: Sequence[int]) -> None:
    """Raise BillRejected unless a total is one of what it may be, by either sign."""
    if abs(told) not in map(abs, found):
        sums = f"Its total {name} says {_yuan(told)}, and its rows add up to {_yuan(found[0])}."
        raise BillRejected(f"{sums} {AGAIN}")


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}"
