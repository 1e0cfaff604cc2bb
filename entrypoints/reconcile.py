"""`basepay reconcile`: one account and day held against its bill, now and here."""

import asyncio
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Self

from application.app import App
from application.reconciliation_records import Run, RunStatus
from application.reconciliation_report import Report
from application.reconciliation_views import run_view
from application.views import to_json
from domain.bill import CHINA
from domain.errors import InvalidRequest
from entrypoints.bootstrap import clock_of, running
from entrypoints.errors import Trouble
from entrypoints.roles import Role
from entrypoints.settings import Settings
from entrypoints.telling import tell

#: Who started it, in the run and the audit trail.
COMMAND_LINE = "command-line"

#: What the use case calls the options.
OPTIONS = {"account": "--account", "day": "--date", "bill": "--bill"}

#: Seconds between looks at a run that a worker has.
REST = 1.0

#: It reads and asks; nobody calls it.
ROLES: frozenset[Role] = frozenset({"api"})

#: Columns of a terminal for what a figure means.
LABEL = 44

EXPORTS = (".csv", ".xlsx", ".svg")


async def run_reconcile(
    load: Callable[[], Settings],
    *,
    account: str,
    day: str,
    bill: Path | None = None,
    export: Path | None = None,
    as_json: bool = False,
) -> int:
    """0: nothing is left open, 1: discrepancies are. Raises Trouble."""
    wanted = _checked(day, bill, export)
    settings = load()
    async with running(settings, clock_of(settings), roles=ROLES) as basepay:
        app = basepay.app
        run = await _reconciled(app, account, wanted, bill)
        unresolved = await app.resolve_discrepancy.unresolved(run.id)
        if as_json:
            tell(to_json(run_view(run) | {"unresolved": unresolved}).decode())
        else:
            _show(run, unresolved)
        if export is not None:
            await _export(app, run, export)
    return 1 if unresolved else 0


async def _reconciled(app: App, account: str, day: date, bill: Path | None) -> Run:
    try:
        file = None if bill is None else str(bill)
        run = await app.reconcile.start(account, day, by=COMMAND_LINE, file=file)
    except InvalidRequest as error:
        wrong = "; ".join(f"{OPTIONS[e.field]}: expected {e.expected}" for e in error.errors)
        raise Trouble(wrong) from None
    with _Progress() as progress:
        run = await app.reconcile.execute(run, progress.tell)
        while run.status is RunStatus.RUNNING:  # a worker was quicker
            await asyncio.sleep(REST)
            run = await app.reconcile.get(run.id)
            progress.tell(run.progress, 0)
            run = await app.reconcile.execute(run, progress.tell)  # if it is not heard of any more
    if run.status is RunStatus.FINISHED:
        return run
    if run.status is RunStatus.WAITING and run.next_try_at is not None:
        again = run.next_try_at.astimezone(CHINA).isoformat(timespec="minutes")
        raise Trouble(f"{run.failure}; repeat this after {again}, or let a worker do it")
    raise Trouble(run.failure)


class _Progress:
    """Rows and rows per second on a terminal; nothing in a pipe."""

    def __enter__(self) -> Self:
        from rich.console import Console

        self._status = Console(stderr=True).status("reading the bill")
        if sys.stderr.isatty():
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, rows: int, a_second: float) -> None:
        pace = f", {a_second:,.0f} a second" if a_second else ""
        self._status.update(f"{rows:,} rows{pace}")


def _show(run: Run, unresolved: int) -> None:
    """What a finance person reads in a minute."""
    from adapters.reports.summary import summary, written

    for line in summary(Report.from_json(run.report)):
        figures = [written(cell, value) for cell, value in line.values]
        if len(figures) == 1:
            tell(f"{_padded(line.label, LABEL)}  {figures[0]}")
        else:
            columns = [_padded(line.label, LABEL), *(_padded(each, -18) for each in figures)]
            tell("".join(columns).rstrip())
    left = f"{unresolved} 项待处理 left to settle: GET /v1/reconciliations/{run.id}/discrepancies"
    tell(left if unresolved else "全部一致 nothing is left to settle")


def _padded(text: str, width: int) -> str:
    """To so many columns of a terminal, where 字 takes two; negative: to the right."""
    from rich.cells import cell_len

    room = " " * (abs(width) - cell_len(text))
    return text + room if width > 0 else room + text


async def _export(app: App, run: Run, file: Path) -> None:
    export = app.export_reconciliation
    write = {".csv": export.csv, ".xlsx": export.workbook, ".svg": export.month}[file.suffix]
    try:
        file.write_bytes(await write(run))  # noqa: ASYNC240 -- the last thing this process does
    except OSError as error:
        raise Trouble(f"--export: {file} can't be written: {error.strerror}") from None


def _checked(day: str, bill: Path | None, export: Path | None) -> date:
    """The day, if everything can be done that is asked for."""
    if export is not None and export.suffix not in EXPORTS:
        raise Trouble(f"--export: expected a file that ends in {', '.join(EXPORTS)}, got {export}")
    if bill is not None and not bill.is_file():
        raise Trouble(f"--bill: {bill} is no file; give the bill as the provider's site serves it")
    return _day(day)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Trouble(f"--date: expected a day like 2026-11-25, got {text!r}") from None
