"""Discrepancies as CSV: UTF-8 with its mark, so that spreadsheets read Chinese."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from io import StringIO

from adapters.reports.table import COLUMNS, Cell, Column
from domain.bill import CHINA
from domain.discrepancy import Discrepancy
from domain.money import Money

#: Tells spreadsheets that this is UTF-8.
MARK = "﻿"

#: A spreadsheet would take a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(discrepancies: Iterable[Discrepancy], *, day: date, headed: bool = True) -> str:
    """The whole file, or a part that follows. Amounts are yuan, times are those of Shanghai."""
    text = StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    if headed:
        text.write(MARK)
        rows.writerow(column.header for column in COLUMNS)
    for discrepancy in discrepancies:
        rows.writerow(_written(column, discrepancy, day) for column in COLUMNS)
    return text.getvalue()


def _written(column: Column, discrepancy: Discrepancy, day: date) -> str:
    value = column.value(discrepancy, day)
    if isinstance(value, int) and column.cell is Cell.YUAN:
        return Money(value).to_yuan()
    if isinstance(value, datetime):
        return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
