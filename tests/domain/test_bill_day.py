from datetime import UTC, date, datetime, timedelta

import pytest

from domain.bill_day import BillDay, bill_day

DAY = BillDay.of(date(2026, 3, 14))
MICROSECOND = timedelta(microseconds=1)
MARGIN = timedelta(minutes=15)


def test_a_day_is_one_of_shanghai():
    assert DAY.start == datetime(2026, 3, 13, 16, tzinfo=UTC)
    assert DAY.end == datetime(2026, 3, 14, 16, tzinfo=UTC)
    assert DAY.window == (DAY.start - MARGIN, DAY.end + MARGIN)


@pytest.mark.parametrize(
    ("at", "belongs", "near"),
    [
        (DAY.start - MICROSECOND, False, False),
        (DAY.start, True, True),
        (DAY.start + MARGIN - MICROSECOND, True, True),
        (DAY.start + MARGIN, True, False),
        (DAY.end - MARGIN - MICROSECOND, True, False),
        (DAY.end - MARGIN, True, True),
        (DAY.end - MICROSECOND, True, True),
        (DAY.end, False, False),
    ],
)
def test_every_instant_belongs_to_one_day_and_may_be_near_its_edge(at, belongs, near):
    assert DAY.belongs(at) is belongs
    assert (bill_day(at) == DAY.day) is belongs
    assert DAY.near_midnight(at) is near
