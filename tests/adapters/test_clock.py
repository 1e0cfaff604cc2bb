"""Time moves forward only, also over a restart."""

from datetime import timedelta

import pytest

from adapters.clock import MovableClock


def test_a_moved_clock_is_ahead_by_that_much():
    clock = MovableClock()
    before = clock.now()

    clock.advance(3600)

    assert timedelta(hours=1) <= clock.now() - before < timedelta(hours=2)


def test_it_never_steps_back():
    with pytest.raises(ValueError, match="forward"):
        MovableClock().advance(-1)


def test_a_restart_goes_on_where_time_was(tmp_path):
    first = MovableClock(file=tmp_path / "clock")
    first.advance(3600)
    first.advance(3600)

    second = MovableClock(file=tmp_path / "clock")

    assert second.now() >= first.now() - timedelta(seconds=1)
