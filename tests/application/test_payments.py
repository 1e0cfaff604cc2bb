"""Creating, refreshing, closing and superseding payments."""

import json
from datetime import timedelta

import pytest

from application.ports import Unavailable
from application.records import Caller
from domain.errors import (
    AccountRequired,
    InvalidRequest,
    NotFound,
    OrderAlreadyPaid,
    PaymentAlreadySucceeded,
)
from domain.events import EventType, IncidentKind
from domain.method import Method
from domain.money import Money
from tests.worlds import SHOP, seen


def test_a_new_payment_comes_with_what_the_payer_needs(run, world):
    answer = run(world.pay())

    assert answer.status == 201
    assert seen(answer)["action"]["type"] == "show_qr_code"
    assert seen(answer)["status"] == "created"


def test_a_callback_brings_success_and_one_event(run, world):
    number = seen(answer := run(world.pay()))["provider_order_no"]
    world.wechat.payer_pays(number)

    status = run(world.callback("payment", number))

    assert status == 200
    assert run(world.payment(answer.order_id))["status"] == "succeeded"
    [event] = run(world.events())
    assert (event.type, event.sequence) == (EventType.PAYMENT_SUCCEEDED, 2)
    assert json.loads(event.data) == run(world.payment(answer.order_id))


def test_a_repeated_callback_is_quiet(run, world):
    number = seen(run(world.pay()))["provider_order_no"]
    world.wechat.payer_pays(number)

    for _ in range(3):
        assert run(world.callback("payment", number)) == 200

    assert len(run(world.events())) == 1


def test_a_forged_callback_changes_nothing(run, world):
    number = seen(answer := run(world.pay()))["provider_order_no"]
    body = world.wechat.callback("payment", number, forged=True)

    reply = run(world.app.receive_callback(world.wechat.provider, "wechat-main", {}, body))

    assert reply.status == 400
    assert run(world.payment(answer.order_id))["status"] == "created"


