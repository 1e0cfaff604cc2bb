"""Refunds that somebody made on the provider's own site: kept, told, never lost."""

from dataclasses import replace

import pytest

from application.records import Filter
from application.views import refund_view
from domain.errors import RefundExceedsPayment
from domain.method import Method
from domain.money import Money
from tests.worlds import SHOP, seen


def the_refunds(run, world):
    page = run(world.store.library.refunds(Filter()))
    return [dict(refund_view(each)) for each in page.items]


def numbers(run, world, id):
    return run(world.payment(id))["provider_order_no"]


def refunded_elsewhere(run, world, id, amount, *, number="SITE-1"):
    order_no = numbers(run, world, id)
    world.wechat.merchant_refunds(order_no, number, Money(amount))
    world.wechat.refund_arrives(number)
    run(world.callback("refund", number))


def test_it_becomes_a_refund_of_ours_and_an_incident(run, world) -> None:
    id = run(world.paid())

    refunded_elsewhere(run, world, id, 3000)

    [refund] = the_refunds(run, world)
    assert (refund["status"], refund["amount"], refund["initiated_by"]) == (
        "succeeded",
        3000,
        "provider",
    )
    assert refund["provider_refund_no"] == "SITE-1"
    assert run(world.payment(id))["refunded_amount"] == 3000
    assert [each.kind for each in run(world.incidents())] == ["external_refund"]
    assert run(world.events())[-1].type == "basepay.refund.succeeded"


def test_it_is_kept_once_however_often_it_is_told(run, world) -> None:
    id = run(world.paid())
    refunded_elsewhere(run, world, id, 3000)

    for _ in range(3):
        run(world.callback("refund", "SITE-1"))

    assert len(the_refunds(run, world)) == 1
    assert run(world.payment(id))["refunded_amount"] == 3000


def test_what_went_back_there_can_not_be_granted_here(run, world) -> None:
    id = run(world.paid())
    refunded_elsewhere(run, world, id, 8000)

    with pytest.raises(RefundExceedsPayment):
        run(world.refund(id, amount=889))


def test_more_than_was_paid_is_kept_and_told(run, world) -> None:
    id = run(world.paid())
    run(world.refund(id, amount=8000))

    refunded_elsewhere(run, world, id, 1000)

    kinds = {each.kind for each in run(world.incidents())}
    assert kinds == {"external_refund", "refund_exceeds_payment"}


def test_it_waits_until_the_provider_confirms(run, world) -> None:
    id = run(world.paid())
    order_no = numbers(run, world, id)
    world.wechat.merchant_refunds(order_no, "SITE-1", Money(1))
    body = world.wechat.callback("refund", "SITE-1")
    world.wechat.stops_answering()
    run(world.app.receive_callback(world.wechat.provider, "wechat-main", {}, body))
    run(world.settle())
    assert the_refunds(run, world) == []
    world.wechat.behaves_again()

    run(world.sweep_after(seconds=2))

    assert len(the_refunds(run, world)) == 1


def test_a_payment_whose_callback_was_lost_is_learned_first(run, world) -> None:
    answer = run(world.pay())
    world.wechat.payer_pays(seen(answer)["provider_order_no"])

    refunded_elsewhere(run, world, answer.order_id, 500)

    payment = run(world.payment(answer.order_id))
    assert (payment["status"], payment["refunded_amount"]) == ("succeeded", 500)


def test_a_foreign_reversal_of_a_paid_charge_is_a_full_refund(run, world) -> None:
    answer = run(world.pay(method=Method.ALIPAY_CODE, payer={"auth_code": "284567890123456700"}))
    world.alipay.merchant_reverses(seen(answer)["provider_order_no"])

    run(world.app.get_payment(SHOP, answer.order_id, refresh=True))

    payment = run(world.payment(answer.order_id))
    assert (payment["status"], payment["refunded_amount"]) == ("succeeded", 8888)
    [refund] = the_refunds(run, world)
    assert refund["initiated_by"] == "provider"


def test_the_number_of_such_a_refund_may_come_later(run, world) -> None:
    answer = run(world.pay(method=Method.ALIPAY_CODE, payer={"auth_code": "284567890123456700"}))
    number = seen(answer)["provider_order_no"]
    world.alipay.merchant_reverses(number)
    run(world.app.get_payment(SHOP, answer.order_id, refresh=True))
    world.alipay.merchant_refunds(number, "SITE-9", Money(8888))
    world.alipay.refund_arrives("SITE-9")

    run(world.callback("refund", "SITE-9", account="alipay-main"))

    [refund] = the_refunds(run, world)
    assert refund["provider_refund_no"] == "SITE-9"
    assert run(world.payment(answer.order_id))["refunded_amount"] == 8888


def test_a_second_success_that_went_back_elsewhere_is_not_refunded_again(run, world) -> None:
    first = run(world.pay())
    world.wechat.stops_answering()
    second = run(world.pay("k2", method=Method.ALIPAY_QR))
    world.wechat.behaves_again()
    world.alipay.payer_pays(seen(second)["provider_order_no"])
    run(world.callback("payment", seen(second)["provider_order_no"], account="alipay-main"))
    number = seen(first)["provider_order_no"]
    world.wechat.payer_pays(number)
    said = world.wechat._outcome(number)
    world.wechat._outcome = lambda _: replace(said, returned=True)
    run(world.app.get_payment(SHOP, first.order_id, refresh=True))

    [refund] = the_refunds(run, world)
    assert refund["initiated_by"] == "provider"
    assert run(world.payment(first.order_id))["duplicate_of"] == second.order_id
    assert "refund" not in [call for call, _ in world.wechat.calls]
