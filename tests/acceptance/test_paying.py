"""Paying, told on both stages."""

import pytest
from pytest_bdd import scenarios

from tests.acceptance.words import YUAN, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("paying.feature")


@says(f"another till takes {YUAN} under the same number")
def another_till_takes(run, story, amount):
    run(story.stage.another_till_takes(amount, story.payment))
