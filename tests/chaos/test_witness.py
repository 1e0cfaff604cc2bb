"""The check of what receivers heard: no kind of silence may escape it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.books import View
from tests.chaos.witness import Witness, doubles, gaps

EVENTS: list[View] = [
    {"id": f"evt_{number:026d}", "subject": "pay_A", "sequence": sequence}
    for number, sequence in enumerate((2, 3, 4))
]
FIRST, SECOND, THIRD = (event["id"] for event in EVENTS)


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([FIRST, SECOND], f"never heard {THIRD}"),
        ([FIRST, THIRD], "pay_A has [2, 4]"),
        ([SECOND, THIRD], "pay_A has [3, 4]"),
        ([FIRST, SECOND, THIRD, "evt_" + "X" * 26], "which nobody announced"),
    ],
)
def test_what_was_not_heard_is_found(tmp_path: Path, heard: list[str], words: str) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("".join(f"{id} basepay.payment.succeeded SO-1\n" for id in heard))

    found = Witness("receiver", notes).findings(EVENTS)

    assert any(words in each for each in found), found


def test_what_came_twice_or_late_or_in_mixed_lines_is_heard(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(f"{SECOND}{FIRST} basepay.a basepay.b SO-1\n SO-1\n{FIRST} basepay.a\n{THIRD}")
    witness = Witness("receiver", notes)

    assert witness.findings(EVENTS) == []
    assert witness.twice() == 1


def test_a_gap_in_what_was_announced_is_found() -> None:
    assert gaps([EVENTS[0], EVENTS[2]]) == ["pay_A has [2, 4]"]


def test_an_id_that_came_again_too_early_is_found() -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    seconds = {FIRST: (0, 119), SECOND: (0, 120), THIRD: (0,)}
    published = [(id, noon + timedelta(seconds=s)) for id, when in seconds.items() for s in when]

    assert doubles(published) == [f"{FIRST} stands twice in the stream"]
