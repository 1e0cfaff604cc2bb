"""What leaves for spreadsheets: real numbers, real dates, no formulas."""

import csv
from datetime import datetime
from io import BytesIO, StringIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from adapters.reports import workbook as workbook_module
from adapters.reports.csv_file import csv_text
from adapters.reports.summary import summary, summary_text
from adapters.reports.table import COLUMNS
from adapters.reports.workbook import workbook
from tests.adapters.reports.conftest import DAY

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def read_sheet(data, number):
    """Cells of a sheet by address: (type, text), as the file spells them."""
    with ZipFile(BytesIO(data)) as file:
        strings = [
            "".join(each.itertext()) for each in ET.fromstring(file.read("xl/sharedStrings.xml"))
        ]
        sheet = ET.fromstring(file.read(f"xl/worksheets/sheet{number}.xml"))
    cells = {}
    for cell in sheet.iter(f"{SHEET}c"):
        value, kind = cell.findtext(f"{SHEET}v"), cell.get("t", "n")
        text = strings[int(value)] if kind == "s" and value is not None else value
        cells[cell.get("r")] = (kind, text)
        assert cell.find(f"{SHEET}f") is None  # nothing is a formula
    return cells


def test_csv_says_yuan_and_shanghai_time(discrepancies):
    text = csv_text(discrepancies, day=DAY)
    rows = list(csv.reader(StringIO(text.removeprefix("﻿"))))

    assert text.startswith("﻿差异编号 id,")
    assert rows[0] == [column.header for column in COLUMNS]
    assert rows[1][7:10] == ["1234.56", "", "-1234.56"]
    assert rows[2][15] == "2026-11-26 10:30:00"


def test_a_text_of_the_bill_is_no_formula(discrepancies, report):
    rows = list(csv.reader(StringIO(csv_text(discrepancies, day=DAY))))
    cells = read_sheet(workbook(report, discrepancies), 2)

    assert rows[2][-1] == "'=HYPERLINK(0),`x"
    assert cells["U3"] == ("s", "=HYPERLINK(0),`x")


def test_a_workbook_holds_numbers_and_dates(report, discrepancies):
    cells = read_sheet(workbook(report, discrepancies), 2)

    assert cells["H2"] == ("n", "1234.56")
    assert "I2" not in cells  # nothing known is not zero
    day = (datetime(2026, 11, 25) - datetime(1899, 12, 30)).days  # noqa: DTZ001 -- Excel's own count
    assert cells["B2"] == ("n", str(day))


def test_a_workbook_says_when_there_is_more_than_it_holds(report, discrepancies, monkeypatch):
    monkeypatch.setattr(workbook_module, "MOST_ROWS", 1)

    cells = read_sheet(workbook(report, discrepancies), 2)

    assert cells["A2"] == ("s", discrepancies[0].id)
    assert cells["A3"] == ("s", "其余见 CSV the rest is in the CSV only")


def test_a_csv_is_written_in_parts(discrepancies):
    first, second = discrepancies
    parts = [csv_text([first], day=DAY), csv_text([second], day=DAY, headed=False)]

    assert "".join(parts) == csv_text(discrepancies, day=DAY)


def test_the_summary_stands_in_both(report, discrepancies):
    cells = read_sheet(workbook(report, discrepancies), 1)
    text = summary_text(summary(report))

    assert ("s", "短款 missing at provider") in cells.values()
    assert "差异 discrepancies  1\n" in text
    assert "净额 net: in − back − fees  89.46\n" in text
    assert "短款 missing at provider  1  5.00  0  0.00\n" in text
    assert "一分钱测试 under the 1-fen switch  1  0.01\n" in text
    assert "跨日待核 near midnight, on one side  1  30.00\n" in text
    assert "退款退回 refunds that came back  12.34\n" in text
