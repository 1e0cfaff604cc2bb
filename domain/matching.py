"""The merge: two streams sorted by key, read once, each movement and row put in one class."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from domain.bill import BillRow, BillTotals, Key, MovementKind
from domain.bill_day import CARRY_DAYS, BillDay, bill_day
from domain.certificate import Certificate, Tally
from domain.reconciliation import Class, FeeTerms, Finding, Movement
from domain.sides import BillSide, Borders, OurSide

CHARGE, REVERSAL, REFUND = MovementKind


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
        self._ours = OurSide(self._day, borders.carried, self.tally.read)
        self._bill = BillSide(rows, self.tally.read)
        self._order_no, self._known = "", False  # `_known`: a movement of this order was met
        self._ours_charged, self._bill_charged = False, False
        self._reversal: Movement | None = None  # waits for a refund row of everything
        self._reversed: BillRow | None = None  # waits for a refund of ours of everything

    def take(self, movements: Sequence[Movement]) -> Iterator[Finding]:
        """The next page of our side; what is found up to its last movement."""
        return self._through(self._ours.page(movements))

    def finish(self) -> Iterator[Finding]:
        """Our side has ended; what is found in the rest of the bill."""
        yield from self._through(self._ours.rest())
        while self._bill.row is not None:
            yield from self._lone_row(self._bill.row)
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

    def _through(self, movements: Sequence[Movement]) -> Iterator[Finding]:
        for movement in movements:
            if not self._agree(movement):
                yield from self._look_at(movement)

    def _agree(self, movement: Movement) -> bool:
        """An order comes up on both sides, of this day and without a difference: that is all.

        So do nearly all of them, and this is the quick way; `_look_at` would say the same.
        """
        bill, key = self._bill, (movement.order_no, movement.kind, movement.refund_no)
        row = bill.row
        if (
            row is None
            or key != bill.key
            or movement.order_no <= self._order_no
            or not self._start <= movement.at < self._end
            or self._reversal is not None
            or self._reversed is not None
            or key in self._elsewhere
            or differ(movement, row)
            or (self._fees is not None and not self._fees.agrees(row))
        ):
            return False
        self._order_no, self._known = movement.order_no, True
        self._ours_charged = self._bill_charged = movement.kind is CHARGE
        self._ours.key, self._ours.twin = key, 0
        self._matched[movement.kind].take_pair(movement, row)
        bill.go_on()
        return True

    def _look_at(self, movement: Movement) -> Iterator[Finding]:
        key, bill = movement.key, self._bill
        self._ours.came_to(movement, key)
        while bill.row is not None and bill.key < key:
            yield from self._lone_row(bill.row)
        if movement.order_no != self._order_no:
            yield from self._begin(movement.order_no)
        finding = self._meet(movement, key)
        if finding is not None:
            yield finding

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
        self._order_no, self._known = order_no, False
        self._ours_charged, self._bill_charged = False, False
        self._reversal = self._reversed = None
        return found

    def _meet(self, movement: Movement, key: Key) -> Finding | None:
        """Rows up to this movement's key are through."""
        self._known = True
        if movement.kind is CHARGE:
            self._ours_charged = True
        if not self._free(movement, key):
            return self._kept_out(movement, key)
        row = self._bill.row
        if row is not None and self._bill.key == key and not self._ours.twin:
            self._bill.go_on()
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
            return self._put(Class.CARRIED_OVER, movement, None, nth=self._ours.twin)
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
        row = self._reversed if movement.kind is REFUND and not self._ours.twin else None
        if row is not None and row.fen == movement.fen:
            self._reversed = None
            return self._pair(movement, row)
        if movement.kind is REVERSAL and not self._ours.twin:
            self._reversal = movement
            return None
        return self._absent(movement, self._ours.twin)

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
        copy = self._bill.copy
        found = self._begin(row.order_no) if row.order_no != self._order_no else []
        self._bill.go_on()
        finding = self._classed(row, copy)
        return [*found, finding] if finding is not None else found

    def _classed(self, row: BillRow, copy: int) -> Finding | None:
        if not self._known and not row.order_no.startswith(self._prefix):
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
