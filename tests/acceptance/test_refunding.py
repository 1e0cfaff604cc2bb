"""Refunding, told on both stages."""

import pytest
from pytest_bdd import scenarios, step

from tests.acceptance.stage import Trouble
from tests.acceptance.words import REFUSALS, WHO, YUAN, any_of, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("refunding.feature")


@says(f"the shop refunds {YUAN} under the same refund number")
def the_shop_reuses_the_number(run, story, amount):
    run(story.refund_part(amount, refund_no=story.refund["refund_no"]))


@says(rf"the shop asks for (?P<times>\d+) refunds of {YUAN} at once")
def the_shop_asks_for_many_refunds(run, story, amount, times):
    story.replies.clear()
    run(story.at_once([story.new_refund(amount) for _ in range(times)]))


@says(f"the shop's account at {WHO} is empty")
def the_account_is_empty(run, story, who):
    run(story.stage.trouble(Trouble.NO_BALANCE, who))


@step("the payer's card is closed")
def the_card_is_closed(run, story):
    run(story.stage.trouble(Trouble.CARD_CLOSED, story.provider))


@step("the refund comes back")
def the_refund_comes_back(run, story):
    refund = run(story.refund_becomes("failed"))
    assert (refund["status"], refund["failure"]["code"]) == ("failed", "abnormal")


@says(r"(?P<times>\d+) of them are granted")
def so_many_are_granted(story, times):
    assert sum(reply.refusal is None for reply in story.replies) == times


@says(f"the others hear that (?P<refusal>{any_of(REFUSALS)})")
def the_others_hear_that(story, refusal):
    assert {reply.refusal for reply in story.replies} == {None, REFUSALS[refusal]}
