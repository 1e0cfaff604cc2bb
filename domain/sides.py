"""The two sides of a match as they are read: in order, and summed before anything is decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import cast

from domain.bill import BillRow, Key
from domain.bill_day import BillDay
from domain.certificate import Sums
from domain.reconciliation import Movement

#: Before every key, even of a row without an order number.
NOTHING = cast("Key", ("", 0, ""))

#: Rows read at a time.
BLOCK = 250


class Unsorted(Exception):
    """A stream is not sorted by key: what was matched proves nothing."""


@dataclass(frozen=True, slots=True)
class Borders:
    """What the runs of other days know of the movements around this day's midnights."""

    #: Of this day, and another day's bill had them: carried over, whatever this day's bill says.
    elsewhere: frozenset[Key] = frozenset()

    #: Of other days: none had them yet, or this day's bill did. `carried_from` is their day.
    carried: tuple[Movement, ...] = ()

    #: Neighbouring days whose runs have finished: of their movements only `carried` are free.
    finished: frozenset[date] = frozenset()


class BillSide:
    """The bill's rows one by one; `row` is the next, with its `key`."""

    __slots__ = ("_block", "_read", "_rows", "copy", "key", "row")

    def __init__(self, rows: Iterator[BillRow], read: Sums) -> None:
        self._rows, self._block, self._read = rows, iter(list[BillRow]()), read
        self.row: BillRow | None = None  # none is left
        self.key, self.copy = NOTHING, 0  # `copy`: how many rows of this key came before it
        self.go_on()

    def go_on(self) -> None:
        """To the next row. Raises Unsorted."""
        row = next(self._block, None)
        if row is None:
            block = list(islice(self._rows, BLOCK))
            self._read.take_rows(block)
            self._block = iter(block)
            row = next(self._block, None)
        self.row = row
        if row is not None:
            key = row.order_no, row.kind, row.refund_no
            if key < self.key:
                raise Unsorted(f"the bill's row {row.line} comes after one with a greater key")
            self.copy = self.copy + 1 if key == self.key else 0
            self.key = key


class OurSide:
    """Our movements, and among them those that other days carried to this one."""

    __slots__ = ("_carried", "_day", "_read", "key", "twin")

    def __init__(self, day: BillDay, carried: Sequence[Movement], read: Sums) -> None:
        self._day, self._read = day, read
        self._carried = sorted(carried, key=_key_of, reverse=True)  # the next one is last
        self.key, self.twin = NOTHING, 0  # `twin`: how many movements of this key came before it

    def page(self, movements: Sequence[Movement]) -> Sequence[Movement]:
        """The page with what is carried up to its last key; of the same movement only one."""
        if self._carried and movements:
            movements = self._with_carried(movements)
        self._read.take_movements(movements)
        return movements

    def rest(self) -> Sequence[Movement]:
        """What is carried beyond the last page."""
        rest, self._carried = self._carried[::-1], []
        self._read.take_movements(rest)
        return rest

    def came_to(self, movement: Movement, key: Key) -> None:
        """This is the next one. Raises Unsorted."""
        if key < self.key:
            raise Unsorted(f"{movement.order_id} comes after a movement with a greater key")
        self.twin = self.twin + 1 if key == self.key else 0
        self.key = key

    def _with_carried(self, page: Sequence[Movement]) -> Sequence[Movement]:
        last, mine, others = page[-1].key, {m.key: m for m in page}, []
        while self._carried and self._carried[-1].key <= last:
            carried = self._carried.pop()
            same = mine.get(carried.key)
            if same is None or not self._day.belongs(same.at):  # else the books know better now
                others.append(carried)
        taken = {m.key for m in others}
        rest = [m for m in page if m.key not in taken]
        return sorted([*rest, *others], key=_key_of) if others else page


def _key_of(movement: Movement) -> Key:
    return movement.key
