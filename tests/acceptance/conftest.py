"""The sentences of the features. Each means the same thing everywhere."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import pytest
from pytest_bdd import parsers, step, then

from domain.method import Provider
from domain.money import Money
from tests.acceptance.memory import MemoryStage
from tests.acceptance.stack import Stack
from tests.acceptance.stage import Stage, Trouble
from tests.acceptance.story import Story
from tests.acceptance.wire import WireStage

P = ParamSpec("P")
T = TypeVar("T")

PROVIDERS = {"WeChat Pay": Provider.WECHAT, "Alipay": Provider.ALIPAY}
SECONDS = {"a minute": 60, "ten minutes": 600, "three hours": 10_800}
DAY = 86_400
ORDINALS = {"first": 0, "second": 1}

TROUBLES = {
    " stops answering": Trouble.SILENT,
    "'s answers get lost": Trouble.ANSWERS_LOST,
    " forgets the order": Trouble.FORGETFUL,
    " refuses new orders": Trouble.REFUSES_ORDERS,
    " refuses refunds": Trouble.REFUSES_REFUNDS,
    "'s callbacks get lost": Trouble.CALLBACKS_LOST,
    "'s callbacks come twice": Trouble.CALLBACKS_TWICE,
}
REFUSALS = {
    "the payment has already succeeded": "payment_already_succeeded",
    "the order is already paid": "order_already_paid",
    "nothing has been paid": "payment_not_succeeded",
    "it is more than what is left": "refund_exceeds_payment",
    "the refund number is taken": "refund_no_reused",
    "the key belongs to another request": "idempotency_key_reused",
}
INCIDENTS = {
    "another sum was paid": "payment_mismatch",
    "the order was paid twice": "duplicate_payment",
    "the refund is stuck": "refund_stuck",
    "the refund came back": "refund_abnormal",
}
STATUSES = {
    "is open": "created",
    "is paid": "succeeded",
    "is closed": "closed",
    "has failed": "failed",
    "has succeeded": "succeeded",
    "is paid late": "succeeded late",
}


def fen(yuan: str) -> int:
    return Money.from_yuan(yuan.replace(",", "")).fen


def any_of(words: Mapping[str, object]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


YUAN = r"(?P<amount>[\d,]+\.\d\d) yuan"
WHO = f"(?P<who>{any_of(PROVIDERS)})"
NTH = "(?P<nth>first|second)"
CONVERT: Mapping[str, Callable[[str], Any]] = {
    "amount": fen,
    "who": PROVIDERS.__getitem__,
    "nth": ORDINALS.__getitem__,
    "span": SECONDS.__getitem__,
    "trouble": TROUBLES.__getitem__,
    "times": int,
}


def says(pattern: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A sentence: amounts in yuan, providers and counts come to the step as values."""
    named = re.compile(pattern).groupindex
    converters = {name: read for name, read in CONVERT.items() if name in named}
    return step(parsers.re(pattern), converters=converters)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("dev")) as stack:
        yield stack


@pytest.fixture(params=["memory", "wire"])
def stage(request, run) -> Iterator[Stage]:
    if request.param == "memory":
        yield MemoryStage()
        return
    stage = WireStage(request.getfixturevalue("stack").started)
    run(stage.__aenter__())
    yield stage
    run(stage.__aexit__())


@pytest.fixture
def story(stage) -> Story:
    return Story(stage)


# The shop.


@says(f"an order of {YUAN} to be paid with {WHO}")
def an_order(story, amount, who):
    story.amount, story.provider = amount, who


@says(f"an open order of {YUAN} with {WHO}")
def an_open_order(run, story, amount, who):
    story.amount, story.provider = amount, who
    assert run(story.place()).view["action"]


@says(f"a paid order of {YUAN} with {WHO}")
def a_paid_order(run, story, amount, who):
    an_open_order(run, story, amount, who)
    assert run(story.stage.payer("pay", story.payment))
    assert run(story.payment_becomes(story.payment, "succeeded"))["status"] == "succeeded"


@step("the order is placed")
@step("the shop places the order again")
def the_order_is_placed(run, story):
    run(story.place())


@says(f"the price changes to {YUAN}")
def the_price_changes(run, story, amount):
    story.amount = amount
    run(story.place())


@says(f"the customer switches to {WHO}")
def the_customer_switches(run, story, who):
    story.provider = who
    run(story.place())


@step("the shop closes the order")
def the_shop_closes(run, story):
    run(story.close())


