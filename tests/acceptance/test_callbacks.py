"""Callbacks, told on both stages."""

import pytest
from pytest_bdd import scenarios, step, then

from tests.acceptance.stage import Trouble
from tests.acceptance.words import WHO, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("callbacks.feature")


@says(f"a stranger calls before {WHO} does")
def a_stranger_calls_first(run, story, who):
    run(story.stage.trouble(Trouble.STRANGER_FIRST, who))


@step("a stranger claims that the order is paid", target_fixture="claim_taken")
def a_stranger_claims(run, story):
    return run(story.stage.forged_callback(story.payment))


@then("the claim is refused")
def the_claim_is_refused(claim_taken):
    assert not claim_taken


@then("no operator is told of anything")
def no_operator_is_told(run, story):
    assert run(story.stage.incidents(story.payment)) == []
