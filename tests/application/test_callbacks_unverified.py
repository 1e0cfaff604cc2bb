"""The gateway took it as genuine; the process that applies it may not know the key yet."""

from adapters.providers.in_memory.provider import InMemoryProvider
from application.ports import CallbackRejected
from domain.events import IncidentKind
from tests.worlds import seen


def _unknown_key(*_):
    raise CallbackRejected("no key has this serial")


def _taken(run, world):
    """A payment that is paid, its callback in the queue."""
    answer = run(world.pay())
    number = seen(answer)["provider_order_no"]
    world.wechat.payer_pays(number)
    body = world.wechat.callback("payment", number)
    reply = run(world.app.receive_callback(world.wechat.provider, "wechat-main", {}, body))
    assert reply.status == 200
    return answer.order_id


def test_a_callback_waits_for_the_key_that_verifies_it(run, world, monkeypatch):
    payment = _taken(run, world)
    with monkeypatch.context() as before_it_is_fetched:
        before_it_is_fetched.setattr(InMemoryProvider, "read", _unknown_key)
        run(world.settle())
    assert run(world.payment(payment))["status"] == "created"
    world.clock.advance(2)

    run(world.settle())

    assert run(world.payment(payment))["status"] == "succeeded"
    assert run(world.incidents()) == []


def test_what_no_key_ever_verifies_is_dead_in_the_end(run, world, monkeypatch):
    payment = _taken(run, world)
    monkeypatch.setattr(InMemoryProvider, "read", _unknown_key)

    for _ in range(12):
        run(world.settle())
        world.clock.advance(600)

    assert run(world.payment(payment))["status"] == "created"
    assert [each.kind for each in run(world.incidents())] == [IncidentKind.DEAD_CALLBACK]
