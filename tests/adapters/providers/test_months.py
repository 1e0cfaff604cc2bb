"""Months at the simulators, whose bills tell lies of every kind: exactly those are found.

`PROOF_MONTHS` sets how many (default 6), `PROOF_SEED` the first one's seed.
"""

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from adapters.providers.sandbox.faults import ROW_KINDS
from tests.adapters.providers.months import DAYS, FIRST, Month
from tests.domain.months import Runs

MONTHS = int(os.environ.get("PROOF_MONTHS", "6"))
SEED = int(os.environ.get("PROOF_SEED", "20260301"))


def a_month(seed, folder):
    """One with files in it runs like any."""
    month: Any = Month(seed, folder)
    return month, Runs(month)


def told(reports):
    """Everything that the runs found, as the month foretells it."""
    return Counter(
        (day, each.cls, each.key, each.age) for day, (found, _) in reports.items() for each in found
    )


@pytest.mark.parametrize("seed", range(SEED, SEED + MONTHS))
def test_of_a_month_exactly_what_was_planted_is_found(tmp_path, seed):
    month, runs = a_month(seed, tmp_path)
    days = [FIRST + n * timedelta(days=1) for n in range(DAYS)]

    first = {day: runs.run(day) for day in days}
    reports = {day: runs.run(day) for day in days}

    assert told(first) == told(reports) == Counter(month.expected)
    assert {day: runs.run(day) for day in days} == reports


@pytest.mark.parametrize("seed", range(SEED, SEED + MONTHS))
def test_where_the_balance_moved_otherwise_is_found_too(tmp_path, seed):
    month, runs = a_month(seed, tmp_path)

    found = {each for n in range(DAYS) for each in runs.balance(FIRST + n * timedelta(days=1))}

    assert found == month.lost


def test_the_months_plant_everything(tmp_path):
    planted = Counter(
        kind for seed in range(SEED, SEED + 4) for kind in Month(seed, tmp_path).planted
    )

    assert planted.keys() == ROW_KINDS
