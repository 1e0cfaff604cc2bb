"""Every cell of the table of methods and situations, on both stages."""

from pathlib import Path

import pytest

from domain.method import Method
from tests.acceptance.stage import Stage
from tests.acceptance.table import CELLS, SITUATIONS, Situation, Till, markdown

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


@pytest.mark.parametrize(
    ("method", "situation"),
    [pytest.param(m, s, id=f"{m.value}-{s.title.replace(' ', '-')}") for m, s in CELLS],
)
def test_a_cell_holds(run, stage: Stage, method: Method, situation: Situation) -> None:
    run(situation.play(Till(stage, method)))


def test_every_cell_is_a_scenario_or_says_why_not() -> None:
    reasons = [s.impossible(m) for m in Method for s in SITUATIONS if s.impossible(m)]

    assert len(CELLS) + len(reasons) == len(Method) * len(SITUATIONS) == 96


def test_the_table_stands_in_the_docs() -> None:
    assert markdown() in PAGE.read_text(encoding="utf-8")
