"""Payment codes, told on both stages."""

import pytest
from pytest_bdd import scenarios, step, then

from domain.method import Method, Provider
from tests.acceptance.stage import Trouble
from tests.acceptance.words import WHO, YUAN, any_of, says
from tests.asking import ASKS_PASSWORD, HAS_NO_BALANCE, PAYS, an_order_by

pytestmark = pytest.mark.usefixtures("stage")

scenarios("codes.feature")

CODES = {Provider.WECHAT: Method.WECHAT_CODE, Provider.ALIPAY: Method.ALIPAY_CODE}
WALLETS = {"must type a password": ASKS_PASSWORD, "has too little money": HAS_NO_BALANCE}


@says(f"a payer who shows a code of {WHO}")
def a_payer_with_a_code(story, who):
    story.how = an_order_by(CODES[who], wallet=PAYS)


@says(f"a payer of {WHO} who (?P<wallet>{any_of(WALLETS)})")
def a_payer_with_such_a_wallet(story, who, wallet):
    story.how = an_order_by(CODES[who], wallet=WALLETS[wallet])


@says(f"the shop charges {YUAN}")
def the_shop_charges(run, story, amount):
    story.amount = amount
    run(story.place())


@step("the payer types the password")
def the_payer_types_the_password(run, story):
    assert run(story.stage.payer("pay", story.payment))


@says(f"{WHO}'s callbacks get lost as well")
def the_callbacks_get_lost_too(run, story, who):
    run(story.stage.trouble(Trouble.CALLBACKS_LOST, who))


@step("the shop scans another code")
def the_shop_scans_another_code(run, story):
    story.how = an_order_by(Method(story.how["method"]))
    run(story.place())


@then("the payer can't pay any more")
def the_payer_cannot_pay(run, story):
    assert not run(story.stage.payer("pay", story.payment))


@then("the money went straight back")
def the_money_went_straight_back(run, story):
    assert run(story.stage.payment(story.payment))["reversed"]
