"""Valid movements and bill rows; a test names only what matters to it."""

from datetime import date, timedelta

from domain.bill import BillRow, MovementKind
from domain.bill_day import BillDay
from domain.matching import Matching
from domain.reconciliation import FeeTerms, Movement
from domain.sides import Borders

CHARGE, REVERSAL, REFUND = MovementKind
TODAY = date(2026, 3, 14)
DAY = BillDay.of(TODAY)
NOON = DAY.start + timedelta(hours=12)
LATE = DAY.end - timedelta(seconds=5)
FEES = FeeTerms.of("0.006")


def ours(order_no="d1a", kind=CHARGE, refund_no="", fen=8888, at=NOON, **changes):
    """A movement of today's noon, a charge of 88.88 yuan."""
    return Movement(order_no, kind, refund_no, fen, at, "pay_" + order_no, **changes)


def billed(order_no="d1a", kind=CHARGE, refund_no="", fen=8888, at=NOON, line=1, **changes):
    """The row that a provider writes for `ours`."""
    return BillRow(line, order_no, kind, refund_no, fen, at, **changes)


def match(movements, rows, *, day=TODAY, fees=None, **borders):
    """What is found, and the matching; both sides may be told in any order."""
    in_order = iter(sorted(rows, key=lambda row: row.key))
    matching = Matching(in_order, day, prefix="d1", fees=fees, borders=Borders(**borders))
    page = sorted(movements, key=lambda movement: movement.key)
    return [*matching.take(page), *matching.finish()], matching
