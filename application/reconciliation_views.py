"""How runs and discrepancies are shown: the one place that spells their JSON."""

import json
from datetime import timedelta

from application.reconciliation_records import Run
from application.views import View, instant
from domain.discrepancy import Discrepancy, Entry


def run_view(run: Run) -> View:
    """A run; `report` is null until it is finished."""
    return {
        "id": run.id,
        "account": run.account,
        "day": run.day.isoformat(),
        "status": run.status.value,
        "started_by": run.started_by,
        "attempt": run.attempt,
        "failure": run.failure or None,
        "created_at": instant(run.created_at),
        "next_try_at": instant(run.next_try_at),
        "finished_at": instant(run.finished_at),
        "report": json.loads(run.report) if run.report else None,
    }


def discrepancy_view(discrepancy: Discrepancy, age: timedelta) -> View:
    """A discrepancy with everything that was done about it; `age`: how long it is or was open."""
    ours, bill = discrepancy.ours_fen, discrepancy.bill_fen
    return {
        "id": discrepancy.id,
        "reconciliation_id": discrepancy.run_id,
        "account": discrepancy.account,
        "class": discrepancy.cls.value,
        "kind": None if discrepancy.kind is None else discrepancy.kind.name.lower(),
        "provider_order_no": discrepancy.order_no or None,
        "provider_refund_no": discrepancy.refund_no or None,
        "order_id": discrepancy.order_id,
        "our_amount": ours,
        "bill_amount": bill,
        "difference": (bill or 0) - (ours or 0),
        "fee": discrepancy.fee_fen,
        "detail": discrepancy.detail,
        "bill_line": discrepancy.line,
        "bill_row": discrepancy.raw or None,
        "status": discrepancy.status.value,
        "resolution": None if discrepancy.resolution is None else discrepancy.resolution.value,
        "trail": [_entry(each) for each in discrepancy.trail],
        "found_at": instant(discrepancy.found_at),
        "age_days": age.days,
    }


def _entry(entry: Entry) -> View:
    return {"at": instant(entry.at), "by": entry.by, "did": entry.did, "why": entry.why}
