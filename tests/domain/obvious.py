"""Reconciliation the slow and obvious way: dictionaries, and a pass for every rule.

It knows nothing of streams, pages or order; `domain.matching` must say the same of anything.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from math import floor

from domain.bill import BillRow, MovementKind
from domain.reconciliation import Class, Movement
from domain.sides import Borders

CHARGE, REVERSAL, REFUND = MovementKind
MARGIN = timedelta(minutes=15)


def shanghai(at: datetime) -> datetime:
    return at.astimezone(timezone(timedelta(hours=8)))


@dataclass
class Obvious:
    """Sorts both sides into classes; `ours` and `bill` say where each one went, by identity."""

    movements: list[Movement]
    rows: list[BillRow]
    day: date
    prefix: str
    borders: Borders
    rate: Fraction | None = None
    ours: dict[int, Class | None] = field(default_factory=dict)  # None: another day's report
    bill: dict[int, Class] = field(default_factory=dict)
    pairs: list[tuple[Movement, BillRow]] = field(default_factory=list)
    found: set[tuple[Class, int | None, int | None, int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.movements = self.with_carried()
        self.first_movement: dict[object, Movement] = {}
        self.nth: dict[int, int] = {}
        by_key: dict[object, list[Movement]] = defaultdict(list)
        for movement in self.movements:
            self.first_movement.setdefault(movement.key, movement)
            self.nth[id(movement)] = len(by_key[movement.key])
            by_key[movement.key].append(movement)
        self.first_row: dict[object, BillRow] = {}
        for row in sorted(self.rows, key=lambda row: row.line):
            self.first_row.setdefault(row.key, row)
        self.same_key()
        self.same_order(REVERSAL, REFUND)
        self.same_order(REFUND, REVERSAL)
        self.judge_pairs()
        self.judge_rows()
        self.judge_movements()

    def with_carried(self) -> list[Movement]:
        """A carried movement and its twin in the books are one; the day's own counts as that."""
        own = {m.key for m in self.movements if self.age(m) == 0}
        carried = [m for m in self.borders.carried if m.key not in own]
        keys = {m.key for m in carried}
        return carried + [m for m in self.movements if m.key not in keys]

    def age(self, movement: Movement) -> int:
        return (self.day - (movement.carried_from or shanghai(movement.at).date())).days

    @property
    def midnight(self) -> datetime:
        return datetime.fromisoformat(f"{self.day}T00:00:00+08:00")

    def free(self, movement: Movement) -> bool:
        """Whether this day's bill may have it."""
        age = self.age(movement)
        if age == 0:
            return movement.key not in self.borders.elsewhere
        if movement.carried_from:
            return age < 2
        since = movement.at - self.midnight
        near = -MARGIN <= since < timedelta(days=1) + MARGIN
        return near and shanghai(movement.at).date() not in self.borders.finished

    def foreign(self, row: BillRow) -> bool:
        known = any(m.order_no == row.order_no and m.key <= row.key for m in self.movements)
        return not row.order_no.startswith(self.prefix) and not known

    def paired(self, each: Movement | BillRow) -> bool:
        return any(each is one for pair in self.pairs for one in pair)

    def same_key(self) -> None:
        for key, movement in self.first_movement.items():
            if key in self.first_row and self.free(movement):
                self.pairs.append((movement, self.first_row[key]))

    def same_order(self, of_ours: MovementKind, of_bill: MovementKind) -> None:
        """All of the money went back, and the two sides call it by different names."""
        for _, movement in sorted(self.first_movement.items(), key=lambda item: str(item[0])):
            if movement.kind is not of_ours or self.paired(movement) or not self.free(movement):
                continue
            rows = [
                row
                for row in self.first_row.values()
                if row.order_no == movement.order_no
                and row.kind is of_bill
                and row.fen == movement.fen
                and not self.paired(row)
                and not self.foreign(row)
            ]
            if rows:
                self.pairs.append((movement, min(rows, key=lambda row: row.key)))

    def judge_pairs(self) -> None:
        for movement, row in self.pairs:
            if movement.fen != row.fen or (
                movement.settled_fen is not None
                and row.settled_fen is not None
                and movement.settled_fen != row.settled_fen
            ):
                cls = Class.AMOUNT_MISMATCH
            else:
                cls = Class.MATCHED if row.fee_fen in self.fees(row) else Class.FEE_MISMATCH
            self.ours[id(movement)] = self.bill[id(row)] = cls
            if cls is not Class.MATCHED or self.age(movement):
                self.found.add((cls, id(movement), id(row), 0, self.age(movement)))

    def fees(self, row: BillRow) -> set[int]:
        if self.rate is None:
            return {row.fee_fen}
        base = row.fen if row.settled_fen is None else row.settled_fen
        fee = floor(base * self.rate + Fraction(1, 2))
        return {fee} if row.kind is CHARGE else {0, -fee}

    def judge_rows(self) -> None:
        copies: dict[object, int] = defaultdict(int)
        for row in sorted(self.rows, key=lambda row: row.line):
            again = row is not self.first_row[row.key]
            if id(row) in self.bill:
                continue
            if self.foreign(row):
                self.bill[id(row)] = Class.FOREIGN
                continue
            cls = Class.DUPLICATE_IN_BILL if again else self.unmatched(row)
            self.bill[id(row)] = cls
            self.found.add((cls, None, id(row), copies[row.key] if again else 0, 0))
            copies[row.key] += again

    def unmatched(self, row: BillRow) -> Class:
        if row.kind is CHARGE:
            return Class.MISSING_LOCALLY
        paid_here = (row.order_no, CHARGE, "") in self.charges()
        if row.kind is REVERSAL and paid_here:
            return Class.STATUS_MISMATCH
        return Class.UNKNOWN_REFUND

    def charges(self) -> set[object]:
        return {(m.order_no, m.kind, "") for m in self.movements}

    def judge_movements(self) -> None:
        for movement in self.movements:
            if id(movement) not in self.ours:
                cls = self.absent(movement)
                self.ours[id(movement)] = cls
                if cls is not None:
                    nth, age = self.nth[id(movement)], self.age(movement)
                    self.found.add((cls, id(movement), None, nth, age))

    def absent(self, movement: Movement) -> Class | None:
        age = self.age(movement)
        if age == 0:
            since = movement.at - self.midnight
            near = since < MARGIN or timedelta(days=1) - since <= MARGIN
            if near or not self.free(movement):
                return Class.CARRIED_OVER
        elif not movement.carried_from or age != 1:
            return None
        charged = any(
            row.order_no == movement.order_no
            and row.kind is CHARGE
            and self.bill[id(row)] not in {Class.FOREIGN, Class.DUPLICATE_IN_BILL}
            for row in self.rows
        )
        if movement.kind is REVERSAL and charged:
            return Class.STATUS_MISMATCH
        return Class.MISSING_AT_PROVIDER
