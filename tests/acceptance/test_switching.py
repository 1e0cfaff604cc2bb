"""Switching, told on both stages."""

import pytest
from pytest_bdd import scenarios, then

from tests.acceptance.stage import METHODS
from tests.acceptance.words import NTH, STATUSES, WHO, YUAN, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("switching.feature")


@says(f"the price changes to {YUAN}")
def the_price_changes(run, story, amount):
    story.amount = amount
    run(story.place())


@says(f"the customer switches to {WHO}")
def the_customer_switches(run, story, who):
    story.by(METHODS[who])
    run(story.place())


@says(f"the payer pays the {NTH} payment")
def the_payer_pays_one(run, story, nth):
    assert run(story.stage.payer("pay", story.payments[nth]))


@says(f"the {NTH} payment (?P<state>is open|is paid|is closed)")
def one_payment_is(run, story, nth, state):
    status = STATUSES[state]
    assert run(story.payment_becomes(story.payments[nth], status))["status"] == status


@says(f"the {NTH} payment is being closed")
def one_payment_is_being_closed(run, story, nth):
    now = run(story.stage.payment(story.payments[nth]))
    assert (now["status"], now["closing"]) == ("created", True)


@then("there is one payment for the order")
def there_is_one_payment(run, story):
    assert len(run(story.stage.payments(story.order_no))) == 1


@then("it is the same payment")
def it_is_the_same_payment(story):
    assert [reply.view["id"] for reply in story.replies] == [story.payment["id"]] * 2


@then("the first payment names the second as its successor")
def the_first_names_the_second(run, story):
    first = run(story.stage.payment(story.payments[0]))
    assert first["superseded_by"] == story.payments[1]["id"]


@then("the first payment is the duplicate of the second")
def the_first_is_the_duplicate(run, story):
    first = run(story.stage.payment(story.payments[0]))
    assert first["duplicate_of"] == story.payments[1]["id"]
