"""Hundreds of random histories; PROOF_HISTORIES asks for more, PROOF_SEED for other ones."""

import os

import pytest

from tests.simulation.histories import STEPS, play

COUNT = int(os.environ.get("PROOF_HISTORIES", "300"))
FIRST = int(os.environ.get("PROOF_SEED", "1"))


@pytest.mark.timeout(180 + COUNT)
def test_no_history_breaks_a_promise() -> None:
    steps = sum(play(seed).steps for seed in range(FIRST, FIRST + COUNT))

    assert steps >= 20 * COUNT


def test_a_history_is_decided_by_its_seed() -> None:
    first, again = play(7), play(7)

    assert first.world.stream.taken == again.world.stream.taken
    assert first.world.payments() == again.world.payments()
    assert len(STEPS) > 20
