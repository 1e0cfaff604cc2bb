"""A run as an Excel workbook: a summary to read in a minute, and every discrepancy."""

from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO
from typing import Any

from adapters.reports.summary import Line, summary
from adapters.reports.table import COLUMNS, Cell
from application.reconciliation_report import Report
from domain.bill import CHINA
from domain.discrepancy import Discrepancy

FORMATS: dict[Cell, dict[str, object]] = {
    Cell.TEXT: {},
    Cell.YUAN: {"num_format": "#,##0.00"},
    Cell.NUMBER: {"num_format": "#,##0"},
    Cell.DATE: {"num_format": "yyyy-mm-dd"},
    Cell.INSTANT: {"num_format": "yyyy-mm-dd hh:mm:ss"},
}

#: A sheet has room for a few more; what does not fit would be left out without a word.
MOST_ROWS = 1_000_000
TOO_MANY = "其余见 CSV the rest is in the CSV only"

#: A bill's text is never a formula or a link; rows are written once and forgotten.
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def workbook(report: Report, discrepancies: Iterable[Discrepancy]) -> bytes:
    """The file. Amounts are real numbers in yuan, times are those of Shanghai."""
    from xlsxwriter import Workbook

    file = BytesIO()
    with Workbook(file, OPTIONS) as book:
        formats = {cell: book.add_format(how) for cell, how in FORMATS.items()}
        bold = book.add_format({"bold": True})
        _write_summary(book.add_worksheet("摘要 summary"), summary(report), formats, bold)
        sheet = book.add_worksheet("差异 discrepancies")
        _write_table(sheet, report.day, discrepancies, formats, bold)
    return file.getvalue()


def _write_summary(sheet: Any, lines: Iterable[Line], formats: dict[Cell, Any], bold: Any) -> None:
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 3, 20)
    for at, line in enumerate(lines):
        sheet.write_string(at, 0, line.label, bold if line.heading else None)
        for column, (cell, value) in enumerate(line.values, 1):
            _write(sheet, (at, column), cell, value, bold if line.heading else formats[cell])


def _write_table(
    sheet: Any,
    day: date,
    discrepancies: Iterable[Discrepancy],
    formats: dict[Cell, Any],
    bold: Any,
) -> None:
    for at, column in enumerate(COLUMNS):
        sheet.set_column(at, at, column.width)
        sheet.write_string(0, at, column.header, bold)
    sheet.freeze_panes(1, 1)
    last = 0
    for last, discrepancy in enumerate(discrepancies, 1):
        if last > MOST_ROWS:
            sheet.write_string(last, 0, TOO_MANY, bold)
            break
        _write_row(sheet, last, discrepancy, day, formats)
    sheet.autofilter(0, 0, last, len(COLUMNS) - 1)


def _write_row(
    sheet: Any, row: int, discrepancy: Discrepancy, day: date, formats: dict[Cell, Any]
) -> None:
    for at, column in enumerate(COLUMNS):
        value = column.value(discrepancy, day)
        _write(sheet, (row, at), column.cell, value, formats[column.cell])


def _write(sheet: Any, place: tuple[int, int], cell: Cell, value: Any, how: Any) -> None:
    match value:
        case None | "":
            pass
        case int() if cell is Cell.YUAN:
            sheet.write_number(*place, value / 100, how)
        case int():
            sheet.write_number(*place, value, how)
        case datetime():
            local = value.astimezone(CHINA).replace(tzinfo=None)
            sheet.write_datetime(*place, local, how)
        case date():
            sheet.write_datetime(*place, value, how)
        case _:
            sheet.write_string(*place, value, how)
