"""The last 30 days in one picture."""

from datetime import timedelta
from xml.etree import ElementTree as ET

from adapters.reports.picture import picture
from application.export_reconciliation import DAYS
from application.reconciliation_records import DayFigures
from tests.adapters.reports.conftest import DAY

SVG = "{http://www.w3.org/2000/svg}"


def test_every_day_has_a_bar_of_its_state():
    days = {DAY: DayFigures(10_000, 2), DAY - timedelta(days=1): DayFigures(5_000, 0)}

    drawn = ET.fromstring(picture("wechat-main", DAY, days))
    bars = [each for each in drawn.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    styles = [each.get("class") for each in bars]

    assert styles == ["none"] * (DAYS - 2) + ["matched", "open"]
    assert float(bars[-1].get("height", 0)) == 2 * float(bars[-2].get("height", 0))
    assert (
        drawn.findtext(f"{SVG}desc")
        == "2 of 30 days reconciled, 1 of them with open discrepancies."
    )


def test_a_name_is_text_and_an_empty_month_a_picture():
    drawn = ET.fromstring(picture("<a&b>", DAY, {}))

    assert "<a&b>" in (drawn.findtext(f"{SVG}title") or "")
