from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.schedule import GRACE, JITTER, Situation, next_check
from tests.builders import NOON, later

SITUATIONS = st.sampled_from(Situation)
CHECKS = st.integers(0, 10_000)
KEYS = st.text(max_size=30)
INSTANTS = st.integers(-100_000, 100_000).map(lambda seconds: later(seconds=seconds))


def pause_of(situation: Situation, checks: int) -> timedelta:
    """What the table says, before jitter."""
    pauses = situation.value
    return timedelta(seconds=pauses[min(checks, len(pauses) - 1)])


@pytest.mark.parametrize("situation", list(Situation))
def test_pauses_are_positive_and_never_shrink(situation: Situation) -> None:
    assert list(situation.value) == sorted(situation.value)
    assert situation.value[0] > 0


def test_no_two_situations_are_one() -> None:
    """Equal tables would make the second enum member an alias of the first."""
    names = ["PAYER", "TILL", "TAKING_BACK", "ENDING", "REFUND", "PARKED"]

    assert [situation.name for situation in Situation] == names


@pytest.mark.parametrize(
    ("situation", "seconds"),
    [
        (Situation.PAYER, 5),
        (Situation.TILL, 5),
        (Situation.TAKING_BACK, 2),
        (Situation.ENDING, 2),
        (Situation.REFUND, 5),
        (Situation.PARKED, 86_400),
    ],
)
def test_every_situation_is_asked_about_soon_enough_at_first(
    situation: Situation, seconds: int
) -> None:
    assert situation.value[0] <= seconds


def test_a_till_is_polled_until_its_charge_is_taken_back() -> None:
    """45 s hold at least seven asks, none more than 5 s after the one before."""
    at, asks = NOON, 0
    while at < later(seconds=45):
        due = next_check(Situation.TILL, asks, at=at, key="pay_01", ends_at=later(seconds=45))
        assert due - at <= timedelta(seconds=5 * (1 + JITTER))
        at, asks = due, asks + 1

    assert at == later(seconds=45)
    assert asks >= 7


def test_what_ends_is_asked_about_often_enough_to_see_the_grace_run_out() -> None:
    assert timedelta(seconds=Situation.ENDING.value[-1]) <= GRACE / 2


@given(SITUATIONS, CHECKS, INSTANTS, KEYS)
def test_jitter_is_at_most_a_tenth_of_the_pause(
    situation: Situation, checks: int, at: datetime, key: str
) -> None:
    waited = next_check(situation, checks, at=at, key=key) - at

    assert abs(waited - pause_of(situation, checks)) <= pause_of(situation, checks) * JITTER
    assert JITTER == 0.1


@given(SITUATIONS, CHECKS, INSTANTS, KEYS)
def test_the_same_ask_is_always_due_at_the_same_instant(
    situation: Situation, checks: int, at: datetime, key: str
) -> None:
    due = next_check(situation, checks, at=at, key=key)

    assert due == next_check(situation, checks, at=at, key=key)


def test_jitter_does_not_depend_on_the_process() -> None:
    """The instant is fixed here: a seeded `hash` would give another one in each process."""
    due = next_check(Situation.PARKED, 0, at=NOON, key="pay_01")

    assert due == datetime.fromisoformat("2026-03-15T04:22:03.223386+00:00")


@pytest.mark.parametrize("situation", list(Situation))
def test_orders_born_together_are_asked_about_apart(situation: Situation) -> None:
    """A thousand orders of one instant fill the whole span, and no tenth of it is crowded."""
    pause = pause_of(situation, 0)
    dues = [next_check(situation, 0, at=NOON, key=f"pay_{n:026}") for n in range(1_000)]
    tenths = [int((due - NOON - pause * 0.9) / (pause * 0.2) * 10) for due in dues]

    assert all(50 <= tenths.count(n) <= 200 for n in range(10))


@pytest.mark.parametrize("situation", list(Situation))
def test_one_order_does_not_always_come_early(situation: Situation) -> None:
    last = len(situation.value) - 1
    waits = [
        next_check(situation, last + n, at=NOON, key="pay_01") - NOON - pause_of(situation, last)
        for n in range(100)
    ]

    assert min(waits) < timedelta(0) < max(waits)


@given(SITUATIONS, CHECKS, INSTANTS, INSTANTS, KEYS)
def test_nobody_sleeps_through_the_end_and_nobody_is_asked_at_once(
    situation: Situation, checks: int, at: datetime, ends_at: datetime, key: str
) -> None:
    due = next_check(situation, checks, at=at, key=key, ends_at=ends_at)
    undisturbed = next_check(situation, checks, at=at, key=key)

    assert at < due <= undisturbed
    assert due in (undisturbed, ends_at)
    assert due <= ends_at or at >= ends_at
