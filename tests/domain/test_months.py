"""Months of random trade with differences of every class: exactly those are found.

`PROOF_MONTHS` sets how many (default 8), `PROOF_SEED` the first one's seed.
"""

import os
from collections import Counter
from random import Random

import pytest

from domain.reconciliation import Class
from tests.domain.months import DAYS, FIRST, ONE_DAY, Month, Runs

MONTHS = int(os.environ.get("PROOF_MONTHS", "8"))
SEED = int(os.environ.get("PROOF_SEED", "20260301"))

pytestmark = pytest.mark.timeout(60 + MONTHS)


def told(reports):
    """Everything that the runs found, as the month foretells it."""
    return Counter(
        (day, each.cls, each.key, each.age) for day, (found, _) in reports.items() for each in found
    )


@pytest.mark.parametrize("seed", range(SEED, SEED + MONTHS))
def test_of_a_month_exactly_what_is_wrong_is_found(seed):
    month = Month(seed)
    runs, random = Runs(month), Random(seed)
    days = [FIRST + n * ONE_DAY for n in range(DAYS)]
    for day in random.sample(days, DAYS):  # a day may be run before the one whose carries it needs
        runs.run(day)

    reports = {day: runs.run(day) for day in random.sample(days, DAYS)}

    assert {day: runs.run(day) for day in random.sample(days, DAYS)} == reports
    found = told(reports)
    expected = Counter(month.expected)
    for one, other in month.either:
        expected.update(one if one[0] in found else other)
    assert found == expected
    assert sorted(each for day in days for each in runs.balance(day)) == sorted(month.lost)


def test_the_months_hold_differences_of_every_class():
    classes = {cls for seed in range(SEED, SEED + 8) for _, cls, *_ in Month(seed).expected}

    apart = {Class.UNREADABLE_ROW, Class.FOREIGN, Class.FUNDS_MISMATCH}
    assert classes == frozenset(Class) - apart
