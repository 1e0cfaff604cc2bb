"""The 1-fen switch: what is charged changes, what is owed does not."""

from application.records import Caller
from tests.worlds import MemoryWorld, seen

OLGA = Caller("olga", operator=True)


def switched_on(run) -> MemoryWorld:
    world = MemoryWorld()
    run(world.app.one_fen.turn(OLGA, on=True))
    return world


def test_a_payment_keeps_its_amount_and_charges_one_fen(run) -> None:
    world = switched_on(run)

    payment = seen(run(world.pay()))

    assert (payment["amount"], payment["charged_amount"]) == (8888, 1)
    assert world.wechat.book[payment["provider_order_no"]].amount.fen == 1


def test_a_payment_made_before_keeps_what_it_charges(run) -> None:
    world = MemoryWorld()
    id = run(world.pay()).order_id
    run(world.app.one_fen.turn(OLGA, on=True))

    again = run(world.pay("k2"))

    assert again.order_id == id
    assert seen(again)["charged_amount"] == 8888


def test_callbacks_are_held_against_what_was_charged(run) -> None:
    world = switched_on(run)
    payment = seen(run(world.pay()))
    world.wechat.payer_pays(payment["provider_order_no"])

    run(world.callback("payment", payment["provider_order_no"]))

    assert run(world.payment(payment["id"]))["status"] == "succeeded"


def test_refunds_in_parts_give_the_fen_back_with_the_last(run) -> None:
    world = switched_on(run)
    id = run(world.paid())

    first = run(world.refund(id, "r1", refund_no="RF-1", amount=8000))
    last = run(world.refund(id, "r2", refund_no="RF-2", amount=888))

    assert (first.status, seen(first)["status"], seen(first)["charged_amount"]) == (
        201,
        "succeeded",
        0,
    )
    assert seen(last)["charged_amount"] == 1
    assert [call for call, _ in world.wechat.calls].count("refund") == 1
    trade = world.wechat.book[run(world.payment(id))["provider_order_no"]]
    assert [returned.amount.fen for returned in trade.refunds.values()] == [1]
    assert run(world.payment(id))["refunded_amount"] == 8000


def test_a_share_of_nothing_is_announced_like_any_refund(run) -> None:
    world = switched_on(run)
    id = run(world.paid())

    answer = run(world.refund(id, amount=8000))
    run(world.settle())

    told = [event for event in run(world.events()) if event.order_id == answer.order_id]
    assert [event.type for event in told] == ["basepay.refund.succeeded"]


def test_where_nothing_can_be_switched_the_amount_is_charged(run) -> None:
    world = MemoryWorld(switches=False)
    run(world.app.one_fen.turn(OLGA, on=True))

    assert seen(run(world.pay()))["charged_amount"] == 8888


def test_a_refund_that_is_tried_again_takes_the_share_of_now(run) -> None:
    world = switched_on(run)
    id = run(world.paid())
    world.wechat.refuses_refunds("NO_AUTH", "switched off")
    run(world.refund(id, "r1", refund_no="RF-1", amount=8888))
    world.wechat.behaves_again()
    run(world.refund(id, "r2", refund_no="RF-2", amount=8000))
    world.wechat.refuses_refunds("NO_AUTH", "switched off")
    run(world.refund(id, "r3", refund_no="RF-3", amount=888))
    world.wechat.behaves_again()

    last = run(world.refund(id, "r4", refund_no="RF-3", amount=888))

    assert seen(last)["charged_amount"] == 1
    trade = world.wechat.book[run(world.payment(id))["provider_order_no"]]
    assert [returned.amount.fen for returned in trade.refunds.values()] == [1]
