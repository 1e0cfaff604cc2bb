"""Rows of the bill that met no movement: what our book knows of their orders all the same."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from application.reconciliation_ports import Books
from application.repair import REPAIRABLE
from domain.bill import BillRow, MovementKind
from domain.matching import Matching
from domain.reconciliation import Class, Finding

K = TypeVar("K")
Held = tuple[str, str]  # id and status

#: Orders asked for at a time.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding, and the order of ours that it is about though nothing of it moved."""

    finding: Finding
    order_id: str | None = None
    status: str = ""
    repairable: bool = False  # the provider may convince our book


async def look_up(found: Sequence[Finding], books: Books, matching: Matching) -> Sequence[Seen]:
    """What both sides know and disagree on becomes a mismatch of the status."""
    rows = [row for each in found if (row := _lone_row(each)) is not None]
    payments = await _held(books.held, {row.order_no for row in rows})
    refund_nos = {(r.order_no, r.refund_no) for r in rows if r.kind is MovementKind.REFUND}
    refunds = await _held(books.held_refunds, refund_nos)
    return [_seen(each, payments, refunds, matching) for each in found]


def _lone_row(finding: Finding) -> BillRow | None:
    lone = finding.movement is None and finding.cls in REPAIRABLE
    return finding.row if lone and isinstance(finding.row, BillRow) else None


def _seen(
    finding: Finding,
    payments: Mapping[str, Held],
    refunds: Mapping[tuple[str, str], Held],
    matching: Matching,
) -> Seen:
    row = _lone_row(finding)
    if row is None:
        return Seen(finding)
    payment = payments.get(row.order_no)
    refund = refunds.get((row.order_no, row.refund_no))
    if row.kind is MovementKind.REFUND and refund is not None:
        return Seen(_mismatch(finding, matching), *refund, repairable=True)
    if payment is None:
        return Seen(finding)
    if row.kind is MovementKind.REVERSAL:
        return Seen(_mismatch(finding, matching), *payment, repairable=True)
    if row.kind is MovementKind.REFUND:
        return Seen(finding, payment[0], repairable=True)
    return Seen(finding, *payment, repairable=payment[1] != "succeeded")


def _mismatch(finding: Finding, matching: Matching) -> Finding:
    if finding.cls is Class.STATUS_MISMATCH:
        return finding
    return matching.reclass(finding, Class.STATUS_MISMATCH)


async def _held(
    ask: Callable[[Sequence[K]], Awaitable[Mapping[K, Held]]], wanted: Iterable[K]
) -> dict[K, Held]:
    held: dict[K, Held] = {}
    rest = iter(wanted)
    while batch := list(islice(rest, AT_ONCE)):
        held |= await ask(batch)
    return held
