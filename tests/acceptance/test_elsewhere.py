"""Refunds made on the provider's own site, told on both stages."""

import pytest
from pytest_bdd import scenarios

from tests.acceptance.words import WHO, YUAN, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("elsewhere.feature")


@says(f"somebody refunds {YUAN} on the site of {WHO}")
def somebody_refunds(run, story, amount, who):
    assert story.provider is who
    run(story.stage.merchant_refunds(story.payment, amount))
    run(story.stage.refunds_settle())


@says("the operators are told that a refund was made elsewhere")
def the_operators_are_told(run, story):
    [refund] = run(story.stage.refunds(story.payment))
    assert refund["initiated_by"] == "provider"
    assert run(story.stage.incidents(refund)) == ["external_refund"]
