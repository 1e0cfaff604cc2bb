"""Idempotency, told on both stages."""

import pytest
from pytest_bdd import scenarios, then

from tests.acceptance.words import YUAN, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("idempotency.feature")


@says(f"the shop uses the key of its request for {YUAN}")
def the_shop_reuses_the_key(run, story, amount):
    run(story.place_with_old_key(amount))


@says(r"the shop sends the order (?P<times>\d+) times at once")
def the_shop_sends_copies(run, story, times):
    run(story.at_once([story.new_order()] * times))


@says(rf"the shop sends a refund of {YUAN} (?P<times>\d+) times at once")
def the_shop_sends_copies_of_a_refund(run, story, amount, times):
    story.replies.clear()
    run(story.at_once([story.new_refund(amount)] * times))


@then("the shop hears the first answer again")
def the_shop_hears_the_first_answer_again(story):
    first, again = story.replies[-2:]
    assert again.replayed
    assert again.body == first.body


@then("all of them hear the same answer")
def all_hear_the_same_answer(story):
    assert {reply.refusal for reply in story.replies} == {None}
    assert len({reply.body for reply in story.replies}) == 1
