"""A month of random trade at a pretended provider whose bills tell some of it wrongly.

Ours is what really moved. Theirs is read from the files that the simulators write, by the readers
that basepay uses. What is to be found follows from what the simulator says it planted.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from adapters.clock import MovableClock
from adapters.providers.alipay.fund_bill import read_fund_bill as read_alipay_funds
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statement_day import invented as invented_at_alipay
from adapters.providers.alipay.sandbox.statements import Statements
from adapters.providers.alipay.trade_bill import read_trade_bill as read_alipay_trade
from adapters.providers.sandbox.bills import Bills
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.faults import ADDED, ROW_KINDS, Fault, Faults
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Change, Entry, EntryKind, Order, Refund
from adapters.providers.wechat_pay.fund_bill import read_fund_bill as read_wechat_funds
from adapters.providers.wechat_pay.sandbox.bill_day import entries_of
from adapters.providers.wechat_pay.sandbox.bill_day import invented as invented_at_wechat
from adapters.providers.wechat_pay.sandbox.fund_bill import fund_bill
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_bill import ALL, trade_bill
from adapters.providers.wechat_pay.trade_bill import read_trade_bill as read_wechat_trade
from domain.bill import BillRow, BillTotals, FundRow, Key, MovementKind, UnreadableRow
from domain.bill_day import BillDay, bill_day
from domain.reconciliation import Class, Movement

CHARGE, REVERSAL, REFUND = MovementKind
FIRST, DAYS = date(2026, 3, 1), 30
ONE_DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

KINDS = {
    EntryKind.CHARGE: CHARGE,
    EntryKind.REVERSAL: REVERSAL,
    EntryKind.REFUND: REFUND,
}

#: (day, class, key, age), as for months without files.
Told = tuple[date, Class, Key, int]


class Alipay:
    """One merchant's bills at the pretended Alipay."""

    provider = "alipay"
    cancels_are_refunds = True

    def __init__(self, world: World, folder: Path, random: Random) -> None:
        self._parties, self._file = Parties(), folder / "bill"
        rules = AlipayRules(
            refund_returns_fee=random.random() < 0.5,
            bill_sums_net=random.random() < 0.5,
            expenses_are_negative=random.random() < 0.5,
            cancel_has_number=random.random() < 0.5,
            withdrawn_daily_fen=100,
        )
        self._statements = Statements(world, self._parties, rules)
        self.order = partial(invented_at_alipay, self._parties)

    def funds_no(self, entry: Entry) -> str:
        """The trade's, whatever happens with it."""
        return entry.order.provider_transaction_id or ""

    def trade(self, day: date) -> list[Any]:
        if self._statements.is_empty("trade", day):
            return [BillTotals(0)]
        return self._read("trade", day, read_alipay_trade)

    def funds(self, day: date) -> list[Any]:
        return self._read("signcustomer", day, read_alipay_funds)

    def _read(self, bill_type: str, day: date, reader: Callable[..., Iterator[Any]]) -> list[Any]:
        file_id = self._statements.link("", bill_type, day).rpartition("%2F")[2]
        content = self._statements.file(file_id)
        assert content is not None
        self._file.write_bytes(content)
        return list(reader(str(self._file), seller_id=self._parties.seller_id, day=day))


class WeChat:
    """One merchant's bills at the pretended WeChat Pay."""

    provider = "wechat"
    cancels_are_refunds = False

    def __init__(self, world: World, folder: Path, random: Random) -> None:
        self._book, self._file = world.book, folder / "bill"
        self._settings = WeChatPaySandboxSettings(
            refund_returns_fee=random.random() < 0.5,
            fund_bill_is_net=random.random() < 0.5,
            full_width_brackets=random.random() < 0.5,
            withdrawn_daily_fen=100,
        )
        self.order = partial(invented_at_wechat, self._settings)
        true = partial(entries_of, world.book, self._settings)
        self._bills = Bills(world, "wechat", true, self.order)

    def funds_no(self, entry: Entry) -> str:
        """What goes back has a number of its own; a reversal's follows from the transaction's."""
        number = entry.order.provider_transaction_id or ""
        if entry.kind is EntryKind.REVERSAL:
            return f"50{number[2:]}0"
        return (entry.refund.provider_refund_id or "") if entry.refund else number

    def trade(self, day: date) -> list[Any]:
        made_at = BillDay.of(day).end + timedelta(hours=9)
        content = trade_bill(self._bills.told(day), ALL, self._settings, made_at)
        if content is None:
            return [BillTotals(0)]
        self._file.write_bytes(content)
        return list(read_wechat_trade(str(self._file), mchid=self._settings.mchid, day=day))

    def funds(self, day: date) -> list[Any]:
        content = fund_bill(self._bills.told(day), self._book, self._settings, day)
        if content is None:
            return []
        self._file.write_bytes(content)
        return list(read_wechat_funds(str(self._file), day=day))


