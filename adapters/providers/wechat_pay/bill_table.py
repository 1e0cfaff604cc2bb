"""The shape that all of WeChat Pay's bills have: a header, rows, a header of totals, the totals.

Values begin with a backtick, headers don't, nothing is quoted. Source: MAPPING.md §11.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar

from adapters.providers.wechat_pay.bill_amounts import FEE, ONE, scaled
from domain.bill import BillRejected, UnreadableRow

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

LENGTH_OF_TIME = len("2026-03-10 09:15:02")

AS_DOWNLOADED = "Hand in the file as WeChat Pay's merchant platform gives it, unchanged."
AGAIN = "Download it again; if it stays so, ask WeChat Pay."


class Table(Protocol[T_co]):
    """One kind of bill, its header understood."""

    @property
    def first_total(self) -> str:
        """Name the first column of the totals."""

    def row(self, number: int, line: str) -> T_co:
        """Read one row. Raises ValueError saying why it can't be read, BillRejected."""

    def check(self, totals: Mapping[str, str], *, rows: int, read: int, unreadable: int) -> None:
        """Raise BillRejected unless the totals are those of the rows.

        `rows`: what the bill counts. What begins like no row is unreadable, and not among them.
        """


def header_of(line: str) -> Sequence[str]:
    """Return the names in a header in one spelling: ASCII brackets, no spaces, capitals."""
    plain = line.replace("`", "").replace("（", "(").replace("）", ")").replace(" ", "").upper()
    return plain.strip("\ufeff").split(",")


def values_of(line: str) -> list[str]:
    """Split a line of values: one backtick is taken off each, and no more."""
    return line[1:].split(",`")


def read_table(numbered: Iterator[tuple[int, str]], table: Table[T]) -> Iterator[T | UnreadableRow]:
    """Yield the rows below a header, and check the totals at the end. Raises BillRejected."""
    rows = read = unreadable = 0
    for number, line in numbered:
        if line.startswith("`"):
            rows += 1
            try:
                row = table.row(number, line)
            except ValueError as reason:
                unreadable += 1
                yield UnreadableRow(number, str(reason), line)
            else:
                read += 1
                yield row
        elif header_of(line)[0] == table.first_total:
            totals = _totals(header_of(line), numbered)
            table.check(totals, rows=rows, read=read, unreadable=unreadable)
            return
        elif line:
            unreadable += 1
            yield UnreadableRow(number, "It does not begin with a backtick.", line)
    raise BillRejected(f"The bill ends without its totals: it was cut short. {AGAIN}")


def _totals(names: Sequence[str], numbered: Iterator[tuple[int, str]]) -> Mapping[str, str]:
    told = list(islice((line for _, line in numbered if line), 2))
    if len(told) != 1 or not told[0].startswith("`"):
        raise BillRejected(
            f"Its totals are not one line at the end: it was cut or changed. {AGAIN}"
        )
    values = values_of(told[0])
    if len(values) != len(names):
        raise BillRejected(f"Its totals are {len(values)} and not {len(names)}. {AGAIN}")
    return dict(zip(names, values, strict=True))


def instant_of(text: str, day: str, number: int) -> datetime:
    """Read a moment of this day. Raises ValueError, or BillRejected for another day's."""
    if text[:10] == day and len(text) == LENGTH_OF_TIME:
        return datetime.fromisoformat(text + "+08:00")  # five times as quick as `replace`
    other = datetime.fromisoformat(text).date()
    if other.isoformat() == day:
        raise ValueError(f"{text[:40]!r} is not a moment to the second.")
    raise BillRejected(
        f"Row {number} happened on {other}, and this is the bill of {day}. Hand in that day's bill."
    )


def check_total(name: str, totals: Mapping[str, str], found: int, *, slack: int = 0) -> None:
    """Compare one total, if it is told, with what was found, in 1/100,000 of its unit."""
    if name not in totals:
        return
    try:
        told = scaled(totals[name], FEE)
    except ValueError as error:
        raise BillRejected(f"Its total {name} can't be read: {error}. {AGAIN}") from None
    if abs(told - found) > slack:
        raise BillRejected(
            f"Its total {name} says {totals[name]}, and its rows add up to {_plain(found)}. {AGAIN}"
        )


def _plain(units: int) -> str:
    whole, part = divmod(abs(units), ONE)
    text = f"{whole}.{part:0{FEE}}".rstrip("0").rstrip(".")
    return f"-{text}" if units < 0 else text
