"""Every story is told again and again, and each time basepay dies at another moment of it."""

import asyncio
from datetime import timedelta

import pytest

from application.idempotency import LEASE
from tests.simulation import stories
from tests.simulation.asking import Asked, an_order
from tests.simulation.invariants import check_always, check_settled
from tests.simulation.process import Appointed, Died, Verdict
from tests.simulation.stories import Story
from tests.simulation.virtual_time import VirtualLoop
from tests.simulation.world import SimulatedWorld

#: At how many moments, at least, each story can be cut; fewer means that some are not seen.
MOMENTS: dict[Story, int] = {
    stories.a_payment_is_paid: 50,
    stories.the_answer_is_lost: 50,
    stories.the_provider_refuses: 50,
    stories.a_code_is_charged: 40,
    stories.another_price_supersedes: 50,
    stories.the_superseded_one_was_paid: 35,
    stories.both_are_paid: 140,
    stories.a_duplicate_stays: 150,
    stories.an_order_is_closed: 35,
    stories.the_close_comes_too_late: 35,
    stories.the_money_comes_after_the_close: 45,
    stories.nobody_pays: 40,
    stories.a_link_is_renewed: 50,
    stories.a_link_cannot_be_renewed: 55,
    stories.too_little_is_paid: 30,
    stories.a_refund_arrives: 70,
    stories.the_answer_to_a_refund_is_lost: 90,
    stories.refunds_queue: 150,
    stories.a_refused_refund_is_tried_again: 95,
    stories.a_refund_bounces: 70,
    stories.twins_ask: 55,
    stories.a_password_is_typed: 75,
    stories.a_code_waits_too_long: 90,
    stories.a_code_is_paid_unheard: 115,
    stories.a_charge_is_closed: 65,
    stories.a_charge_is_closed_too_late: 55,
    stories.a_second_code_is_asked_for: 70,
    stories.nobody_opens_a_link: 100,
    stories.a_link_is_opened_and_paid: 55,
    stories.a_link_is_closed_unopened: 70,
    stories.a_link_is_left_for_a_code: 125,
    stories.a_refund_is_made_elsewhere: 135,
    stories.a_refund_elsewhere_is_heard_of_first: 100,
    stories.a_charge_is_reversed_elsewhere: 100,
    stories.ours_is_refused_after_theirs: 170,
    stories.a_search_wants_patience: 200,
    stories.a_bounced_refund_is_mended: 115,
    stories.a_bounced_refund_is_closed: 150,
    stories.one_fen_goes_back_in_parts: 155,
    stories.a_provider_wants_patience: 125,
}

#: Every call by which a story can leave the process.
CALLS = {
    *("store.orders.find", "store.requests.find", "store.commit"),
    *("store.payments.get", "store.payments.numbered"),
    *("store.refunds.get", "store.refunds.named", "store.refunds.numbered"),
    *("queue.put", "queue.take", "queue.done", "queue.postpone"),
    *("agenda.due_payments", "agenda.due_refunds"),
    *("outbox.waiting", "stream.publish", "outbox.published"),
    *("switches.one_fen", "switches.turn_one_fen"),
}
ASKS = {"start", "query", "close", "refund", "query_refund", "look_up"}


def tell(story: Story, fate: Appointed) -> Appointed:
    """One telling to the end, with every promise checked after each death and at the end."""

    async def whole() -> None:
        spacing = timedelta(minutes=1) if story is stories.refunds_queue else timedelta(0)
        world = SimulatedWorld(fate, refund_spacing=spacing, at_rest=check_always)
        await story(world)
        check_always(world)
        await world.settle()
        check_settled(world)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())
    return fate


def moments(story: Story) -> int:
    """How many moments the story has when nothing goes wrong."""
    return len(tell(story, Appointed()).moments)


@pytest.mark.parametrize("story", list(MOMENTS), ids=lambda story: story.__name__)
@pytest.mark.parametrize("verdict", [Verdict.DIE, Verdict.FAIL], ids=["dies", "fails"])
def test_every_moment_can_be_the_last(story: Story, verdict: Verdict) -> None:
    count = moments(story)

    assert count >= MOMENTS[story]
    for at in range(1, count + 1):
        fate = Appointed(at, verdict=verdict)
        try:
            tell(story, fate)
        except BaseException as error:
            struck = fate.moments[at - 1]
            error.add_note(f"{story.__name__}: {verdict.name} at {at} of {count}: {struck}")
            raise
        assert fate.all_came


def test_every_call_that_leaves_the_process_is_among_the_moments() -> None:
    told = [tell(story, Appointed()).moments for story in MOMENTS]

    calls = {moment.partition(" ")[2] for moments in told for moment in moments}
    providers = {call for call in calls if call.startswith(("wechat-main", "alipay-main"))}
    assert calls - providers == CALLS
    assert {call.partition(".")[2] for call in providers} == ASKS


def test_a_refused_repetition_does_not_end_an_order_that_lives_at_the_provider() -> None:
    async def dies_after_asking(moment: str) -> Verdict:
        asked = moment == "after wechat-main.start"
        return Verdict.DIE if asked and not world.strikes else Verdict.GO_ON

    world = SimulatedWorld(dies_after_asking, at_rest=check_always)

    async def whole() -> None:
        asked = Asked("payments", "k1", an_order())
        with pytest.raises(Died):
            await world.ask(asked)
        world.mourn()
        world.wechat.refuses("RULE_LIMIT", "not now")
        await asyncio.sleep(LEASE.total_seconds())
        await world.ask(asked)
        check_always(world)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


@pytest.mark.parametrize("story", list(MOMENTS), ids=lambda story: story.__name__)
def test_it_may_die_again_while_it_recovers(story: Story) -> None:
    for at in range(1, moments(story) + 1, 3):
        again = at + 1 + at % 7

        assert tell(story, Appointed(at, again)).moments
