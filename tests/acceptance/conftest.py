"""The stages, and the sentences that several features share; each means the same everywhere."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import step, then

from domain.method import Method
from tests.acceptance.memory import MemoryStage
from tests.acceptance.stack import Stack
from tests.acceptance.stage import METHODS, Stage
from tests.acceptance.story import Story
from tests.acceptance.wire import WireStage
from tests.acceptance.words import (
    INCIDENTS,
    REFUSALS,
    SECONDS,
    STATUSES,
    TROUBLES,
    WHO,
    YUAN,
    any_of,
    says,
)

#: Both providers repeat for a day what was not acknowledged.
DAY = 86_400


#: Of the table of methods, what the cluster plays where time is short; `WHOLE_TABLE=1`: all of it.
SLICE = (Method.WECHAT_NATIVE, Method.ALIPAY_CODE)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every feature is played on every stage; the table's cells on the cluster in part."""
    if os.environ.get("WHOLE_TABLE") != "1":
        left_out = [item for item in items if _is_left_out(item)]
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


def _is_left_out(item: pytest.Item) -> bool:
    played = getattr(getattr(item, "callspec", None), "params", {})
    return played.get("stage") == "cluster" and played.get("method", SLICE[0]) not in SLICE


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("dev")) as stack:
        yield stack


@pytest.fixture(scope="session")
def cluster() -> Iterator[Stack]:
    # Not pytest's own folder, which is closed to the user that PostgreSQL runs as.
    folder = tempfile.TemporaryDirectory(prefix="cluster-")
    with folder, Stack(Path(folder.name), cluster=True) as stack:
        yield stack


@pytest.fixture(params=["memory", "wire", "cluster"])
def stage(request, run) -> Iterator[Stage]:
    if request.param == "memory":
        yield MemoryStage()
        return
    stacks = {"wire": "stack", "cluster": "cluster"}
    stage = WireStage(request.getfixturevalue(stacks[request.param]).started)
    run(stage.__aenter__())
    yield stage
    run(stage.__aexit__())


@pytest.fixture
def story(stage) -> Story:
    return Story(stage)


# The shop.


@says(f"an order of {YUAN} to be paid with {WHO}")
def an_order(story, amount, who):
    story.amount = amount
    story.by(METHODS[who])


@says(f"an open order of {YUAN} with {WHO}")
def an_open_order(run, story, amount, who):
    story.amount = amount
    story.by(METHODS[who])
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


@step("the shop closes the order")
def the_shop_closes(run, story):
    run(story.close())


@says(f"the shop refunds {YUAN}")
def the_shop_refunds(run, story, amount):
    run(story.refund_part(amount))


@step("the shop tries the refund again")
def the_shop_tries_the_refund_again(run, story):
    run(story.refund_again())


@step("the shop repeats its request")
def the_shop_repeats(run, story):
    run(story.repeat())


# The payer, the providers, and time.


@says("the payer (?P<action>pays|declines|scans the code)")
def the_payer_acts(run, story, action):
    verb = {"pays": "pay", "declines": "decline", "scans the code": "scan"}[action]
    assert run(story.stage.payer(verb, story.payment))


@says(f"{WHO}(?P<trouble>{any_of(TROUBLES)})")
def a_provider_has_trouble(run, story, who, trouble):
    run(story.stage.trouble(trouble, who))


@says(f"(?P<span>{any_of(SECONDS)}) pass(es)?")
def time_passes(run, story, span):
    run(story.stage.time_passes(span))


@says(f"(?P<span>{any_of(SECONDS)}) later {WHO} works again")
def the_provider_works_again(run, story, span):
    run(story.stage.mend())
    run(story.stage.time_passes(span))


@step("the callback arrives at last")
def the_callback_arrives(run, story):
    run(story.stage.mend())
    run(story.stage.time_passes(DAY))


# What the shop hears and sees.


@says("the order (?P<state>is open|is paid|is closed|has failed)")
def the_order_is(run, story, state):
    status = STATUSES[state]
    assert run(story.payment_becomes(story.payment, status))["status"] == status


@step("the order is being closed")
def the_order_is_being_closed(run, story):
    now = run(story.stage.payment(story.payment))
    assert (now["status"], now["closing"]) == ("created", True)


@then("the payer has a code to scan")
def the_payer_has_a_code(run, story):
    assert run(story.payment_once(lambda it: it["action"] is not None))["action"]


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


@then("it is the same refund")
def it_is_the_same_refund(story):
    assert len(story.refunds) == 1
    assert story.replies[-1].view["id"] == story.refund["id"]


@says(f"the shop is told once that the order (?P<state>{any_of(STATUSES)})")
def the_shop_is_told_of_the_order(run, story, state):
    word = STATUSES[state]
    expected = ["closed", word] if word.endswith("late") else [word]
    assert run(story.told_at_least(story.payment, word)) == expected


@says(f"the shop is told once that the refund (?P<state>{any_of(STATUSES)})")
def the_shop_is_told_of_the_refund(run, story, state):
    word = STATUSES[state]
    assert run(story.told_at_least(story.refund, word)) == [word]


@then("nothing has been announced")
def nothing_has_been_announced(run, story):
    for order in (*story.payments, *story.refunds):
        assert run(story.told(order)) == []


@says(f"the shop hears that (?P<refusal>{any_of(REFUSALS)})")
def the_shop_hears_that(story, refusal):
    assert story.replies[-1].refusal == REFUSALS[refusal]


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


@says(f"the payer gets {YUAN} back")
def the_payer_gets_back(run, story, amount):
    assert run(story.returned_becomes(amount)) == amount


@says(f"{YUAN} of the order are refunded")
def so_much_is_refunded(run, story, amount):
    run(story.stage.refunds_settle())
    now = run(story.payment_once(lambda it: it["refunded_amount"] == amount))
    assert now["refunded_amount"] == amount


@step("nothing goes back to the payer")
def nothing_goes_back(run, story):
    run(story.stage.refunds_settle())
    run(story.stage.settle())
    assert run(story.returned()) == 0
