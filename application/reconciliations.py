"""What basepay does about bills, wired once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from application.export_reconciliation import ExportReconciliation
from application.keeper import Numbers
from application.ledger import Ledger
from application.ports import Account, Clock
from application.reconcile import Reconcile
from application.reconciliation_ports import Reconciliation
from application.repair import Repair
from application.resolve_discrepancy import ResolveDiscrepancy
from application.schedule_reconciliations import ScheduleReconciliations


@dataclass(frozen=True, slots=True)
class Reconciliations:
    """One field a use case."""

    reconcile: Reconcile
    resolve: ResolveDiscrepancy
    export: ExportReconciliation
    schedule: ScheduleReconciliations

    @classmethod
    def over(
        cls,
        outside: Reconciliation,
        *,
        accounts: Mapping[str, Account],
        clock: Clock,
        numbers: Numbers,
        ledger: Ledger,
        repair: Repair,
    ) -> Self:
        reconcile = Reconcile(
            outside,
            accounts=accounts,
            clock=clock,
            numbers=numbers,
            ledger=ledger,
            repair=repair,
        )
        resolve = ResolveDiscrepancy(
            outside.discrepancies, outside.runs, repair=repair, clock=clock
        )
        return cls(
            reconcile,
            resolve,
            ExportReconciliation(outside.reports, reconcile=reconcile, discrepancies=resolve),
            ScheduleReconciliations(
                reconcile,
                accounts=accounts,
                archive=outside.archive,
                plan=outside.plan,
                clock=clock,
            ),
        )