def test_a_callback_that_cannot_be_kept_is_not_acknowledged(run, world, monkeypatch):
    async def put(callback: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(world.store.callbacks, "put", put)
    number = seen(run(world.pay()))["provider_order_no"]

    with pytest.raises(Unavailable):
        run(world.callback("payment", number))


def test_a_callback_of_another_account_cannot_pay_an_order(run, world):
    number = seen(answer := run(world.pay()))["provider_order_no"]
    world.alipay.book[number] = world.wechat.book[number]
    world.alipay.payer_pays(number)

    run(world.callback("payment", number, account="alipay-main"))

    assert run(world.payment(answer.order_id))["status"] == "created"
    assert [i.kind for i in run(world.incidents())] == [IncidentKind.UNKNOWN_ORDER]


def test_a_lost_callback_is_found_by_the_sweeper(run, world):
    answer = run(world.pay())
    world.wechat.payer_pays(seen(answer)["provider_order_no"])

    run(world.sweep_after(seconds=6))

    assert run(world.payment(answer.order_id))["status"] == "succeeded"


def test_a_lost_answer_leaves_the_payment_open_and_is_made_good(run, world):
    world.wechat.loses_answers()
    answer = run(world.pay())
    assert (answer.status, seen(answer)["action"]) == (202, None)
    assert run(world.events()) == []

    world.wechat.behaves_again()
    run(world.sweep_after(seconds=6))

    assert run(world.payment(answer.order_id))["action"]["type"] == "show_qr_code"
    assert len(world.wechat.book) == 1


def test_a_refusal_is_an_answer(run, world):
    world.wechat.refuses("NO_AUTH", "product not enabled")

    answer = run(world.pay())
    run(world.settle())

    assert (answer.status, seen(answer)["status"]) == (201, "failed")
    assert seen(answer)["failure"]["provider_code"] == "NO_AUTH"
    assert [e.type for e in run(world.events())] == [EventType.PAYMENT_FAILED]


def test_a_wrong_amount_is_not_booked_but_reported_once(run, world):
    number = seen(answer := run(world.pay()))["provider_order_no"]
    world.wechat.payer_pays(number, Money(1))

    for _ in range(2):
        run(world.callback("payment", number))

    assert run(world.payment(answer.order_id))["status"] == "created"
    assert [i.kind for i in run(world.incidents())] == [IncidentKind.PAYMENT_MISMATCH]


def test_an_order_nobody_pays_is_closed_at_the_provider_first(run, world):
    answer = run(world.pay())

    run(world.sweep_after(hours=2, seconds=1))

    assert world.wechat.book[seen(answer)["provider_order_no"]].state == "closed"
    assert run(world.payment(answer.order_id))["status"] == "closed"


def test_closing_confirms_at_the_provider(run, world):
    answer = run(world.pay())

    payment = run(world.app.close_payment(SHOP, answer.order_id))

    assert payment.status == "closed"
    assert run(world.app.close_payment(SHOP, answer.order_id)).status == "closed"


def test_closing_a_paid_order_tells_that_it_is_paid(run, world):
    answer = run(world.pay())
    world.wechat.payer_pays(seen(answer)["provider_order_no"])

    with pytest.raises(PaymentAlreadySucceeded):
        run(world.app.close_payment(SHOP, answer.order_id))

    assert run(world.payment(answer.order_id))["status"] == "succeeded"


def test_a_close_that_the_provider_cannot_confirm_stays_open(run, world):
    answer = run(world.pay())
    world.wechat.stops_answering()
    assert run(world.app.close_payment(SHOP, answer.order_id)).closing

    world.wechat.behaves_again()
    run(world.sweep_after(seconds=6))

    assert run(world.payment(answer.order_id))["status"] == "closed"


def test_money_that_comes_after_the_close_counts(run, world):
    answer = run(world.pay())
    run(world.app.close_payment(SHOP, answer.order_id))
    number = seen(answer)["provider_order_no"]
    world.wechat.payer_pays(number)

    run(world.callback("payment", number))

    view = run(world.payment(answer.order_id))
    assert (view["status"], view["late"]) == ("succeeded", True)
    assert [e.late for e in run(world.events())] == [False, True]


def test_the_same_open_order_is_the_same_payment(run, world):
    first = run(world.pay(key="k1"))

    again = run(world.pay(key="k2"))

    assert (again.status, again.order_id) == (200, first.order_id)


def test_another_price_supersedes_the_open_payment(run, world):
    first = run(world.pay(key="k1"))

    second = run(world.pay(key="k2", amount=5000))

    old = run(world.payment(first.order_id))
    assert second.status == 201
    assert (old["status"], old["superseded_by"]) == ("closed", second.order_id)


def test_a_customer_can_switch_away_from_a_dead_provider(run, world):
    first = run(world.pay(key="k1"))
    world.wechat.stops_answering()

    second = run(world.pay(key="k2", method=Method.ALIPAY_QR))

    old = run(world.payment(first.order_id))
    assert (second.status, old["status"], old["closing"]) == (201, "created", True)


def test_superseding_a_payment_that_was_just_paid_finds_that_out(run, world):
    first = run(world.pay(key="k1"))
    world.wechat.payer_pays(seen(first)["provider_order_no"])

    with pytest.raises(OrderAlreadyPaid) as refusal:
        run(world.pay(key="k2", amount=5000))

    assert refusal.value.payment_id == first.order_id


def test_of_two_paid_payments_the_second_is_refunded_by_itself(run, world):
    first = run(world.pay(key="k1"))
    world.wechat.stops_answering()
    second = run(world.pay(key="k2", method=Method.ALIPAY_QR))
    world.wechat.behaves_again()
    world.alipay.payer_pays(seen(second)["provider_order_no"])
    run(world.callback("payment", seen(second)["provider_order_no"], account="alipay-main"))
    world.wechat.payer_pays(seen(first)["provider_order_no"])

    run(world.callback("payment", seen(first)["provider_order_no"]))
    run(world.sweep_after(seconds=1))

    loser = run(world.payment(first.order_id))
    trade = world.wechat.book[seen(first)["provider_order_no"]]
    assert (loser["status"], loser["duplicate_of"]) == ("succeeded", second.order_id)
    assert [r.amount for r in trade.refunds.values()] == [Money(8888)]
    assert run(world.payment(second.order_id))["refunded_amount"] == 0


def test_a_second_success_too_old_to_refund_is_learned_all_the_same(run, world, monkeypatch):
    monkeypatch.setattr("domain.payment.REFUND_WINDOW", timedelta(seconds=-1))
    first = run(world.pay(key="k1"))
    world.wechat.stops_answering()
    second = run(world.pay(key="k2", method=Method.ALIPAY_QR))
    world.wechat.behaves_again()
    world.alipay.payer_pays(seen(second)["provider_order_no"])
    run(world.callback("payment", seen(second)["provider_order_no"], account="alipay-main"))
    world.wechat.payer_pays(seen(first)["provider_order_no"])

    run(world.callback("payment", seen(first)["provider_order_no"]))

    assert run(world.payment(first.order_id))["status"] == "succeeded"
    kinds = [incident.kind for incident in run(world.incidents())]
    assert kinds == [IncidentKind.DUPLICATE_PAYMENT, IncidentKind.DUPLICATE_NOT_REFUNDED]


def test_when_the_superseded_one_wins_its_successor_is_closed(run, world):
    first = run(world.pay(key="k1"))
    world.wechat.stops_answering()
    second = run(world.pay(key="k2", method=Method.ALIPAY_QR))
    world.wechat.behaves_again()
    world.wechat.payer_pays(seen(first)["provider_order_no"])

    run(world.callback("payment", seen(first)["provider_order_no"]))
    run(world.sweep_after(seconds=1))

    assert run(world.payment(second.order_id))["status"] == "closed"


def test_what_is_missing_is_named(run, world):
    with pytest.raises(InvalidRequest) as refusal:
        run(world.pay(method=Method.WECHAT_JSAPI, order_no="dup-1", expires_in=10))

    assert {e.field for e in refusal.value.errors} == {"payer.openid", "order_no", "expires_in"}


def test_an_unknown_account_is_refused_with_the_choices(run, world):
    with pytest.raises(AccountRequired) as refusal:
        run(world.pay(account="alipay-main"))

    assert refusal.value.choices == ("wechat-main",)


def test_another_apps_payment_is_not_found(run, world):
    answer = run(world.pay())

    with pytest.raises(NotFound):
        run(world.app.get_payment(Caller("other"), answer.order_id))

    assert run(world.app.get_payment(Caller("anna", operator=True), answer.order_id))


def test_a_refused_repetition_does_not_end_a_code_that_nobody_scanned(run, world):
    """Alipay denies an order until its code is scanned, so that it says so proves nothing."""
    world.alipay.loses_answers()
    answer = run(world.pay(method=Method.ALIPAY_QR))
    world.alipay.behaves_again()
    hidden = world.alipay.book.pop(seen(answer)["provider_order_no"])
    world.alipay.refuses("ACQ.ACCESS_FORBIDDEN", "not now")

    run(world.sweep_after(seconds=6))
    assert run(world.payment(answer.order_id))["status"] == "created"
    world.alipay.behaves_again()
    world.alipay.book[hidden.number] = hidden
    world.alipay.payer_pays(hidden.number)
    run(world.sweep_after(seconds=12))

    assert run(world.payment(answer.order_id))["status"] == "succeeded"
