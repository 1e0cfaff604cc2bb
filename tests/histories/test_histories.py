"""Random histories of the whole system; PROOF_HISTORIES asks for more, PROOF_SEED for others."""

import os

import pytest

from tests.histories.playing import BLOCK, play

COUNT = int(os.environ.get("PROOF_HISTORIES", "100"))
FIRST = int(os.environ.get("PROOF_SEED", "1"))


@pytest.mark.timeout(180 + COUNT)
def test_after_every_history_both_books_say_the_same() -> None:
    lived = sum(play(FIRST + n).histories for n in range(-(-COUNT // BLOCK)))

    assert lived >= COUNT
