"""The merge: two streams sorted by key, read once, each movement and row put in one class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import cast

from domain.bill import BillRow, BillTotals, Key, MovementKind
from domain.bill_day import CARRY_DAYS, BillDay, bill_day
from domain.certificate import Certificate, Tally
from domain.reconciliation import Class, FeeTerms, Finding, Movement

CHARGE, REVERSAL, REFUND = MovementKind

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


class Matching:
    """One day's match. Give it every page of our movements by `take`, then `finish` it.

    Both hand out findings one by one and may read many rows between two of them. Only the page at
    hand, some rows and the carried movements are in memory.
    """

    def __init__(
        self,
        rows: Iterator[BillRow],
        day: date,
        *,
        prefix: str,
        fees: FeeTerms | None = None,
        borders: Borders | None = None,
    ) -> None:
        """`rows`: sorted by key; `prefix`: of our own order numbers at the provider."""
        borders = borders or Borders()
        self.tally = Tally()
        self._matched = {kind: self.tally.of(Class.MATCHED, kind) for kind in MovementKind}
        self._day, self._prefix, self._fees = BillDay.of(day), prefix, fees
        self._start, self._end = self._day.start, self._day.end
        self._elsewhere, self._finished = borders.elsewhere, borders.finished
        self._carried = sorted(borders.carried, key=_key_of, reverse=True)  # the next one is last
        self._movement_key, self._twin = NOTHING, 0
        self._rows, self._block = rows, iter(list[BillRow]())
        self._row: BillRow | None = None
        self._row_key, self._copy = NOTHING, 0
        self._order_no, self._ours = "", False  # `_ours`: a movement of this order was met
        self._ours_charged, self._bill_charged = False, False
        self._reversal: Movement | None = None  # waits for a refund row of everything
        self._reversed: BillRow | None = None  # waits for a refund of ours of everything
        self._next_row()

    def take(self, movements: Sequence[Movement]) -> Iterator[Finding]:
        """The next page of our side; what is found up to its last movement."""
        page = self._with_carried(movements)
        self.tally.read.take_movements(page)
        for movement in page:
            if not self._agree(movement):
                yield from self._look_at(movement)

    def _look_at(self, movement: Movement) -> Iterator[Finding]:
        key = movement.key
        self._count_twins(movement, key)
        while self._row is not None and self._row_key < key:
            yield from self._lone_row(self._row)
        if movement.order_no != self._order_no:
            yield from self._begin(movement.order_no)
        finding = self._meet(movement, key)
        if finding is not None:
            yield finding

    def finish(self) -> Iterator[Finding]:
        """Our side has ended; what is found in the rest of the bill."""
        rest, self._carried = self._carried[::-1], []
        yield from self.take(rest)
        while self._row is not None:
            yield from self._lone_row(self._row)
        yield from self._begin("")

    def reclass(self, finding: Finding, to: Class) -> Finding:
        """It was looked into and belongs in another class; the certificate follows."""
        self.tally.move(finding, to)
        return replace(finding, cls=to)

    def certificate(
        self, totals: BillTotals, *, account: str, bill_sha256: str = ""
    ) -> Certificate:
        """The proof, once `finish` is through. `totals`: what the bill says of itself."""
        return Certificate.of(
            self.tally, totals, account=account, day=self._day.day, bill_sha256=bill_sha256
        )

    # Reading: sums are taken here, before anything is decided.

    def _next_row(self) -> None:
        row = next(self._block, None)
        if row is None:
            block = list(islice(self._rows, BLOCK))
            self.tally.read.take_rows(block)
            self._block = iter(block)
            row = next(self._block, None)
        self._row = row
        if row is not None:
            key = row.order_no, row.kind, row.refund_no
            if key < self._row_key:
                raise Unsorted(f"the bill's row {row.line} comes after one with a greater key")
            self._copy = self._copy + 1 if key == self._row_key else 0
            self._row_key = key

    def _count_twins(self, movement: Movement, key: Key) -> None:
        if key < self._movement_key:
            raise Unsorted(f"{movement.order_id} comes after a movement with a greater key")
        self._twin = self._twin + 1 if key == self._movement_key else 0
        self._movement_key = key

    def _with_carried(self, page: Sequence[Movement]) -> Sequence[Movement]:
        """The page, and what other days carried up to its last key; of the same one only one."""
        if not self._carried or not page:
            return page
        last, mine, others = page[-1].key, {m.key: m for m in page}, []
        while self._carried and self._carried[-1].key <= last:
            carried = self._carried.pop()
            same = mine.get(carried.key)
            if same is None or not self._day.belongs(same.at):  # else the books know better now
                others.append(carried)
        taken = {m.key for m in others}
        rest = [m for m in page if m.key not in taken]
        return sorted([*rest, *others], key=_key_of) if others else page

    def _agree(self, movement: Movement) -> bool:
        """An order comes up on both sides, of this day and without a difference: that is all.

        So do nearly all of them, and this is the quick way; `_look_at` would say the same.
        """
        row, key = self._row, (movement.order_no, movement.kind, movement.refund_no)
        if (
            row is None
            or key != self._row_key
            or movement.order_no <= self._order_no
            or not self._start <= movement.at < self._end
            or self._reversal is not None
            or self._reversed is not None
            or key in self._elsewhere
            or differ(movement, row)
            or (self._fees is not None and not self._fees.agrees(row))
        ):
            return False
        self._order_no, self._ours = movement.order_no, True
        self._ours_charged = self._bill_charged = movement.kind is CHARGE
        self._movement_key, self._twin = key, 0
        self._matched[movement.kind].take_pair(movement, row)
        self._next_row()
        return True

    # Within one order charges come before reversals, and these before refunds.

    def _begin(self, order_no: str) -> list[Finding]:
        """Another order; what still waited for its partner in the one before has none."""
        found = []
        if self._reversed is not None:
            cls = Class.STATUS_MISMATCH if self._ours_charged else Class.UNKNOWN_REFUND
            found.append(self._put(cls, None, self._reversed))
        if self._reversal is not None:
            absent = self._absent(self._reversal, twin=0)
            found += [absent] if absent else []
        self._order_no, self._ours = order_no, False
        self._ours_charged, self._bill_charged = False, False
        self._reversal = self._reversed = None
        return found

    def _meet(self, movement: Movement, key: Key) -> Finding | None:
        """Rows up to this movement's key are through."""
        self._ours = True
        if movement.kind is CHARGE:
            self._ours_charged = True
        if not self._free(movement, key):
            return self._kept_out(movement, key)
        row = self._row
        if row is not None and self._row_key == key and not self._twin:
            self._next_row()
            return self._pair(movement, row)
        return self._lone_movement(movement)

    def _free(self, movement: Movement, key: Key) -> bool:
        """Whether a row of this bill may be this movement's."""
        if self._day.belongs(movement.at):
            return key not in self._elsewhere
        if movement.carried_from is not None:
            return self._age(movement) <= CARRY_DAYS
        start, end = self._day.window
        return start <= movement.at < end and bill_day(movement.at) not in self._finished

    def _kept_out(self, movement: Movement, key: Key) -> Finding | None:
        if key in self._elsewhere and self._day.belongs(movement.at):
            return self._put(Class.CARRIED_OVER, movement, None, nth=self._twin)
        self.tally.outside.take_movement(movement)
        return None

    def _pair(self, movement: Movement, row: BillRow) -> Finding | None:
        """Both sides know it; quiet if they agree and the movement is this day's."""
        if row.kind is CHARGE:
            self._bill_charged = True
        if differ(movement, row):
            return self._put(Class.AMOUNT_MISMATCH, movement, row)
        if self._fees is not None and not self._fees.agrees(row):
            found = self._put(Class.FEE_MISMATCH, movement, row)
            return replace(found, expected_fee_fen=self._fees.expected(row))
        found = self._put(Class.MATCHED, movement, row)
        return found if found.settles else None

    def _lone_movement(self, movement: Movement) -> Finding | None:
        """The bill has no row of this key, or another movement took it."""
        row = self._reversed if movement.kind is REFUND and not self._twin else None
        if row is not None and row.fen == movement.fen:
            self._reversed = None
            return self._pair(movement, row)
        if movement.kind is REVERSAL and not self._twin:
            self._reversal = movement
            return None
        return self._absent(movement, self._twin)

    def _absent(self, movement: Movement, twin: int) -> Finding | None:
        """Nothing in this bill is this movement's."""
        age = self._age(movement)
        if age == 0:
            waits = self._day.near_midnight(movement.at)
        elif movement.carried_from is not None and age > 0:
            waits = age < CARRY_DAYS
        else:
            self.tally.outside.take_movement(movement)
            return None
        if waits:
            return self._put(Class.CARRIED_OVER, movement, None, nth=twin)
        reversal = movement.kind is REVERSAL and self._bill_charged
        cls = Class.STATUS_MISMATCH if reversal else Class.MISSING_AT_PROVIDER
        return self._put(cls, movement, None, nth=twin)

    def _lone_row(self, row: BillRow) -> list[Finding]:
        """Nothing of ours has this key, or the key had its row already. Goes on to the next row."""
        copy = self._copy
        found = self._begin(row.order_no) if row.order_no != self._order_no else []
        self._next_row()
        finding = self._classed(row, copy)
        return [*found, finding] if finding is not None else found

    def _classed(self, row: BillRow, copy: int) -> Finding | None:
        if not self._ours and not row.order_no.startswith(self._prefix):
            self.tally.put(Class.FOREIGN, None, row)
            return None
        if copy:
            return self._put(Class.DUPLICATE_IN_BILL, None, row, nth=copy - 1)
        if row.kind is CHARGE:
            self._bill_charged = True
            return self._put(Class.MISSING_LOCALLY, None, row)
        if row.kind is REVERSAL:
            self._reversed = row
            return None
        reversal = self._reversal
        if reversal is not None and reversal.fen == row.fen:
            self._reversal = None
            return self._pair(reversal, row)
        return self._put(Class.UNKNOWN_REFUND, None, row)

    def _put(
        self, cls: Class, movement: Movement | None, row: BillRow | None, nth: int = 0
    ) -> Finding:
        self.tally.put(cls, movement, row)
        age = self._age(movement) if movement is not None else 0
        return Finding(cls, movement, row, nth, age)

    def _age(self, movement: Movement) -> int:
        """Days from its own day to this one."""
        own = movement.carried_from or bill_day(movement.at)
        return (self._day.day - own).days


def differ(movement: Movement, row: BillRow) -> bool:
    """By amount, or by what was settled if both know that."""
    ours, theirs = movement.settled_fen, row.settled_fen
    return movement.fen != row.fen or (ours is not None and theirs is not None and ours != theirs)


def _key_of(movement: Movement) -> Key:
    return movement.key