@says(f"the shop refunds {YUAN}")
def the_shop_refunds(run, story, amount):
    run(story.refund_part(amount))


@says(f"the shop refunds {YUAN} under the same refund number")
def the_shop_reuses_the_number(run, story, amount):
    run(story.refund_part(amount, refund_no=story.refund["refund_no"]))


@step("the shop tries the refund again")
def the_shop_tries_the_refund_again(run, story):
    run(story.refund_again())


@step("the shop repeats its request")
def the_shop_repeats(run, story):
    run(story.repeat())


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


@says(rf"the shop asks for (?P<times>\d+) refunds of {YUAN} at once")
def the_shop_asks_for_many_refunds(run, story, amount, times):
    story.replies.clear()
    run(story.at_once([story.new_refund(amount) for _ in range(times)]))


# The payer, the providers, and time.


@says("the payer (?P<action>pays|declines|scans the code)")
def the_payer_acts(run, story, action):
    verb = {"pays": "pay", "declines": "decline", "scans the code": "scan"}[action]
    assert run(story.stage.payer(verb, story.payment))


@says(f"the payer pays the {NTH} payment")
def the_payer_pays_one(run, story, nth):
    assert run(story.stage.payer("pay", story.payments[nth]))


@says(f"{WHO}(?P<trouble>{any_of(TROUBLES)})")
def a_provider_has_trouble(run, story, who, trouble):
    run(story.stage.trouble(trouble, who))


@says(f"the shop's account at {WHO} is empty")
def the_account_is_empty(run, story, who):
    run(story.stage.trouble(Trouble.NO_BALANCE, who))


@step("the payer's card is closed")
def the_card_is_closed(run, story):
    run(story.stage.trouble(Trouble.CARD_CLOSED, story.provider))


@says(f"a stranger calls before {WHO} does")
def a_stranger_calls_first(run, story, who):
    run(story.stage.trouble(Trouble.STRANGER_FIRST, who))


@step("a stranger claims that the order is paid", target_fixture="claim_taken")
def a_stranger_claims(run, story):
    return run(story.stage.forged_callback(story.payment))


@says(f"another till takes {YUAN} under the same number")
def another_till_takes(run, story, amount):
    run(story.stage.another_till_takes(amount, story.payment))


@says(f"(?P<span>{any_of(SECONDS)}) pass(es)?")
def time_passes(run, story, span):
    run(story.stage.time_passes(span))


@says(f"(?P<span>{any_of(SECONDS)}) later {WHO} works again")
def the_provider_works_again(run, story, span):
    run(story.stage.mend())
    run(story.stage.time_passes(span))


@step("the callback arrives at last")
def the_callback_arrives(run, story):
    """Providers repeat for a day what was not acknowledged."""
    run(story.stage.mend())
    run(story.stage.time_passes(DAY))


# What the shop hears and sees.


@says("the order (?P<state>is open|is paid|is closed|has failed)")
def the_order_is(run, story, state):
    _payment_is(run, story, story.payment, state)


@says(f"the {NTH} payment (?P<state>is open|is paid|is closed)")
def one_payment_is(run, story, nth, state):
    _payment_is(run, story, story.payments[nth], state)


@step("the order is being closed")
def the_order_is_being_closed(run, story):
    _payment_is_being_closed(run, story, story.payment)


@says(f"the {NTH} payment is being closed")
def one_payment_is_being_closed(run, story, nth):
    _payment_is_being_closed(run, story, story.payments[nth])


@then("the payer has a code to scan")
def the_payer_has_a_code(run, story):
    assert run(story.payment_once(lambda it: it["action"] is not None))["action"]


@then("the payer has no code yet")
def the_payer_has_no_code(run, story):
    assert run(story.stage.payment(story.payment))["action"] is None


@then("the payer can't pay any more")
def the_payer_cannot_pay(run, story):
    assert not run(story.stage.payer("pay", story.payment))


@says(f"the payer is charged {YUAN} once")
def the_payer_is_charged_once(run, story, amount):
    truth = run(story.stage.truth(story.payment))
    assert (truth.charges, truth.amount) == (1, amount)


@says(f"{WHO} knows of (?P<number>one|no) order")
def the_provider_knows_of(run, story, number):
    held = [
        run(story.stage.truth(each)).known for each in run(story.stage.payments(story.order_no))
    ]
    assert held == ([True] if number == "one" else [False])


