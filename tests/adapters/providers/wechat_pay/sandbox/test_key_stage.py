"""How far a switch of keys has come, day by day."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.providers.wechat_pay.sandbox.key_stage import (
    KeyStage,
    finish_public_key,
    start_public_key,
)

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "usual", "share"),
    [(0, 0.0, 0.0), (0, 0.25, 0.25), (3.5, 0.25, 0.5), (7, 0.0, 1.0), (30, 0.0, 1.0)],
)
def test_the_public_keys_share_of_callbacks_grows_to_all_in_seven_days(days, usual, share):
    begun = start_public_key(KeyStage(), NOON)

    assert begun.callback_share(usual, NOON + timedelta(days=days)) == share


def test_before_a_switch_the_usual_share_holds_and_after_it_nothing_else():
    finished = finish_public_key(start_public_key(KeyStage(), NOON), NOON)

    assert KeyStage().callback_share(0.25, NOON) == 0.25
    assert finished.callback_share(0.0, NOON) == 1.0
