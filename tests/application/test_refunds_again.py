"""A refund sent again: a refusal of the repetition does not undo what the first sending did."""

import pytest

from application.records import RefundNews
from domain.money import Money
from domain.outcome import RefundNotFound, Unknown
from tests.worlds import seen


def test_a_refused_repetition_is_not_believed_while_the_first_lives(run, world):
    payment = run(world.paid())
    world.wechat.loses_answers()
    answer = run(world.refund(payment))
    world.wechat.behaves_again()
    world.wechat.refuses_refunds("TRADE_NOT_ALLOW_REFUND", "no longer")

    run(world.sweep_after(seconds=6))

    assert run(world.refund_view(answer.order_id))["status"] == "created"
    world.wechat.behaves_again()
    world.wechat.refund_arrives(seen(answer)["provider_refund_no"])
    run(world.sweep_after(seconds=12))
    assert run(world.refund_view(answer.order_id))["status"] == "succeeded"


def test_a_refused_repetition_is_believed_where_the_first_never_came(run, world):
    payment = run(world.paid())
    world.wechat.stops_answering()
    answer = run(world.refund(payment))
    world.wechat.behaves_again()
    world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")

    run(world.sweep_after(seconds=6))
    assert run(world.refund_view(answer.order_id))["status"] == "created"  # it may not show yet

    run(world.sweep_after(seconds=60))

    assert run(world.refund_view(answer.order_id))["failure"]["code"] == "refused"


def test_a_later_sending_may_hide_as_long_as_the_first(run, world, monkeypatch):
    """The provider heard the second sending, long after the first, and does not show it yet."""
    payment = run(world.paid())
    world.wechat.stops_answering()
    answer = run(world.refund(payment))
    world.wechat.behaves_again()
    world.wechat.loses_answers()
    run(world.sweep_after(seconds=70))
    world.wechat.behaves_again()
    world.wechat.refuses_refunds("TRADE_NOT_ALLOW_REFUND", "no longer")
    with monkeypatch.context() as hidden:
        hidden.setattr(world.wechat, "query_refund", _shows_nothing)
        run(world.sweep_after(seconds=12))
        assert run(world.refund_view(answer.order_id))["status"] == "created"

    world.wechat.behaves_again()
    world.wechat.refund_arrives(seen(answer)["provider_refund_no"])
    run(world.sweep_after(seconds=60))
    assert run(world.refund_view(answer.order_id))["status"] == "succeeded"


def test_a_resumed_refund_does_not_believe_a_refusal_at_once(run, world, monkeypatch):
    payment = run(world.paid())
    ledger = world.app.create_refund._ledger
    monkeypatch.setattr(type(ledger), "learn_refund", _dies)
    with pytest.raises(ConnectionAbortedError):
        run(world.refund(payment))
    monkeypatch.undo()
    world.wechat.refuses_refunds("TRADE_NOT_ALLOW_REFUND", "no longer")
    world.clock.advance(60)

    answer = run(world.refund(payment))

    assert seen(answer)["status"] == "created"


async def _shows_nothing(*_):
    return RefundNotFound()


async def _dies(*_, **__):
    raise ConnectionAbortedError


def test_news_without_an_outcome_of_a_failed_refund_makes_basepay_ask(run, world, monkeypatch):
    payment = run(world.paid())
    world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")
    answer = run(world.refund(payment))
    number = seen(answer)["provider_refund_no"]
    world.wechat.behaves_again()
    order = run(world.payment(payment))["provider_order_no"]
    world.wechat.merchant_refunds(order, number, Money(1000))
    world.wechat.refund_arrives(number)
    news = RefundNews(number, order, Unknown("a refund was announced"))
    monkeypatch.setattr(world.wechat, "read", lambda _: news)

    run(world.callback("refund", number))

    assert run(world.refund_view(answer.order_id))["status"] == "succeeded"