@then("there is one payment for the order")
def there_is_one_payment(run, story):
    assert len(run(story.stage.payments(story.order_no))) == 1


@then("it is the same payment")
def it_is_the_same_payment(story):
    assert [reply.view["id"] for reply in story.replies] == [story.payment["id"]] * 2


@then("it is the same refund")
def it_is_the_same_refund(story):
    assert len(story.refunds) == 1
    assert story.replies[-1].view["id"] == story.refund["id"]


@then("the first payment names the second as its successor")
def the_first_names_the_second(run, story):
    first = run(story.stage.payment(story.payments[0]))
    assert first["superseded_by"] == story.payments[1]["id"]


@then("the first payment is the duplicate of the second")
def the_first_is_the_duplicate(run, story):
    first = run(story.stage.payment(story.payments[0]))
    assert first["duplicate_of"] == story.payments[1]["id"]


@says(f"the shop is told once that the order (?P<state>{any_of(STATUSES)})")
def the_shop_is_told_of_the_order(run, story, state):
    word = STATUSES[state]
    told = run(story.told_at_least(story.payment, word))
    assert told[-1:] == [word]
    assert told in ([word], ["closed", "succeeded late"])


@says(f"the shop is told once that the refund (?P<state>{any_of(STATUSES)})")
def the_shop_is_told_of_the_refund(run, story, state):
    word = STATUSES[state]
    assert run(story.told_at_least(story.refund, word)) == [word]


@then("the shop is told nothing about the refund")
def the_shop_is_told_nothing_of_the_refund(run, story):
    assert run(story.told(story.refund)) == []


@then("nothing has been announced")
def nothing_has_been_announced(run, story):
    for order in (*story.payments, *story.refunds):
        assert run(story.told(order)) == []


@says(f"the shop hears that (?P<refusal>{any_of(REFUSALS)})")
def the_shop_hears_that(story, refusal):
    assert story.replies[-1].refusal == REFUSALS[refusal]


@then("the shop hears the first answer again")
def the_shop_hears_the_first_answer_again(story):
    first, again = story.replies[-2:]
    assert again.replayed
    assert again.body == first.body


@then("all of them hear the same answer")
def all_hear_the_same_answer(story):
    assert {reply.refusal for reply in story.replies} == {None}
    assert len({reply.body for reply in story.replies}) == 1


@then("the claim is refused")
def the_claim_is_refused(claim_taken):
    assert not claim_taken


@says(f"an operator is told that (?P<incident>{any_of(INCIDENTS)})")
def an_operator_is_told(run, story, incident):
    async def read() -> list[str]:
        orders = (*story.payments, *story.refunds)
        return [kind for order in orders for kind in await story.stage.incidents(order)]

    assert run(story.stage.eventually(read, bool)) == [INCIDENTS[incident]]


# Refunds.


@step("the refund is under way")
@step("the refund waits its turn")
def the_refund_is_under_way(run, story):
    refund = run(story.stage.refund_now(story.refund))
    assert (refund["status"], refund["accepted_at"]) == ("created", None)


@step("the refund has failed")
def the_refund_has_failed(run, story):
    refund = run(story.refund_becomes("failed"))
    assert (refund["status"], refund["failure"]["code"]) == ("failed", "refused")


@step("the refund comes back")
def the_refund_comes_back(run, story):
    refund = run(story.refund_becomes("failed"))
    assert (refund["status"], refund["failure"]["code"]) == ("failed", "abnormal")


@says(f"the payer gets {YUAN} back")
def the_payer_gets_back(run, story, amount):
    assert run(story.returned_becomes(amount)) == amount


@then("nothing goes back to the payer")
def nothing_goes_back(run, story):
    run(story.stage.refunds_settle())
    run(story.stage.settle())
    assert run(story.returned()) == 0


@says(r"(?P<times>\d+) of them are granted")
def so_many_are_granted(story, times):
    assert sum(reply.refusal is None for reply in story.replies) == times


@says(f"the others hear that (?P<refusal>{any_of(REFUSALS)})")
def the_others_hear_that(story, refusal):
    assert {reply.refusal for reply in story.replies} == {None, REFUSALS[refusal]}


def _payment_is(run, story, payment, state):
    if state == "is open":
        run(story.stage.settle())
    status = STATUSES[state]
    assert run(story.payment_becomes(payment, status))["status"] == status


def _payment_is_being_closed(run, story, payment):
    now = run(story.stage.payment(payment))
    assert (now["status"], now["closing"]) == ("created", True)
