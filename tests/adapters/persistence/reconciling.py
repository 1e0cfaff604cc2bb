"""Valid runs, findings and carries; a test names only what matters."""

from datetime import date
from typing import Any

from application.reconciliation_records import Carry, Run, RunStatus
from domain.bill import MovementKind
from domain.discrepancy import Discrepancy, Entry
from domain.events import OperatorEventType
from domain.reconciliation import Class, Movement
from tests.adapters.persistence.making import NOW, Make

DAY = date(2026, 11, 21)


def a_run(make: Make, **fields: Any) -> Run:
    """A day that is being executed."""
    usual: dict[str, Any] = {
        "id": f"rec_{make._next_number()}",
        "account": "wechat-main",
        "day": DAY,
        "status": RunStatus.RUNNING,
        "started_by": "basepay",
        "created_at": NOW,
    }
    return Run(**(usual | fields))


def a_finding(make: Make, run: Run, **fields: Any) -> Discrepancy:
    """A charge of the bill that our books don't have, found just now."""
    number = make._next_number()
    at = fields.get("found_at", NOW)
    usual: dict[str, Any] = {
        "id": f"dis_{number}",
        "run_id": run.id,
        "account": run.account,
        "cls": Class.MISSING_LOCALLY,
        "order_no": f"d1{number}",
        "kind": MovementKind.CHARGE,
        "refund_no": "",
        "nth": 0,
        "ours_fen": None,
        "bill_fen": 1_999,
        "trail": (Entry(at, "basepay", "found"),),
        "found_at": NOW,
    }
    return Discrepancy(**(usual | fields))


def a_movement(make: Make, **fields: Any) -> Movement:
    """A charge near midnight."""
    number = make._next_number()
    usual: dict[str, Any] = {
        "order_no": f"d1{number}",
        "kind": MovementKind.CHARGE,
        "refund_no": "",
        "fen": 1_999,
        "at": NOW,
        "order_id": f"pay_{number}",
    }
    return Movement(**(usual | fields))


def a_carry(make: Make, from_day: date = DAY, settled_day: date | None = None) -> Carry:
    return Carry(a_movement(make), from_day, settled_day)


def an_announcement(make: Make, run: Run) -> Any:
    """What tells the operators that it is over."""
    return make.message(
        app="*",
        type=OperatorEventType.RECONCILIATION_FINISHED,
        order_id=run.id,
        sequence=run.attempt,
    )
