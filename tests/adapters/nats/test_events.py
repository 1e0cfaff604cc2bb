"""What a publisher promises, held against both; and how events look on the bus."""

import asyncio
import json

import pytest

from adapters.in_process.publisher import InProcessPublisher
from adapters.nats import events as events_module
from application.views import event_view
from tests.adapters.nats.reading import back, ids, published


@pytest.fixture(params=["in process", "nats"])
def publisher(request):
    if request.param == "in process":
        return InProcessPublisher()
    return request.getfixturevalue("events")


def test_what_is_taken_is_told(run, publisher, make):
    messages = [make.message() for _ in range(200)]

    assert sorted(run(publisher.publish(messages))) == [message.id for message in messages]


def test_nothing_is_taken_of_nothing(run, publisher):
    assert list(run(publisher.publish([]))) == []


def test_the_same_again_is_taken_again(run, publisher, make):
    message = make.message()
    run(publisher.publish([message]))

    assert list(run(publisher.publish([message]))) == [message.id]


def test_an_event_travels_as_a_cloud_event_under_its_app_and_outcome(run, events, platform, make):
    message = make.message(late=True)
    run(events.publish([message]))
    (found,) = run(published(platform))

    assert found.subject == "basepay.events.shop.payment.succeeded"
    assert found.headers["Nats-Msg-Id"] == message.id
    assert found.headers["Content-Type"] == "application/cloudevents+json"
    assert json.loads(found.data) == event_view(message)


def test_the_stream_holds_an_id_once(run, events, platform, make):
    message = make.message()
    run(events.publish([message]))
    run(events.publish([message]))

    assert run(ids(platform)) == [message.id]


def test_the_events_of_an_order_keep_their_order(run, events, platform, make):
    messages = [make.message(order_id=f"pay_{n % 7}", sequence=n) for n in range(210)]
    run(events.publish(messages))
    found = [json.loads(each.data) for each in run(published(platform))]

    for order in range(7):
        sequences = [each["sequence"] for each in found if each["subject"] == f"pay_{order}"]
        assert sequences == list(range(order, 210, 7))


def test_behind_an_event_that_is_not_acknowledged_its_order_waits(run, events, make, monkeypatch):
    first, second = (make.message(order_id="pay_1") for _ in range(2))
    other = make.message()
    send = events_module._publish

    async def lose_the_first(context, message):
        if message is first:
            return asyncio.get_running_loop().create_future()
        return await send(context, message)

    monkeypatch.setattr(events_module, "_publish", lose_the_first)
    monkeypatch.setattr(events_module, "ACK_SECONDS", 0.2)

    assert list(run(events.publish([first, second, other]))) == [other.id]


def test_no_more_than_so_many_are_under_way(run, events, make, monkeypatch):
    monkeypatch.setattr(events_module, "IN_FLIGHT", 3)
    send, under_way, most = events_module._publish, 0, 0

    async def counted(context, message):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        ack = await send(context, message)

        def done(_):
            nonlocal under_way
            under_way -= 1

        ack.add_done_callback(done)
        return ack

    monkeypatch.setattr(events_module, "_publish", counted)
    run(events.publish([make.message() for _ in range(20)]))

    assert most == 3


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_silent_broker_takes_nothing_and_is_caught_up_with(
    run, events, platform, nats_server, make, monkeypatch, fault
):
    monkeypatch.setattr(events_module, "ACK_SECONDS", 0.2)
    messages = [make.message() for _ in range(100)]
    run(events.publish(messages[:10]))
    getattr(nats_server, fault)()

    assert list(run(events.publish(messages))) == []

    monkeypatch.setattr(events_module, "ACK_SECONDS", 30.0)
    nats_server.start() if fault == "kill" else nats_server.resume()
    run(back(platform))
    assert len(run(events.publish(messages))) == 100
    assert sorted(run(ids(platform))) == [message.id for message in messages]