@dataclass
class Month:
    """Both sides, and what is to be found. Everything follows from the seed."""

    seed: int
    folder: Path
    books: list[Movement] = field(default_factory=list)
    bills: dict[date, list[BillRow]] = field(default_factory=lambda: defaultdict(list))
    funds: dict[date, list[FundRow]] = field(default_factory=lambda: defaultdict(list))
    unreadable: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    expected: list[Told] = field(default_factory=list)
    moved: Counter[tuple[date, str]] = field(default_factory=Counter)  # fen that no row explains
    foreign: int = 0
    planted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        kind: type[Alipay | WeChat] = Alipay if self.random.random() < 0.5 else WeChat
        self.book, self.faults = Book(), Faults({kind.provider: frozenset()})
        world = World(MovableClock(), self.book, KeyRing(), self.faults)
        self.shop: Alipay | WeChat = kind(world, self.folder, self.random)
        for number in range(self.random.randint(60, 160)):
            self.trade(number)
        self.arm()
        self.read()
        for bill in self.book.bills():
            for change in bill.changes:
                self.planted[change.fault] += 1
                self.foresee(change)

    def trade(self, number: int) -> None:
        """One payment; some are refunded in parts, some reversed at once."""
        at = self.instant(FIRST + self.random.randrange(1, DAYS - 2) * ONE_DAY)
        name = f"d1{self.random.randrange(10**9):09}{number:03}"
        order = self.shop.order(name, self.random.randint(1_000, 100_000), at)
        became = self.random.choice(["paid", "paid", "refunded", "reversed"])
        if became == "reversed":
            order = self.reversed(order, at + timedelta(seconds=20))
        self.book.keep(order)
        self.ours(order, CHARGE, "", order.amount, at)
        if became == "refunded":
            self.refunds(order)

    def reversed(self, order: Order, at: datetime) -> Order:
        number = order.provider_order_no
        self.ours(order, REVERSAL, "", order.amount, at)
        fields = {name: getattr(order, name) for name in order.__struct_fields__}
        if not self.shop.cancels_are_refunds:
            return Order(**fields | {"state": "REVOKED", "closed_at": at})
        self.book.keep(self.refund(order, number, order.amount, at))
        return Order(**fields | {"details": {"cancelled": True}})

    def refunds(self, order: Order) -> None:
        for part in range(self.random.randint(1, 3)):
            assert order.paid_at is not None
            day = bill_day(order.paid_at) + self.random.randint(0, 3) * ONE_DAY
            at = max(self.instant(min(day, FIRST + 27 * ONE_DAY)), order.paid_at + MINUTE)
            fen, number = (
                self.random.randint(1, order.amount // 4),
                f"{order.provider_order_no}r{part}",
            )
            self.book.keep(self.refund(order, number, fen, at))
            self.ours(order, REFUND, number, fen, at)

    def refund(self, order: Order, number: str, fen: int, at: datetime) -> Refund:
        return Refund(
            provider=order.provider,
            merchant=order.merchant,
            provider_refund_no=number,
            provider_order_no=order.provider_order_no,
            amount=fen,
            state="SUCCESS",
            created_at=at,
            provider_refund_id=f"50{number[2:]}",
            succeeded_at=at,
        )

    def ours(self, order: Order, kind: MovementKind, number: str, fen: int, at: datetime) -> None:
        self.books.append(Movement(order.provider_order_no, kind, number, fen, at, "pay_1"))

    def instant(self, day: date) -> datetime:
        """Some second of the day; often near one of its midnights."""
        bounds = BillDay.of(day)
        near = timedelta(seconds=self.random.randint(60, 890))
        some_time = bounds.start + timedelta(minutes=self.random.randint(20, 1_400))
        return self.random.choice([some_time, some_time, bounds.start + near, bounds.end - near])

    def arm(self) -> None:
        """Something is wrong with about every second day's bill, sometimes more than one thing."""
        for _ in range(DAYS):
            kind = self.random.choice(sorted(ROW_KINDS))
            self.faults.arm(
                Fault(
                    kind=kind,
                    day=FIRST + self.random.randrange(DAYS) * ONE_DAY,
                    times=self.random.choice([1, 1, 2]),
                    code=self.random.choice(ADDED) if kind == "bill_row_added" else None,
                )
            )

    def read(self) -> None:
        for day in (FIRST + n * ONE_DAY for n in range(DAYS)):
            *rows, totals = self.shop.trade(day)
            self.bills[day] = [row for row in rows if isinstance(row, BillRow)]
            self.unreadable[day] = sum(isinstance(row, UnreadableRow) for row in rows)
            assert (totals.rows, totals.unreadable) == (len(rows), self.unreadable[day])
            funds = self.shop.funds(day)
            self.funds[day] = sorted(funds, key=lambda row: row.funds_no)

    # What is to be found.

    def foresee(self, change: Change) -> None:
        """Say in which class what was planted is to end."""
        told: Any = change.given
        true: Any = change.taken
        day = change.given_on
        match change.fault:
            case "bill_row_added":
                self.foresee_added(told, day)
            case "bill_row_duplicated":
                self.tell(day, Class.DUPLICATE_IN_BILL, self.row_key(told))
            case "bill_row_dropped":
                self.foresee_absent(true, change.taken_from)
            case "bill_row_garbled":
                self.foresee_absent(true, change.taken_from)
                back = true.kind is not EntryKind.CHARGE
                self.moves(true, day, true.fen + true.fee_fen if back else true.fen - true.fee_fen)
            case "bill_row_altered":
                self.foresee_altered(true, day)
            case "bill_fee_changed":
                self.tell(day, Class.FEE_MISMATCH, self.row_key(true))
            case "bill_balance_changed":
                self.moves(true, day, told.balance_fen - told.fen)
            case "bill_row_shifted":
                own, age = change.taken_from, (day - change.taken_from).days
                self.tell(own, Class.CARRIED_OVER, our_key(true))
                self.tell(day, Class.MATCHED, self.row_key(true), age)

    def foresee_added(self, told: Entry, day: date) -> None:
        if not told.order.provider_order_no.startswith("d1"):
            self.foreign += 1
            return
        cls = Class.MISSING_LOCALLY if told.kind is EntryKind.CHARGE else Class.UNKNOWN_REFUND
        if told.kind is EntryKind.REVERSAL and not self.shop.cancels_are_refunds:
            cls = Class.STATUS_MISMATCH
        self.tell(day, cls, self.row_key(told))

    def foresee_absent(self, true: Entry, day: date) -> None:
        """Its own day's run waits for the next, if it was near midnight."""
        age = 0
        if BillDay.of(day).near_midnight(true.at):
            self.tell(day, Class.CARRIED_OVER, our_key(true))
            age, day = 1, day + ONE_DAY
        number = true.order.provider_order_no
        charged = any(row.key == (number, CHARGE, "") for row in self.bills[day])
        half = true.kind is EntryKind.REVERSAL and charged
        cls = Class.STATUS_MISMATCH if half else Class.MISSING_AT_PROVIDER
        self.tell(day, cls, our_key(true), age)

    def foresee_altered(self, true: Entry, day: date) -> None:
        """A cancel that shows as a refund of another amount is nobody's cancel."""
        if true.kind is EntryKind.REVERSAL and self.shop.cancels_are_refunds:
            self.tell(day, Class.UNKNOWN_REFUND, self.row_key(true))
            self.foresee_absent(true, day)
        else:
            self.tell(day, Class.AMOUNT_MISMATCH, self.row_key(true))

    def tell(self, day: date, cls: Class, key: Key, age: int = 0) -> None:
        self.expected.append((day, cls, key, age))

    def moves(self, true: Entry, day: date, fen: int) -> None:
        """The balance moved by so much, in the entry's direction, that no row explains."""
        signed = fen if true.kind is EntryKind.CHARGE else -fen
        self.moved[day, self.shop.funds_no(true)] += signed

    @property
    def lost(self) -> set[tuple[date, str]]:
        """Numbers under which the balance and the bill disagree.

        Near midnight, if only one of the two has it, the other may have it the next day.
        """
        return {each for each, fen in self.moved.items() if fen and not self.waits(*each)}

    def waits(self, day: date, number: str) -> bool:
        funds = [row for row in self.funds[day] if row.funds_no == number]
        lone = all(row.funds_no != number for row in self.bills[day])
        return lone and BillDay.of(day).near_midnight(funds[0].at)

    def row_key(self, entry: Entry) -> Key:
        """Of the row that tells it."""
        if entry.kind is EntryKind.REVERSAL and self.shop.cancels_are_refunds:
            return entry.order.provider_order_no, REFUND, entry.order.provider_order_no
        return our_key(entry)


def our_key(entry: Entry) -> Key:
    """Of the movement that it is."""
    number = entry.refund.provider_refund_no if entry.refund else ""
    kind = KINDS[entry.kind]
    return entry.order.provider_order_no, kind, number if kind is REFUND else ""


def sorted_rows(rows: Sequence[BillRow]) -> list[BillRow]:
    return sorted(rows, key=lambda row: (*row.key, row.line))
