"""A run for people: as a table, as a workbook, and thirty days of an account as a picture."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from functools import partial

from application.reconcile import Reconcile
from application.reconciliation_ports import Reports
from application.reconciliation_records import DayFigures, Run
from application.reconciliation_report import Report
from application.resolve_discrepancy import ResolveDiscrepancy
from domain.discrepancy import Discrepancy
from domain.errors import ReconciliationNotFinished

#: Discrepancies read at a time.
BATCH = 200

#: Days in the picture.
DAYS = 30


class ExportReconciliation:
    """Reads a run whole and has it written."""

    def __init__(
        self, reports: Reports, *, reconcile: Reconcile, discrepancies: ResolveDiscrepancy
    ) -> None:
        self._reports = reports
        self._reconcile, self._discrepancies = reconcile, discrepancies

    async def csv(self, run: Run) -> bytes:
        """What differs, as a table."""
        parts: list[bytes] = []
        async for page in self._pages(run):
            write = partial(self._reports.csv, page, day=run.day, headed=not parts)
            parts.append(await asyncio.to_thread(write))
        return b"".join(parts)

    async def workbook(self, run: Run) -> bytes:
        """Summary and table. Raises ReconciliationNotFinished."""
        if not run.report:
            raise ReconciliationNotFinished(run.id, run.status)
        found, report = await self._all(run), Report.from_json(run.report)
        return await asyncio.to_thread(self._reports.workbook, report, found)

    async def month(self, run: Run) -> bytes:
        """Its account's thirty days up to this run's."""
        days: dict[date, DayFigures] = {}
        for back in range(DAYS):
            day = run.day - timedelta(days=back)
            other = await self._reconcile.find(run.account, day)
            if other is not None and other.report:
                unresolved = await self._discrepancies.unresolved(other.id)
                days[day] = DayFigures(Report.from_json(other.report).net_fen, unresolved)
        return await asyncio.to_thread(self._reports.picture, run.account, run.day, days)

    async def _all(self, run: Run) -> list[Discrepancy]:
        return [each async for page in self._pages(run) for each in page]

    async def _pages(self, run: Run) -> AsyncIterator[Sequence[Discrepancy]]:
        """At least one, which may be empty."""
        cursor: str | None = None
        while True:
            page = await self._discrepancies.page(run.id, status=None, limit=BATCH, cursor=cursor)
            yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return
