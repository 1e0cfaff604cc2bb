"""The third side: whether the money that the trade bill tells of really arrived."""

from collections.abc import Callable
from dataclasses import dataclass

from application.keeper import Numbers
from application.ports import Clock
from application.reconciliation_bills import BY_FUNDS, Funds, Statement, in_slices
from application.reconciliation_ports import Findings, Scratch
from application.reconciliation_records import Run
from application.reconciliation_report import FundsFacts, Sum
from application.reconciliation_run import slices
from domain.bill import BillRow
from domain.discrepancy import Discrepancy
from domain.fund_flow import FundsCheck
from domain.reconciliation import Class, Finding


@dataclass(frozen=True, slots=True)
class ThirdSide:
    """What the balance did, and by how much that differs from the trade bill, item by item."""

    facts: FundsFacts
    differences: Sum
    unreadable: int


async def check_funds(
    run: Run,
    statement: Statement,
    funds: Funds,
    scratch: Scratch,
    *,
    findings: Findings,
    clock: Clock,
    numbers: Numbers,
    went_on: Callable[[int], None],
) -> ThirdSide:
    """What the balance did; where that differs, it is put among the discrepancies."""
    trade = scratch.spool(BillRow, by=BY_FUNDS)
    await in_slices(statement.spool.sorted(), trade.add, went_on)
    check = FundsCheck(run.day)
    differences = check.differences(trade.sorted(), funds.spool.sorted())
    facts = {"run_id": run.id, "account": run.account}
    async for found in slices(differences):
        now = clock.now()
        made = [Discrepancy.of_funds(each, id=numbers("dis"), **facts, at=now) for each in found]
        await findings.put(run, made)
    first = len(statement.unreadable)  # the trade bill's have the numbers before
    for nth, row in enumerate(funds.unreadable, first):
        finding = Finding(Class.UNREADABLE_ROW, row=row, nth=nth)
        strange = Discrepancy.of(finding, id=numbers("dis"), **facts, at=clock.now())
        await findings.put(run, [strange])
    tally = check.tally
    told = FundsFacts(
        tally.expected_fen,
        tally.moved_fen,
        Sum(funds.others, tally.other_fen),
        Sum(tally.waiting, tally.waiting_fen),
        tally.returned_fen,
    )
    return ThirdSide(
        told,
        Sum(tally.differences, tally.different_fen),
        len(funds.unreadable),
    )
