from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.schedule import DELAYS, ENDING, next_check
from tests.builders import NOON, later

CHECKS = st.integers(0, 10_000)
INSTANTS = st.integers(-100_000, 100_000).map(lambda seconds: later(seconds=seconds))


def test_delays_never_shrink() -> None:
    assert list(DELAYS) == sorted(DELAYS)


@given(CHECKS, INSTANTS)
def test_each_ask_waits_at_least_as_long_as_the_one_before(checks: int, at: datetime) -> None:
    assert next_check(checks, at=at) <= next_check(checks + 1, at=at)


@given(CHECKS, INSTANTS, INSTANTS)
def test_the_next_ask_is_later_and_within_half_an_hour(
    checks: int, at: datetime, ends_at: datetime
) -> None:
    for due in (next_check(checks, at=at), next_check(checks, at=at, ends_at=ends_at)):
        assert at < due <= at + timedelta(minutes=30)


@given(CHECKS, INSTANTS, INSTANTS)
def test_nobody_sleeps_through_the_end(checks: int, at: datetime, ends_at: datetime) -> None:
    due = next_check(checks, at=at, ends_at=ends_at)

    assert due <= max(ends_at, at + ENDING)
    assert due <= next_check(checks, at=at)


def test_the_first_asks_are_close_together_and_the_last_half_an_hour_apart() -> None:
    assert next_check(0, at=NOON) == later(seconds=5)
    assert next_check(10_000, at=NOON) == later(minutes=30)


def test_from_the_end_on_it_is_asked_each_minute() -> None:
    assert next_check(99, at=NOON, ends_at=NOON) == later(seconds=60)
