"""The 1-fen switch, told on both stages."""

import pytest
from pytest_bdd import scenarios, step

from tests.acceptance.words import YUAN, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("one_fen.feature")


@step("the operators turn the 1-fen switch on")
def the_operators_turn_it_on(run, story):
    run(story.stage.turn_one_fen(on=True))


@says(f"the order is of {YUAN}")
def the_order_is_of(run, story, amount):
    assert run(story.stage.payment(story.payment))["amount"] == amount


@says(f"the payer has {YUAN} back")
def the_payer_has_back(run, story, amount):
    run(story.stage.refunds_settle())
    assert run(story.stage.eventually(story.returned, lambda it: it == amount)) == amount
