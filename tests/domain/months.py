"""A month of random trade whose bills differ from our books in known ways, class by class."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from domain.bill import BillRow, BillTotals, FundKind, FundRow, Key, MovementKind
from domain.bill_day import BillDay, bill_day
from domain.fund_flow import FundsCheck
from domain.matching import Matching
from domain.reconciliation import Class, FeeTerms, Finding, Movement
from domain.sides import Borders

CHARGE, REVERSAL, REFUND = MovementKind
FIRST, DAYS = date(2026, 3, 1), 30
ONE_DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FEES = FeeTerms.of("0.006", 1)

#: (day, class, key, age): all that a run should say, or None for a number of the balance.
Told = tuple[date, Class, Key, int]


def fee_of(fen: int) -> int:
    return (fen * 6 + 500) // 1000


@dataclass
class Order:
    """One payment with what became of it: ours, and the rows that tell the same."""

    movements: list[Movement]
    rows: list[BillRow]  # one for each movement

    @property
    def charge(self) -> Movement:
        return self.movements[0]


@dataclass
class Month:
    """Both sides, and what is to be found. Everything follows from the seed."""

    seed: int
    books: list[Movement] = field(default_factory=list)
    bills: dict[date, list[BillRow]] = field(default_factory=lambda: defaultdict(list))
    funds: dict[date, list[FundRow]] = field(default_factory=lambda: defaultdict(list))
    unreadable: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    expected: list[Told] = field(default_factory=list)
    either: list[tuple[list[Told], list[Told]]] = field(default_factory=list)  # who ran first?
    lost: list[tuple[date, str]] = field(default_factory=list)  # numbers of the balance

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.wechat = self.random.random() < 0.5  # Alipay calls a reversal a refund
        self.orders = [self.order(n) for n in range(self.random.randint(60, 160))]
        touched = self.random.sample(self.orders, len(self.orders) // 3)
        for order in touched:
            self.random.choice(INJECTIONS)(self, order)
        for order in self.orders:
            self.books += order.movements
            for row in order.rows:
                self.bills[bill_day(row.at)].append(row)
        for n in range(self.random.randint(0, 40)):
            self.foreign(n)
        self.move_the_balance()

    def instant(self, day: date) -> datetime:
        """Some time of the day; often near one of its midnights."""
        bounds = BillDay.of(day)
        minutes = self.random.randint(1, 14) * MINUTE
        some_time = bounds.start + self.random.randint(20, 1_400) * MINUTE
        return self.random.choice(
            [some_time, some_time, bounds.start + minutes, bounds.end - minutes]
        )

    def order(self, n: int) -> Order:
        day = FIRST + self.random.randrange(1, DAYS - 2) * ONE_DAY
        at, number = self.instant(day), f"d1{self.random.randrange(10**9):09d}{n:03d}"
        test = self.random.random() < 0.05
        fen = 1 if test else self.random.randint(2, 100_000)
        coupon = self.random.choice([0, 0, 0, fen // 3])
        paid = Movement(
            number, CHARGE, "", fen, at, f"pay_{n}", settled_fen=fen - coupon, test=test
        )
        became = self.random.choice(["paid", "paid", "refunded", "reversed"])
        movements = [paid]
        if became == "reversed":
            movements.append(replace(paid, kind=REVERSAL, at=at + MINUTE))
        if became == "refunded":
            movements += self.refunds(paid, n)
        return Order(movements, [self.row(movement) for movement in movements])

    def refunds(self, paid: Movement, n: int) -> list[Movement]:
        left, made = paid.fen, []
        for part in range(self.random.randint(1, 3)):
            fen = self.random.randint(0, left)
            left -= fen
            day = min(bill_day(paid.at) + self.random.randint(0, 3) * ONE_DAY, FIRST + 27 * ONE_DAY)
            at = max(self.instant(day), paid.at + MINUTE)
            refund = replace(paid, kind=REFUND, refund_no=f"d1r{n}-{part}", fen=fen, at=at)
            made += [replace(refund, settled_fen=None)] if fen else []
        return made

    def row(self, movement: Movement) -> BillRow:
        """What an honest provider writes."""
        settled = movement.fen if movement.settled_fen is None else movement.settled_fen
        back = movement.kind is not CHARGE and self.random.random() < 0.5
        fee = fee_of(settled) if movement.kind is CHARGE else -fee_of(settled) * back
        renamed = movement.kind is REVERSAL and not self.wechat
        number = f"42{movement.order_no}"
        return BillRow(
            line=self.random.randrange(10**6),
            order_no=movement.order_no,
            kind=REFUND if renamed else movement.kind,
            refund_no=f"c{movement.order_no}" if renamed else movement.refund_no,
            fen=movement.fen,
            at=movement.at,
            fee_fen=fee,
            settled_fen=movement.settled_fen,
            funds_no=number + movement.refund_no * self.wechat,
        )

    def foreign(self, n: int) -> None:
        """Another deployment shares the account."""
        at = self.instant(FIRST + self.random.randrange(DAYS) * ONE_DAY)
        self.bills[bill_day(at)].append(
            BillRow(
                n, f"d2{n}", self.random.choice(list(MovementKind)), "", 500, at, funds_no=f"f{n}"
            )
        )

    def tell(self, day: date, cls: Class, each: Movement | BillRow, age: int = 0) -> None:
        self.expected.append((day, cls, each.key, age))

    def carried(self, movement: Movement) -> bool:
        """Near midnight its own day's run waits for the next."""
        day = bill_day(movement.at)
        if BillDay.of(day).near_midnight(movement.at):
            self.tell(day, Class.CARRIED_OVER, movement)
            return True
        return False

    # What may be wrong with one order; each says what is then to be found.

    def lose_row(self, order: Order) -> None:
        if order.charge.kind is CHARGE and len(order.movements) == 1:
            self.without_row(order, 0)

    def without_row(self, order: Order, n: int) -> None:
        movement = order.movements[n]
        day = bill_day(movement.at)
        del order.rows[n]
        if self.carried(movement):
            self.tell(day + ONE_DAY, Class.MISSING_AT_PROVIDER, movement, 1)
        else:
            self.tell(day, Class.MISSING_AT_PROVIDER, movement)

    def lose_refund_row(self, order: Order) -> None:
        if order.movements[-1].kind is REFUND:
            self.without_row(order, len(order.movements) - 1)

    def lose_reversal_row(self, order: Order) -> None:
        movement = order.movements[-1]
        near = BillDay.of(bill_day(movement.at)).near_midnight(movement.at)
        if movement.kind is REVERSAL and not near:
            del order.rows[-1]
            self.tell(bill_day(movement.at), Class.STATUS_MISMATCH, movement)

    def garble_row(self, order: Order) -> None:
        if len(order.movements) == 1:
            self.unreadable[bill_day(order.charge.at)] += 1
            self.without_row(order, 0)

    def lose_movement(self, order: Order) -> None:
        if len(order.movements) == 1:
            self.tell(bill_day(order.charge.at), Class.MISSING_LOCALLY, order.rows[0])
            order.movements.clear()

    def lose_refund(self, order: Order) -> None:
        if order.movements[-1].kind is REFUND:
            order.movements.pop()
            self.tell(bill_day(order.rows[-1].at), Class.UNKNOWN_REFUND, order.rows[-1])

    def alter(self, order: Order) -> None:
        n = self.random.randrange(len(order.rows))
        if order.movements[n].kind is REVERSAL:
            return
        row = order.rows[n]
        if row.settled_fen and self.random.random() < 0.5:
            order.rows[n] = replace(row, settled_fen=0)
        else:
            order.rows[n] = replace(row, fen=row.fen + 1)
        self.tell(bill_day(row.at), Class.AMOUNT_MISMATCH, row)

    def overcharge(self, order: Order) -> None:
        order.rows[0] = replace(order.rows[0], fee_fen=order.rows[0].fee_fen + 2)
        self.tell(bill_day(order.charge.at), Class.FEE_MISMATCH, order.rows[0])

    def repeat(self, order: Order) -> None:
        n = self.random.randrange(len(order.rows))
        again = replace(
            order.rows[n], line=10**6, fen=order.rows[n].fen + self.random.randint(0, 1)
        )
        self.bills[bill_day(again.at)].append(again)
        self.tell(bill_day(again.at), Class.DUPLICATE_IN_BILL, again)

    def take_back(self, order: Order) -> None:
        if len(order.movements) > 1 or bill_day(order.charge.at) != bill_day(
            order.charge.at + MINUTE
        ):
            return
        row = self.row(replace(order.charge, kind=REVERSAL, at=order.charge.at + MINUTE))
        self.bills[bill_day(row.at)].append(row)
        cls = Class.STATUS_MISMATCH if self.wechat else Class.UNKNOWN_REFUND
        self.tell(bill_day(row.at), cls, row)

    def shift(self, order: Order) -> None:
        """The provider's clock puts it on the other side of midnight."""
        n = self.random.randrange(len(order.rows))
        movement, day = order.movements[n], bill_day(order.movements[n].at)
        if movement.kind is not REVERSAL and self.carried(movement):
            other = self.other_side(movement)
            self.bills[other].append(order.rows.pop(n))
            self.tell(other, Class.MATCHED, movement, (other - day).days)

    def tell_twice(self, order: Order) -> None:
        """Both days' bills have it; it is ours only once."""
        day = bill_day(order.charge.at)
        if len(order.movements) == 1 and BillDay.of(day).near_midnight(order.charge.at):
            other, key = self.other_side(order.charge), order.charge.key
            self.bills[other].append(order.rows[0])
            own_first = [(other, Class.MISSING_LOCALLY, key, 0)]
            other_first = [
                (day, Class.MISSING_LOCALLY, key, 0),
                (day, Class.CARRIED_OVER, key, 0),
                (other, Class.MATCHED, key, (other - day).days),
            ]
            self.either.append((own_first, other_first))

    def other_side(self, movement: Movement) -> date:
        bounds = BillDay.of(bill_day(movement.at))
        return bounds.day + (ONE_DAY if movement.at - bounds.start > ONE_DAY / 2 else -ONE_DAY)

    def move_the_balance(self) -> None:
        """Net or gross, as the bills say; but some of it never happens."""
        for day, rows in self.bills.items():
            for row in rows:
                self.funds[day] += self.moved(row)
            for _ in range(self.random.randint(0, 2)):
                self.lose_funds(day)
            self.funds[day].append(FundRow(1, "w", FundKind.OTHER, -77, BillDay.of(day).start))
        for funds in self.funds.values():
            funds.sort(key=lambda row: row.funds_no)

    def moved(self, row: BillRow) -> list[FundRow]:
        settled = row.fen if row.settled_fen is None else row.settled_fen
        charge = row.kind is CHARGE
        fen, fee = settled if charge else -settled, -row.fee_fen
        what = FundKind.TRADE if charge else FundKind.REFUND
        if self.random.random() < 0.5:
            return [FundRow(1, row.funds_no, what, fen + fee, row.at)]
        part = FundKind.FEE if charge else FundKind.FEE_RETURN
        return [
            FundRow(1, row.funds_no, what, fen, row.at),
            FundRow(1, row.funds_no, part, fee, row.at),
        ]

    def lose_funds(self, day: date) -> None:
        told = {number for _, number in self.lost}
        row = self.random.choice(self.bills[day]) if self.bills[day] else None
        if row is None or row.funds_no in told:
            return
        n = next(n for n, each in enumerate(self.funds[day]) if each.funds_no == row.funds_no)
        self.funds[day][n] = replace(self.funds[day][n], fen=self.funds[day][n].fen + 3)
        self.lost.append((day, row.funds_no))


