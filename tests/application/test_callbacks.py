"""What a callback that does not tell everything leads to."""

from application.records import NoNews, PaymentNews
from domain.outcome import Unknown
from tests.worlds import seen


def test_a_callback_that_leaves_something_open_makes_us_ask_at_once(run, world, monkeypatch):
    payment = seen(run(world.pay()))
    number = payment["provider_order_no"]
    monkeypatch.setattr(world.wechat, "read", lambda _: PaymentNews(number, Unknown("no time")))
    world.wechat.payer_pays(number)

    run(world.callback("payment", number))

    assert run(world.payment(payment["id"]))["status"] == "succeeded"


def test_a_callback_without_news_is_kept_as_evidence(run, world, monkeypatch):
    monkeypatch.setattr(world.wechat, "read", lambda _: NoNews())

    run(world.callback("payment", "any"))

    [evidence] = world.store._tables.evidence.where(lambda _: True)
    assert (evidence.source, evidence.order_id) == ("callback", None)
    assert evidence.body == world.wechat.callback("payment", "any")
