"""Days around one that is reconciled: what its end changes for their reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from application.reconciliation_ports import Reconciliation
from application.reconciliation_records import Run
from domain.bill import Key
from domain.bill_day import CARRY_DAYS

#: Days on which a day's run has a word: of the one before, and of two after, because the next
#: one's movement may stand in this day's bill, so that nobody has to judge it.
BEFORE, AFTER = -CARRY_DAYS, 2 * CARRY_DAYS


@dataclass(frozen=True, slots=True)
class Heard:
    """What other days' runs tell one of movements near midnight."""

    carried: frozenset[Key]  # to be judged by it
    elsewhere: frozenset[Key]  # its own, which another day's bill has


async def heard_around(outside: Reconciliation, run: Run) -> Mapping[date, Heard]:
    """By neighbouring day, of those that were reconciled."""
    heard = {}
    for distance in range(BEFORE, AFTER + 1):
        day = run.day + timedelta(days=distance)
        other = await outside.runs.find(run.account, day) if distance else None
        if other is not None and other.finished_at is not None:
            heard[day] = await _heard(outside, run.account, day)
    return heard


def concerned(before: Mapping[date, Heard], after: Mapping[date, Heard]) -> set[date]:
    """Days whose reports would be others now.

    What is told elsewhere since then was carried over there already; what is not any more may
    stand in that day's own bill.
    """
    both = before.keys() & after.keys()
    return {
        day
        for day in both
        if before[day].carried != after[day].carried
        or not before[day].elsewhere <= after[day].elsewhere
    }


async def _heard(outside: Reconciliation, account: str, day: date) -> Heard:
    carries = await outside.findings.carried(account, day)
    return Heard(
        frozenset(each.movement.key for each in carries if each.from_day < day),
        frozenset(each.movement.key for each in carries if each.from_day == day),
    )
