"""Closing and expiring, told on both stages."""

import pytest
from pytest_bdd import scenarios, then

pytestmark = pytest.mark.usefixtures("stage")

scenarios("closing.feature")


@then("the payer can't pay any more")
def the_payer_cannot_pay(run, story):
    assert not run(story.stage.payer("pay", story.payment))
