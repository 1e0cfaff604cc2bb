from datetime import UTC, datetime, timedelta

import pytest

from adapters.clock import MovableClock, SystemClock

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc():
    assert SystemClock().now().tzinfo is UTC


def test_a_movable_clock_follows_the_wall_from_where_it_was_moved_to():
    wall = [NOON]
    clock = MovableClock(wall=lambda: wall[0])
    clock.advance(90)
    wall[0] += timedelta(seconds=5)

    assert clock.now() == NOON + timedelta(seconds=95)


def test_a_scaled_clock_runs_faster_than_the_wall():
    wall = [NOON]
    clock = MovableClock(scale=60, wall=lambda: wall[0])
    wall[0] += timedelta(seconds=2)

    assert clock.now() == NOON + timedelta(minutes=2)


def test_no_clock_goes_back():
    with pytest.raises(ValueError, match="forward"):
        MovableClock().advance(-1)


def test_a_restart_goes_on_where_time_was(tmp_path):
    first = MovableClock(wall=lambda: NOON, file=tmp_path / "clock")
    first.advance(90)
    first.advance(90)

    second = MovableClock(wall=lambda: NOON, file=tmp_path / "clock")

    assert second.now() == NOON + timedelta(minutes=3)


def test_two_processes_on_one_file_share_one_time(tmp_path):
    ours = MovableClock(wall=lambda: NOON, file=tmp_path / "clock")
    theirs = MovableClock(wall=lambda: NOON, file=tmp_path / "clock")

    theirs.advance(60)
    ours.advance(30)

    assert ours.now() == theirs.now() == NOON + timedelta(seconds=90)
