"""The shape that all of Alipay's bills have: comments, a header, rows, comments with totals.

Beside the rows stands a second text that sums them up. Source: MAPPING.md §11.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Protocol, TypeVar

from adapters.providers.alipay.bill_cells import (
    AGAIN,
    AS_DOWNLOADED,
    PADDING,
    plain_cell,
    plain_name,
    told_fen,
)
from adapters.providers.alipay.bill_file import Text, texts_of
from domain.bill import BillRejected, UnreadableRow

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

#: Comments above the header, and lines of the summary: one per store.
MOST_COMMENTS, MOST_SUMMED = 40, 100_000

#: A quoted cell may hold so many ends of lines: it has 256 characters.
MOST_BREAKS = 256

_TOTAL = re.compile(r"#(\w+)合计[：:]([0-9]+)笔[，,](.*)")
_SUM = re.compile(r"(\w*?)共(-?[0-9][0-9,.]*)元")
_DATES = re.compile(r"\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 ([0-9:]{8})\]")


@dataclass(frozen=True, slots=True)
class Footer:
    """One line of totals: how many rows, and the sums by their names, in fen."""

    count: int
    sums: Mapping[str, int]


class Table(Protocol[T_co]):
    """One kind of bill; adds up what it reads."""

    title: str  # of the first line
    summary_title: str

    def begin(self, names: Sequence[str]) -> None:
        """Understand the header. Raises BillRejected."""

    def row(self, number: int, line: str, cells: list[str]) -> T_co:
        """Read one row. Raises ValueError saying why it can't be read."""

    def check(
        self, footers: Mapping[str, Footer], summary: Mapping[str, str] | None, *, unreadable: int
    ) -> None:
        """Raise BillRejected unless the totals are those of the rows."""


class Numbered(Iterator[tuple[int, str]]):
    """Lines with their numbers, of which some can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, 1)
        self._back: list[tuple[int, str]] = []

    def __next__(self) -> tuple[int, str]:
        return self._back.pop() if self._back else next(self._lines)

    def give_back(self, lines: Sequence[tuple[int, str]]) -> None:
        """Let these come again."""
        self._back.extend(reversed(lines))


def read_bill(
    path: str, table: Table[T], *, seller_id: str, day: date
) -> Iterator[T | UnreadableRow]:
    """Yield the rows in the bill's own order, then check its totals. Raises BillRejected."""
    with texts_of(path) as texts:
        detail = _titled(texts, table.title)
        if detail is None:
            raise BillRejected(f"No text in it begins with #{table.title}. {AS_DOWNLOADED}")
        numbered = Numbered(detail())
        names = _header(numbered, seller_id=seller_id, day=day)
        table.begin(names)
        unreadable = 0
        for each in _rows(numbered, table, len(names)):
            unreadable += isinstance(each, UnreadableRow)
            yield each
        footers = _footers(numbered)
        summary = _titled(texts, table.summary_title)
        table.check(footers, summary and _last_sums(summary()), unreadable=unreadable)


def _titled(texts: Sequence[Text], title: str) -> Text | None:
    """The text whose first line says that it is this one."""
    found = [each for each in texts if plain_cell(next(each(), "")).strip("#,") == title]
    if len(found) > 1:
        raise BillRejected(f"The file holds {title} {len(found)} times. {AS_DOWNLOADED}")
    return found[0] if found else None


def _header(numbered: Numbered, *, seller_id: str, day: date) -> Sequence[str]:
    """Read the comments and the header; the bill must be this merchant's and this day's."""
    comments = ""
    for _, line in islice(numbered, MOST_COMMENTS):
        if line.startswith("#"):
            comments += line
        elif line.strip(PADDING + ","):
            _check_comments(comments, seller_id=seller_id, day=day)
            return [plain_name(cell) for cell in line.split(",")]
    raise BillRejected(f"It has no header of columns. {AS_DOWNLOADED}")


def _check_comments(comments: str, *, seller_id: str, day: date) -> None:
    account = re.search(r"账号[：:]\[([0-9]*)\]", comments)
    if account is None or not account[1].startswith(seller_id):
        whose = account[1] if account else "nobody's"
        raise BillRejected(f"The bill is not of account {seller_id}, but of {whose}.")
    dates = _DATES.findall(comments)
    following = day + timedelta(days=1)
    ends = {_told(following, "00:00:00"), _told(day, "23:59:59")}
    if len(dates) != 2 or dates[0] != _told(day, "00:00:00") or dates[1] not in ends:
        told = " to ".join("-".join(each[:3]) for each in dates) or "no day"
        raise BillRejected(f"The bill is not of {day.isoformat()}, but of {told}.")


def _told(day: date, time: str) -> tuple[str, str, str, str]:
    return f"{day:%Y}", f"{day:%m}", f"{day:%d}", time


def _rows(numbered: Numbered, table: Table[T], width: int) -> Iterator[T | UnreadableRow]:
    """Yield the rows up to the comment that ends them."""
    for number, text in numbered:
        if text.startswith("#"):
            return
        line, cells = _unquoted(text, numbered, width) if '"' in text else (text, text.split(","))
        try:
            if len(cells) != width:
                raise ValueError(f"It has {len(cells)} cells and not {width}.")  # noqa: TRY301
            row = table.row(number, line, cells)
        except ValueError as reason:
            if line.strip(PADDING + ","):
                yield UnreadableRow(number, str(reason), line)
        else:
            yield row
    raise BillRejected(f"The bill ends without its totals: it was cut short. {AGAIN}")


def _unquoted(line: str, numbered: Numbered, width: int) -> tuple[str, list[str]]:
    """Split a line in which something is quoted; a quoted cell may go on in the next lines."""
    taken: list[tuple[int, str]] = []

    def lines() -> Iterator[str]:
        yield f"{line}\n"
        for each in islice(numbered, MOST_BREAKS):
            taken.append(each)
            yield f"{each[1]}\n"

    try:
        cells = next(csv.reader(lines()))
    except csv.Error:  # e.g. a bare carriage return
        cells = []
    if len(cells) == width:
        return "\n".join([line, *(text for _, text in taken)]), cells
    numbered.give_back(taken)  # the quote was never closed
    return line, line.split(",")


def _footers(numbered: Numbered) -> Mapping[str, Footer]:
    footers = {}
    for _, line in islice(numbered, MOST_COMMENTS):
        if found := _TOTAL.match(line.strip(PADDING)):
            sums = {name: told_fen(name, text) for name, text in _SUM.findall(found[3])}
            footers[found[1]] = Footer(int(found[2]), sums)
    return footers


def _last_sums(lines: Iterator[str]) -> Mapping[str, str] | None:
    """What the summary's last row says, by column; None where it has none."""
    told = (each for each in islice(lines, MOST_SUMMED) if each and not each.startswith("#"))
    rows = (each.split(",") for each in told)
    names = [plain_name(cell) for cell in next(rows, [])]
    for cells in rows:
        if plain_cell(cells[0]) == "合计":
            return dict(zip(names, map(plain_cell, cells), strict=False))
    return None
