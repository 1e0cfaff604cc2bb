"""The third side: did the balance move as the trade bill says? Streaming, by the funds' number.

Every trade row should have moved its amount less its fee under its `funds_no`, at once or in parts.
What the balance did besides (withdrawals, refunds that came back) is summed apart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Generic, TypeVar

from domain.bill import BillRow, FundKind, FundRow, MovementKind
from domain.bill_day import BillDay

Row = TypeVar("Row", BillRow, FundRow)

#: What a trade row explains.
OF_TRADE = frozenset({FundKind.TRADE, FundKind.FEE, FundKind.REFUND, FundKind.FEE_RETURN})


class UnsortedFunds(Exception):
    """A stream is not sorted by `funds_no`: what was summed proves nothing."""


@dataclass(slots=True)
class FundsTally:
    """The day's sums in favour of the merchant, fen; each row is in exactly one of them."""

    trade_rows: int = 0
    expected_fen: int = 0  # by the trade bill, net of fees
    fund_rows: int = 0
    moved_fen: int = 0  # on the balance, for trade
    other_fen: int = 0  # likewise for anything else: withdrawals, top-ups, transfers
    returned_fen: int = 0  # likewise of refunds that did not reach their payers
    differences: int = 0
    different_fen: int = 0  # moved beyond what was expected
    waiting: int = 0  # differences near midnight: a neighbouring day may have the other half
    waiting_fen: int = 0

    @property
    def balanced(self) -> bool:
        """The sums agree with each other, to the fen."""
        return self.moved_fen - self.expected_fen == self.different_fen + self.waiting_fen


@dataclass(frozen=True, slots=True)
class FundsDifference:
    """Under this number the balance moved by another sum than the trade bill says."""

    funds_no: str
    expected_fen: int
    moved_fen: int
    row: BillRow | None  # the trade bill's first
    fund_row: FundRow | None  # the fund-flow bill's first


def net_fen(row: BillRow) -> int:
    """By how much a trade row should move the balance."""
    fen = row.fen if row.settled_fen is None else row.settled_fen
    return (fen if row.kind is MovementKind.CHARGE else -fen) - row.fee_fen


class FundsCheck:
    """One day's trade bill against its fund-flow bill, both sorted by `funds_no`."""

    def __init__(self, day: date) -> None:
        self.tally = FundsTally()
        self._day = BillDay.of(day)

    def differences(
        self, rows: Iterator[BillRow], funds: Iterator[FundRow]
    ) -> Iterator[FundsDifference]:
        """Reads both to their ends; then `tally` holds the day's sums."""
        trade, moved = _sums(rows, net_fen), _sums(self._of_trade(funds), attrgetter("fen"))
        ours, theirs = next(trade, None), next(moved, None)
        while ours is not None or theirs is not None:
            number = min(each.funds_no for each in (ours, theirs) if each is not None)
            expected = ours if ours is not None and ours.funds_no == number else None
            found = theirs if theirs is not None and theirs.funds_no == number else None
            yield from self._compare(number, expected, found)
            ours = next(trade, None) if expected else ours
            theirs = next(moved, None) if found else theirs

    def _of_trade(self, funds: Iterator[FundRow]) -> Iterator[FundRow]:
        tally = self.tally
        for row in funds:
            tally.fund_rows += 1
            if row.kind in OF_TRADE:
                tally.moved_fen += row.fen
                yield row
            elif row.kind is FundKind.REFUND_CLOSED:
                tally.returned_fen += row.fen
            else:
                tally.other_fen += row.fen

    def _compare(
        self, number: str, expected: "_Sum[BillRow] | None", moved: "_Sum[FundRow] | None"
    ) -> Iterator[FundsDifference]:
        tally = self.tally
        if expected is not None:
            tally.trade_rows += expected.rows
            tally.expected_fen += expected.fen
        row, wanted = (expected.first, expected.fen) if expected else (None, 0)
        fund_row, came = (moved.first, moved.fen) if moved else (None, 0)
        if wanted == came:
            return
        lone = row or fund_row if row is None or fund_row is None else None
        if lone is not None and self._day.near_midnight(lone.at):
            tally.waiting += 1
            tally.waiting_fen += came - wanted
            return
        tally.differences += 1
        tally.different_fen += came - wanted
        yield FundsDifference(number, wanted, came, row, fund_row)


@dataclass(frozen=True, slots=True)
class _Sum(Generic[Row]):
    funds_no: str
    first: Row
    rows: int
    fen: int


def _sums(rows: Iterator[Row], fen: Callable[[Row], int]) -> Iterator[_Sum[Row]]:
    """Rows of equal `funds_no` together."""
    last = ""
    for number, group in groupby(rows, key=attrgetter("funds_no")):
        if number < last:
            raise UnsortedFunds(f"{number} comes after {last}")
        last = number
        yield _summed(number, group, fen)


def _summed(number: str, rows: Iterator[Row], fen: Callable[[Row], int]) -> _Sum[Row]:
    first = next(rows)
    count, total = 1, fen(first)
    for row in rows:
        count += 1
        total += fen(row)
    return _Sum(number, first, count, total)
