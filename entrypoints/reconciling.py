"""Reconciliation as the settings want it, over the store that is open."""

from pathlib import Path

from adapters.persistence.sql.store import SqlStore
from adapters.reports.writer import ReportWriter
from adapters.scratch import NewDiskScratch
from application.reconciliation_ports import Reconciliation
from entrypoints.errors import SettingsError
from entrypoints.reconciliation_settings import Reconciliation as ReconciliationSettings


def reconciliation_of(settings: ReconciliationSettings, store: SqlStore) -> Reconciliation:
    """What crashed processes left in the scratch folder is deleted. Raises SettingsError."""
    scratch = NewDiskScratch(Path(settings.scratch_dir) if settings.scratch_dir else None)
    try:
        scratch.clean()
    except OSError as error:
        raise SettingsError(f"reconciliation.scratch_dir: name another: {error}") from None
    return Reconciliation(
        books=store.books,
        runs=store.runs,
        run_agenda=store.run_agenda,
        findings=store.findings,
        discrepancies=store.discrepancies,
        archive=store.bills,
        scratch=scratch,
        reports=ReportWriter(),
        plan=settings.plan,
    )
