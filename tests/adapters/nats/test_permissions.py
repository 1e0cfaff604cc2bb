"""An app reads its own events, and can do nothing else: tried with real users on a real server."""

import asyncio
import json

import nats
import pytest
from nats.js.api import ConsumerConfig

from adapters.nats.declared import EVENTS, app_consumer, declare_app
from adapters.nats.permissions import BASEPAY_USER, app_user, inbox_of
from tests.servers.nats import NatsServer


@pytest.fixture
def nats_server():
    basepay = BASEPAY_USER.replace("…", "b")
    users = "\n".join([basepay, app_user("shop", "s"), app_user("cafe", "c")])
    server = NatsServer(sync="2m", users=f"authorization {{ users: [\n{users}\n] }}")
    yield server
    server.remove()


@pytest.fixture
def platform(run, connect, nats_server):
    platform = connect(nats_server.url("basepay:b"))
    for app in ("shop", "cafe"):
        run(declare_app(platform.context(), app))
    return platform


@pytest.fixture
def shop(run, platform, nats_server):
    """The shop's own connection; what the server refuses it."""
    refused = []

    async def note(error):
        refused.append(str(error))

    connection = run(
        nats.connect(nats_server.url("shop:s"), inbox_prefix=inbox_of("shop"), error_cb=note)
    )
    connection.refused = refused
    yield connection
    run(connection.close())


async def read(connection, app, count):
    subscription = await connection.jetstream().pull_subscribe_bind(app_consumer(app), EVENTS)
    return await subscription.fetch(count, timeout=60)


def test_an_app_reads_its_own_events_and_no_others(run, events, shop, make):
    of_shop = [make.message(), make.message()]
    run(events.publish([make.message(app="cafe"), *of_shop, make.message(app="cafe")]))

    async def story():
        messages = await read(shop, "shop", 2)
        for message in messages:
            await message.ack_sync()
        return [json.loads(message.data)["id"] for message in messages]

    assert run(story()) == [message.id for message in of_shop]
    consumer = run(events._platform.context().consumer_info(EVENTS, app_consumer("shop")))
    assert (consumer.num_pending, consumer.num_ack_pending) == (0, 0)


async def _publishes_an_event(shop):
    await shop.jetstream(timeout=0.5).publish("basepay.events.shop.payment.succeeded", b"{}")


async def _sends_a_callback(shop):
    await shop.jetstream(timeout=0.5).publish("basepay.callbacks.wechat.wechat-main", b"{}")


async def _reads_as_another(shop):
    subscription = await shop.jetstream().pull_subscribe_bind(app_consumer("cafe"), EVENTS)
    await subscription.fetch(1, timeout=0.5)


async def _makes_a_consumer(shop):
    config = ConsumerConfig(durable_name="own", filter_subject="basepay.events.cafe.>")
    await shop.jetstream(timeout=0.5).add_consumer(EVENTS, config)


async def _deletes_its_consumer(shop):
    await shop.jetstream(timeout=0.5).delete_consumer(EVENTS, app_consumer("shop"))


async def _reads_the_stream(shop):
    await shop.jetstream(timeout=0.5).get_msg(EVENTS, 1)


async def _purges_the_stream(shop):
    await shop.jetstream(timeout=0.5).purge_stream(EVENTS)


async def _listens(shop):
    subscription = await shop.subscribe("basepay.events.>")
    await subscription.next_msg(timeout=0.5)


async def _listens_to_answers(shop):
    subscription = await shop.subscribe(f"{inbox_of('cafe')}.>")
    await subscription.next_msg(timeout=0.5)


@pytest.mark.parametrize(
    "subject", ["basepay.events.cafe.payment.succeeded", "basepay.callbacks.wechat.wechat-main"]
)
def test_an_app_cannot_have_its_events_delivered_into_a_stream(run, events, shop, make, subject):
    run(events.publish([make.message()]))

    async def story():
        ask = f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.{app_consumer('shop')}"
        await shop.publish(ask, b'{"batch": 1, "expires": 1000000000}', reply=subject)
        await shop.flush()
        await asyncio.sleep(0.3)
        infos = await events._platform.context().streams_info()
        return {info.config.name: info.state.messages for info in infos}

    assert run(story()) == {
        "BASEPAY_EVENTS": 1,
        "BASEPAY_CALLBACKS": 0,
        "BASEPAY_DEAD_CALLBACKS": 0,
    }


@pytest.mark.parametrize(
    "attempt",
    [
        _publishes_an_event,
        _sends_a_callback,
        _reads_as_another,
        _makes_a_consumer,
        _deletes_its_consumer,
        _reads_the_stream,
        _purges_the_stream,
        _listens,
        _listens_to_answers,
    ],
)
def test_an_app_can_do_nothing_else(run, events, shop, make, attempt):
    run(events.publish([make.message(app="cafe")]))
    with pytest.raises((nats.errors.Error, nats.js.errors.Error, TimeoutError)):
        run(attempt(shop))
    run(shop.flush(60))  # the server has said everything by then

    assert any("permissions violation" in text.lower() for text in shop.refused)
    info = run(events._platform.context().stream_info(EVENTS))
    assert (info.state.messages, info.state.consumer_count) == (1, 2)