INJECTIONS = [
    Month.lose_row,
    Month.lose_refund_row,
    Month.lose_reversal_row,
    Month.garble_row,
    Month.lose_movement,
    Month.lose_refund,
    Month.alter,
    Month.overcharge,
    Month.repeat,
    Month.take_back,
    Month.shift,
    Month.tell_twice,
]


@dataclass
class Runs:
    """Runs days of a month in any order, keeping between them what runs keep."""

    month: Month
    carries: dict[date, list[tuple[Movement, date, date | None]]] = field(default_factory=dict)

    def run(self, day: date) -> tuple[list[Finding], str]:
        """What is found, and the proof's hash."""
        rows = sorted(self.month.bills[day], key=lambda row: (*row.key, row.line))
        matching = Matching(iter(rows), day, prefix="d1", fees=FEES, borders=self.borders(day))
        start, end = BillDay.of(day).window
        ours = sorted(
            (m for m in self.month.books if start <= m.at < end), key=lambda each: each.key
        )
        found = [f for n in range(0, len(ours), 5) for f in matching.take(ours[n : n + 5])]
        found += matching.finish()
        self.carries[day] = [
            (each.movement, each.movement.carried_from or bill_day(each.movement.at), settled)
            for each in found
            if each.movement is not None
            for settled in [day if each.settles else None]
            if each.settles or each.cls is Class.CARRIED_OVER
        ]
        unreadable = self.month.unreadable[day]
        said = BillTotals(
            len(rows) + unreadable,
            sum(row.fen for row in rows if row.kind is CHARGE),
            sum(row.fen for row in rows if row.kind is not CHARGE),
            sum(row.fee_fen for row in rows),
            unreadable,
        )
        certificate = matching.certificate(said, account="a")
        assert certificate.contradictions() == ()
        return found, certificate.sha256

    def borders(self, day: date) -> Borders:
        near = {day - ONE_DAY, day, day + ONE_DAY}
        kept = [each for carries in self.carries.values() for each in carries if each[1] in near]
        settled = {movement.key: on for movement, _, on in kept if on is not None}
        free = {
            movement.key: replace(movement, carried_from=own)
            for movement, own, _ in kept
            if own != day and settled.get(movement.key, day) == day
        }
        elsewhere = {m.key for m, own, _ in kept if own == day} & {
            key for key, on in settled.items() if on != day
        }
        return Borders(frozenset(elsewhere), tuple(free.values()), frozenset(self.carries) - {day})

    def balance(self, day: date) -> list[tuple[date, str]]:
        """The numbers under which the balance moved otherwise than the bill says."""
        check = FundsCheck(day)
        rows = sorted(self.month.bills[day], key=lambda row: row.funds_no)
        found = [
            (day, each.funds_no)
            for each in check.differences(iter(rows), iter(self.month.funds[day]))
        ]
        assert check.tally.balanced
        return found
