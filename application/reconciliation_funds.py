"""The third side: whether the money that the trade bill tells of really arrived."""

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


@dataclass(frozen=True, slots=True)
class ThirdSide:
    """What the balance did, and by how much that differs from the trade bill, item by item."""

    facts: FundsFacts
    differences: Sum


async def check_funds(
    run: Run,
    statement: Statement,
    funds: Funds,
    scratch: Scratch,
    *,
    findings: Findings,
    clock: Clock,
    numbers: Numbers,
) -> ThirdSide:
    """What the balance did; where that differs, it is put among the discrepancies."""
    trade = scratch.spool(BillRow, by=BY_FUNDS)
    await in_slices(statement.spool.sorted(), trade.add)
    check = FundsCheck(run.day)
    differences = check.differences(trade.sorted(), funds.spool.sorted())
    async for found in slices(differences):
        now = clock.now()
        made = [
            Discrepancy.of_funds(
                each, id=numbers("dis"), run_id=run.id, account=run.account, at=now
            )
            for each in found
        ]
        await findings.put(run, made)
    tally = check.tally
    other = Sum(funds.others, tally.other_fen)
    facts = FundsFacts(tally.expected_fen, tally.moved_fen, other)
    return ThirdSide(facts, Sum(tally.differences, tally.different_fen))
