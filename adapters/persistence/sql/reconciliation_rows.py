"""Runs, discrepancies, carries and bills as rows, movements out of them; and back."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from adapters.persistence.sql.values import (
    Row,
    Stored,
    instant,
    instant_or_none,
    micros,
    micros_or_null,
)
from application.reconciliation_records import Carry, Run, RunStatus, StoredBill
from domain.bill import BillKind, MovementKind
from domain.discrepancy import Discrepancy, DiscrepancyStatus, Entry, Resolution
from domain.reconciliation import Class, Movement

#: By the number that a movement's kind is kept as; 0: of no movement.
_KINDS = (None, *MovementKind)

#: Sets one field of a frozen movement, in the order of its fields.
_SETTERS = [vars(Movement)[each.name].__set__ for each in fields(Movement)]


def run_row(run: Run) -> Row:
    return {
        "id": run.id,
        "account": run.account,
        "day": run.day.isoformat(),
        "status": run.status.value,
        "started_by": run.started_by,
        "created_at": micros(run.created_at),
        "attempt": run.attempt,
        "leased_until": micros_or_null(run.leased_until),
        "next_try_at": micros_or_null(run.next_try_at),
        "finished_at": micros_or_null(run.finished_at),
        "progress": run.progress,
        "failure": storable(run.failure),
        "report": run.report,
        "version": run.version + 1,
    }


def run_of(row: Stored) -> Run:
    return Run(
        id=row["id"],
        account=row["account"],
        day=date.fromisoformat(row["day"]),
        status=RunStatus(row["status"]),
        started_by=row["started_by"],
        created_at=instant(row["created_at"]),
        attempt=row["attempt"],
        leased_until=instant_or_none(row["leased_until"]),
        next_try_at=instant_or_none(row["next_try_at"]),
        finished_at=instant_or_none(row["finished_at"]),
        progress=row["progress"],
        failure=row["failure"],
        report=row["report"],
        version=row["version"],
    )


def discrepancy_row(discrepancy: Discrepancy, attempt: int) -> Row:
    """As the execution `attempt` saw it."""
    return {
        "id": discrepancy.id,
        "run_id": discrepancy.run_id,
        "account": discrepancy.account,
        "class": discrepancy.cls.value,
        "order_no": storable(discrepancy.order_no),
        "kind": int(discrepancy.kind or 0),
        "refund_no": storable(discrepancy.refund_no),
        "nth": discrepancy.nth,
        "ours_fen": discrepancy.ours_fen,
        "bill_fen": discrepancy.bill_fen,
        "fee_fen": discrepancy.fee_fen,
        "order_id": discrepancy.order_id,
        "detail": storable(discrepancy.detail),
        "raw": storable(discrepancy.raw),
        "line": discrepancy.line,
        "status": discrepancy.status.value,
        "resolution": None if discrepancy.resolution is None else discrepancy.resolution.value,
        "found_at": micros(discrepancy.found_at),
        "attempt": attempt,
        "version": discrepancy.version + 1,
    }


def trail_rows(discrepancy: Discrepancy) -> list[Row]:
    """Its trail, each entry with its place."""
    return [
        {
            "discrepancy_id": discrepancy.id,
            "place": place,
            "at": micros(entry.at),
            "by": entry.by,
            "did": entry.did,
            "why": storable(entry.why),
        }
        for place, entry in enumerate(discrepancy.trail)
    ]


def discrepancies_of(rows: Iterable[Stored]) -> list[Discrepancy]:
    """Out of rows that each bear one entry of a trail; oldest first."""
    in_order = sorted(rows, key=lambda row: (row["id"], row["entry_place"]))
    together = groupby(in_order, key=lambda row: row["id"])
    return [_discrepancy_of(list(entries)) for _, entries in together]


def _discrepancy_of(rows: Sequence[Stored]) -> Discrepancy:
    row = rows[0]
    return Discrepancy(
        id=row["id"],
        run_id=row["run_id"],
        account=row["account"],
        cls=Class(row["class"]),
        order_no=row["order_no"],
        kind=_KINDS[row["kind"]],
        refund_no=row["refund_no"],
        nth=row["nth"],
        ours_fen=row["ours_fen"],
        bill_fen=row["bill_fen"],
        fee_fen=row["fee_fen"],
        order_id=row["order_id"],
        detail=row["detail"],
        raw=row["raw"],
        line=row["line"],
        status=DiscrepancyStatus(row["status"]),
        resolution=None if row["resolution"] is None else Resolution(row["resolution"]),
        trail=tuple(_entry_of(each) for each in rows if each["entry_at"] is not None),
        found_at=instant(row["found_at"]),
        version=row["version"],
    )


def _entry_of(row: Stored) -> Entry:
    return Entry(instant(row["entry_at"]), row["entry_by"], row["entry_did"], row["entry_why"])


def carry_row(carry: Carry, account: str, kept_by: date) -> Row:
    movement = carry.movement
    return {
        "account": account,
        "kept_by": kept_by.isoformat(),
        "order_no": movement.order_no,
        "kind": int(movement.kind),
        "refund_no": movement.refund_no,
        "fen": movement.fen,
        "moved_at": micros(movement.at),
        "order_id": movement.order_id,
        "method": movement.method,
        "settled_fen": movement.settled_fen,
        "test": movement.test,
        "carried_from": _day_or_null(movement.carried_from),
        "from_day": carry.from_day.isoformat(),
        "settled_day": _day_or_null(carry.settled_day),
    }


def carry_of(row: Stored) -> Carry:
    movement = Movement(
        order_no=row["order_no"],
        kind=MovementKind(row["kind"]),
        refund_no=row["refund_no"],
        fen=row["fen"],
        at=instant(row["moved_at"]),
        order_id=row["order_id"],
        method=row["method"],
        settled_fen=row["settled_fen"],
        test=bool(row["test"]),
        carried_from=_day_or_none(row["carried_from"]),
    )
    return Carry(movement, date.fromisoformat(row["from_day"]), _day_or_none(row["settled_day"]))


def movements_of(rows: Iterable[Sequence[Any]]) -> list[Movement]:
    """Out of rows of the statement of movements.

    There may be millions, and the constructor of a frozen dataclass takes three times as long.
    """
    order_no, kind, refund_no, fen, at, order_id, method, settled_fen, test, carried = _SETTERS
    found = []
    for row in rows:
        movement = object.__new__(Movement)
        order_no(movement, row[0])
        kind(movement, _KINDS[row[1]])
        refund_no(movement, row[2])
        fen(movement, row[3])
        test(movement, row[3] != row[4])
        at(movement, datetime.fromtimestamp(row[5] / 1_000_000, UTC))  # exact until 2106
        order_id(movement, row[6])
        method(movement, row[7])
        settled_fen(movement, row[8])
        carried(movement, None)
        found.append(movement)
    return found


def bill_row(bill: StoredBill, content: str) -> Row:
    return {
        **bill_key(bill.account, bill.day, bill.kind),
        "name": storable(bill.name),
        "source": bill.source,
        "sha256": bill.sha256,
        "size": bill.size,
        "fetched_at": micros(bill.fetched_at),
        "content": content,
    }


def bill_of(row: Stored) -> StoredBill:
    return StoredBill(
        account=row["account"],
        day=date.fromisoformat(row["day"]),
        kind=BillKind(row["kind"]),
        name=row["name"],
        source=row["source"],
        sha256=row["sha256"],
        size=row["size"],
        fetched_at=instant(row["fetched_at"]),
    )


def bill_key(account: str, day: date, kind: BillKind) -> Row:
    """What tells one bill from all others."""
    return {"account": account, "day": day.isoformat(), "kind": kind.value}


def storable(text: str) -> str:
    """What others wrote, without what PostgreSQL or UTF-8 can't hold; the bill itself keeps it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _day_or_null(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day_or_none(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)
