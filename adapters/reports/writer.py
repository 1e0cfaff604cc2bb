"""The files of a run, as its port wants them."""

from collections.abc import Mapping, Sequence
from datetime import date

from adapters.reports.csv_file import csv_text
from adapters.reports.picture import picture
from adapters.reports.workbook import workbook
from application.reconciliation_records import DayFigures
from application.reconciliation_report import Report
from domain.discrepancy import Discrepancy


class ReportWriter:
    """Writes them for spreadsheets and browsers."""

    def csv(self, discrepancies: Sequence[Discrepancy], *, day: date, headed: bool) -> bytes:
        """UTF-8, its first part with the mark."""
        return csv_text(discrepancies, day=day, headed=headed).encode()

    def workbook(self, report: Report, discrepancies: Sequence[Discrepancy]) -> bytes:
        """An Excel file."""
        return workbook(report, discrepancies)

    def picture(self, account: str, last: date, days: Mapping[date, DayFigures]) -> bytes:
        """An SVG."""
        return picture(account, last, days).encode()
