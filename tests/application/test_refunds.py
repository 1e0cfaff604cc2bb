"""Refunds: reserve before asking, follow what the provider proves."""

import asyncio
from datetime import timedelta

import pytest

from domain.errors import NotFound, PaymentNotSucceeded, RefundExceedsPayment, RefundNoReused
from domain.events import EventType, IncidentKind
from tests.worlds import MemoryWorld, seen


def test_a_refund_is_accepted_then_arrives(run, world):
    payment = run(world.paid())
    answer = run(world.refund(payment))
    assert (answer.status, seen(answer)["status"]) == (201, "created")
    world.wechat.refund_arrives(number := seen(answer)["provider_refund_no"])

    run(world.callback("refund", number))

    assert run(world.refund_view(answer.order_id))["status"] == "succeeded"
    assert run(world.payment(payment))["refunded_amount"] == 1000
    assert run(world.events())[-1].type == EventType.REFUND_SUCCEEDED


def test_an_unpaid_order_has_nothing_to_refund(run, world):
    answer = run(world.pay())

    with pytest.raises(PaymentNotSucceeded):
        run(world.refund(answer.order_id))


def test_another_apps_payment_cannot_be_refunded(run, world):
    payment = run(world.paid())

    with pytest.raises(NotFound):
        run(world.refund(payment, app="other"))


def test_racing_refunds_never_exceed_the_payment(run, world):
    payment = run(world.paid())

    async def race():
        asks = (world.refund(payment, key=f"r{n}", refund_no=f"RF-{n}") for n in range(20))
        return await asyncio.gather(*asks, return_exceptions=True)

    results = run(race())

    refused = [r for r in results if isinstance(r, RefundExceedsPayment)]
    assert (len(refused), len(results)) == (12, 20)
    trade = next(iter(world.wechat.book.values()))
    assert sum(r.amount.fen for r in trade.refunds.values()) == 8000


def test_a_refused_refund_frees_its_reserve_and_may_be_tried_again(run, world):
    payment = run(world.paid())
    world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")
    first = run(world.refund(payment, amount=8888))
    assert seen(first)["failure"]["code"] == "refused"
    world.wechat.behaves_again()

    second = run(world.refund(payment, key="r2", amount=8888))

    assert second.order_id == first.order_id
    assert (second.status, seen(second)["status"]) == (201, "created")
    assert len(next(iter(world.wechat.book.values())).refunds) == 1


def test_the_same_refund_again_is_the_same_refund(run, world):
    payment = run(world.paid())
    first = run(world.refund(payment))

    again = run(world.refund(payment, key="r2"))

    assert (again.status, again.order_id) == (200, first.order_id)


def test_a_refund_number_names_one_refund(run, world):
    payment = run(world.paid())
    run(world.refund(payment))

    with pytest.raises(RefundNoReused):
        run(world.refund(payment, key="r2", amount=2000))


def test_an_empty_merchant_balance_is_waited_out(run, world):
    payment = run(world.paid())
    world.wechat.has_no_balance()
    answer = run(world.refund(payment))
    assert (answer.status, seen(answer)["status"]) == (202, "created")

    run(world.sweep_after(hours=1, minutes=1))
    assert [i.kind for i in run(world.incidents())] == [IncidentKind.REFUND_STUCK]

    world.wechat.behaves_again()
    run(world.sweep_after(hours=1))
    assert run(world.refund_view(answer.order_id))["accepted_at"]


def test_a_lost_answer_to_a_refund_never_refunds_twice(run, world):
    payment = run(world.paid())
    world.wechat.loses_answers()
    answer = run(world.refund(payment))
    assert answer.status == 202
    world.wechat.behaves_again()
    run(world.sweep_after(seconds=6))

    trade = next(iter(world.wechat.book.values()))
    assert len(trade.refunds) == 1
    assert run(world.refund_view(answer.order_id))["accepted_at"]


def test_refunds_of_one_payment_keep_the_providers_distance(run):
    world = MemoryWorld(refund_spacing=timedelta(minutes=1))
    payment = run(world.paid())
    first = run(world.refund(payment, key="r1", refund_no="RF-1"))
    second = run(world.refund(payment, key="r2", refund_no="RF-2"))
    assert (first.status, second.status) == (201, 202)

    run(world.sweep_after(seconds=30))
    assert run(world.refund_view(second.order_id))["accepted_at"] is None
    run(world.sweep_after(seconds=31))
    assert run(world.refund_view(second.order_id))["accepted_at"]


def test_money_that_cannot_reach_the_payer_goes_to_a_person(run, world):
    payment = run(world.paid())
    answer = run(world.refund(payment))
    world.wechat.refund_bounces(number := seen(answer)["provider_refund_no"])

    run(world.callback("refund", number))

    view = run(world.refund_view(answer.order_id))
    assert (view["status"], view["failure"]["code"]) == ("failed", "abnormal")
    assert [i.kind for i in run(world.incidents())] == [IncidentKind.REFUND_ABNORMAL]
    with pytest.raises(RefundExceedsPayment):
        run(world.refund(payment, key="r2", refund_no="RF-2", amount=8888))
