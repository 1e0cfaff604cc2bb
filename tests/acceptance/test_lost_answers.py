"""Lost answers, told on both stages."""

import pytest
from pytest_bdd import scenarios, then

pytestmark = pytest.mark.usefixtures("stage")

scenarios("lost_answers.feature")


@then("the payer has no code yet")
def the_payer_has_no_code(run, story):
    assert run(story.stage.payment(story.payment))["action"] is None


@then("the shop is told nothing about the refund")
def the_shop_is_told_nothing_of_the_refund(run, story):
    assert run(story.told(story.refund)) == []
