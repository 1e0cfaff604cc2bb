"""Events on their way to apps' receivers: in order per order, until taken or given up."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from adapters.webhooks.vault import AesVault
from application.app import App
from application.deliver_webhooks import LEASE, WIDEST, DeliverWebhooks
from application.ports import Unavailable
from application.records import Caller
from application.webhook_ports import DeliveryFilter
from domain.events import EventType, IncidentKind
from domain.webhook import JITTER, PAUSES, Answer, DeliveryStatus, EndpointStatus
from entrypoints.worker import Wakeups, work
from tests.adapters.persistence.making import Make
from tests.receivers import answering, silent
from tests.worlds import SHOP, MemoryWorld

URL, OTHER = "https://shop.example/hooks", "https://other.example/hooks"
DAYS = 4


@pytest.fixture
def world():
    return MemoryWorld()


@pytest.fixture
def subscribe(run, world):
    def subscribed(url=URL, *types, app=SHOP):
        endpoint, _ = run(world.app.webhook_endpoints.create(app, url, types))
        return endpoint.id

    return subscribed


@pytest.fixture
def publish(run, world):
    """Payments that succeed, and their events published."""

    def published(*order_nos, app="shop"):
        for order_no in order_nos:
            run(world.paid(order_no=order_no, app=app))
        run(world.settle())
        return [message.id for message in run(world.events())]

    return published


@pytest.fixture
def deliver(run, world):
    """Send what is due now, until nothing is."""

    async def all_of_it():
        while await world.app.deliver_webhooks():
            pass

    return lambda: run(all_of_it())


@pytest.fixture
def log(run, world):
    return lambda id: run(world.store.webhooks.log.page(DeliveryFilter(id, limit=200))).items


@pytest.fixture
def days_pass(run, world, log, deliver):
    """Let four days go by, waking whenever something is due."""

    def passed(*endpoints):
        end = world.clock.now() + timedelta(days=DAYS)
        while True:
            deliver()
            waiting = [
                each.due_at
                for id in endpoints
                for each in log(id)
                if each.status is DeliveryStatus.WAITING
            ]
            coming = [at for at in waiting if world.clock.now() < at < end]
            if not coming:
                return
            missing = (min(coming) - world.clock.now()).total_seconds()
            world.clock.advance(max(missing, 0) + 0.001)  # wall time has passed meanwhile, too

    return passed


def test_an_event_goes_to_every_endpoint_of_its_app_that_wants_it(
    run, world, subscribe, publish, deliver
):
    subscribe()
    subscribe(OTHER, EventType.PAYMENT_CLOSED)
    subscribe("https://rival.example", app=Caller("rival"))
    [event] = publish("SO-1")

    deliver()

    assert [(post.url, post.id) for _, post in world.receivers.posts] == [(URL, event)]
    [view] = [post.body for _, post in world.receivers.posts]
    assert b'"specversion":"1.0"' in view


def test_apps_that_share_a_batch_do_not_share_events(run, world, subscribe, deliver):
    subscribe()
    subscribe(OTHER, app=Caller("rival"))
    ours, theirs = Make().message(), Make(count=9).message(app="rival")

    async def commit():
        async with world.store.work() as work:
            work.append(ours)
            work.append(theirs)
            await work.commit()

    run(commit())
    run(world.settle())
    deliver()

    assert world.receivers.ids(URL) == [ours.id]
    assert world.receivers.ids(OTHER) == [theirs.id]


def test_what_was_published_before_the_endpoint_is_not_sent(subscribe, publish, deliver, world):
    publish("SO-1")
    subscribe()

    deliver()

    assert world.receivers.posts == []


def test_a_silent_receiver_is_asked_on_schedule_for_two_days_and_then_given_up(
    run, world, subscribe, publish, days_pass, log
):
    id = subscribe()
    world.receivers.behaves(URL, silent)
    [event] = publish("SO-1")

    days_pass(id)

    times = world.receivers.times(URL)
    assert world.receivers.ids(URL) == [event] * len(PAUSES)
    for pause, before, after in zip(PAUSES[1:], times, times[1:], strict=False):
        assert abs((after - before).total_seconds() - pause) <= JITTER * pause + 0.5
    [delivery] = log(id)
    assert delivery.status is DeliveryStatus.GIVEN_UP
    [incident] = run(world.incidents())
    assert (incident.kind, incident.app) == (IncidentKind.WEBHOOK_GIVEN_UP, "shop")
    assert event in incident.detail


def test_after_a_success_nothing_more_is_sent(world, subscribe, publish, days_pass):
    id = subscribe()
    world.receivers.behaves(URL, answering(500))
    publish("SO-1")
    world.receivers.behaves(URL, turns_good(3))

    days_pass(id)

    assert len(world.receivers.ids(URL)) == 3


def turns_good(attempt):
    count = iter(range(1, 100))
    return lambda _: Answer(200 if next(count) >= attempt else 500, "", 1)


def test_a_dead_receiver_gives_up_many_events_and_tells_operators_once(
    run, world, subscribe, publish, days_pass, log
):
    id = subscribe()
    world.receivers.behaves(URL, answering(500))
    publish(*(f"SO-{number}" for number in range(20)))

    days_pass(id)

    assert {each.status for each in log(id)} == {DeliveryStatus.GIVEN_UP}
    assert [each.kind for each in run(world.incidents())] == [IncidentKind.WEBHOOK_GIVEN_UP]


def test_what_was_given_up_is_delivered_on_request(
    run, world, subscribe, publish, days_pass, deliver, log
):
    id = subscribe()
    world.receivers.behaves(URL, silent)
    [event] = publish("SO-1")
    days_pass(id)
    world.receivers.behaves(URL, answering(204))

    run(world.app.redeliver_events.one(SHOP, event))
    deliver()

    again, first = log(id)
    assert (again.status, first.status) == (DeliveryStatus.DELIVERED, DeliveryStatus.GIVEN_UP)
    assert run(world.store.webhooks.endpoints.get(id)).giving_up_since is None


def test_an_undelivered_event_holds_back_its_own_order_only(
    run, world, subscribe, publish, days_pass
):
    """A payment closes and is then proven paid after all: two events of one order."""
    id = subscribe()
    refused: set[str] = set()

    def refuses_the_first_event_twice(post):
        first = not refused or post.id in refused
        if first and len([each for each in world.receivers.ids(URL) if each == post.id]) < 3:
            refused.add(post.id)
            return Answer(503, "", 1)
        return Answer(200, "", 1)

    world.receivers.behaves(URL, refuses_the_first_event_twice)
    payment = run(world.pay(order_no="SO-1"))
    number = run(world.payment(payment.order_id))["provider_order_no"]
    run(world.sweep_after(hours=3))
    world.wechat.payer_pays(number)
    run(world.callback("payment", number))
    events = [message for message in run(world.events()) if message.order_id == payment.order_id]
    assert len(events) == 2
    others = set(publish("SO-2", "SO-3")) - {message.id for message in events}

    days_pass(id)

    sent = world.receivers.ids(URL)
    first, second = (message.id for message in events)
    assert sent.count(first) == 3
    assert max(place for place, each in enumerate(sent) if each == first) < sent.index(second)
    for other in others:
        assert sent.index(other) < sent.index(second)


def test_a_paused_endpoint_loses_nothing(run, world, subscribe, publish, deliver):
    id = subscribe()
    run(world.app.webhook_endpoints.pause(SHOP, id))
    events = publish("SO-1", "SO-2")
    deliver()
    assert world.receivers.posts == []

    run(world.app.webhook_endpoints.resume(SHOP, id))
    deliver()

    assert sorted(world.receivers.ids(URL)) == sorted(events)


def test_410_disables_the_endpoint_and_resume_brings_everything(
    run, world, subscribe, publish, deliver, days_pass
):
    id = subscribe()
    world.receivers.behaves(URL, answering(410))
    events = publish("SO-1")
    days_pass(id)
    assert len(world.receivers.posts) == 1
    endpoint = run(world.store.webhooks.endpoints.get(id))
    assert endpoint.status is EndpointStatus.DISABLED
    assert [each.kind for each in run(world.incidents())] == [IncidentKind.WEBHOOK_DISABLED]

    events = publish("SO-2")
    world.receivers.behaves(URL, answering(200))
    run(world.app.webhook_endpoints.resume(SHOP, id))
    deliver()

    assert set(world.receivers.ids(URL)) == set(events)


def test_who_asks_for_time_gets_it_for_all_that_waits(run, world, subscribe, publish, deliver):
    subscribe()
    subscribe(OTHER)
    world.receivers.behaves(URL, answering(429, silence=timedelta(minutes=10)))
    publish("SO-1")
    deliver()
    publish("SO-2", "SO-3")
    world.clock.advance(590)
    deliver()
    assert len(world.receivers.ids(URL)) == 1
    assert len(world.receivers.ids(OTHER)) == 3

    world.receivers.behaves(URL, answering(200))
    world.clock.advance(30)
    deliver()

    assert len(world.receivers.ids(URL)) == 4


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(
    run, world, subscribe, publish, deliver
):
    id = subscribe()
    run(world.app.webhook_endpoints.rotate_secret(SHOP, id))
    publish("SO-1")
    deliver()
    world.clock.advance(timedelta(days=1).total_seconds())
    publish("SO-2")
    deliver()

    assert [len(post.secrets) for _, post in world.receivers.posts] == [2, 1]
    assert world.receivers.posts[0][1].secrets[0] == world.receivers.posts[1][1].secrets[0]


def test_a_worker_that_dies_after_sending_lets_another_send_again_with_the_same_id(
    run, world, subscribe, publish, deliver, log, monkeypatch
):
    id = subscribe()
    [event] = publish("SO-1")

    async def dies(delivery):
        raise Unavailable("gone with the process")

    with monkeypatch.context() as patched:
        patched.setattr(world.store.webhooks.deliveries, "keep", dies)
        deliver()
    deliver()
    assert world.receivers.ids(URL) == [event]  # the lease still runs

    world.clock.advance(LEASE.total_seconds())
    deliver()

    assert world.receivers.ids(URL) == [event, event]
    assert [each.status for each in log(id)] == [DeliveryStatus.DELIVERED]


def test_a_relay_that_dies_before_it_marks_queues_nothing_twice(
    run, world, subscribe, publish, deliver, monkeypatch
):
    subscribe()

    async def dies(ids, at):
        raise Unavailable("gone with the process")

    with monkeypatch.context() as patched:
        patched.setattr(world.store.outbox, "published", dies)
        run(world.paid())
        with suppress(Unavailable):
            run(world.app.announce_events())
    deliver()
    run(world.settle())
    deliver()

    assert len(world.receivers.posts) == 1


def test_an_event_that_can_not_be_queued_is_not_marked_as_published(
    run, world, subscribe, deliver, monkeypatch
):
    subscribe()

    async def dies(deliveries):
        raise Unavailable("no queue")

    run(world.paid())
    with monkeypatch.context() as patched:
        patched.setattr(world.store.webhooks.deliveries, "put", dies)
        with pytest.raises(Unavailable):
            run(world.app.announce_events())
    assert run(world.events()) == []

    run(world.settle())
    deliver()
    assert len(world.receivers.posts) == 1


def test_of_many_workers_each_delivery_has_one(run, world, subscribe, publish):
    subscribe()
    publish(*(f"SO-{number}" for number in range(30)))
    outside = world.app.deliver_webhooks._webhooks
    workers = [DeliverWebhooks(outside, clock=world.clock, new_id=lambda: "x") for _ in range(4)]

    async def until_done():
        while sum(await asyncio.gather(*(worker() for worker in workers))):
            pass

    run(until_done())

    ids = world.receivers.ids(URL)
    assert len(ids) == len(set(ids)) == 30


def test_a_receiver_that_never_answers_delays_no_other(run, world, subscribe, publish):
    """Held by the order of things, not by a clock: one hangs all the time, the other gets all."""
    subscribe()
    subscribe(OTHER)
    over = world.receivers.hangs(URL)

    async def at_work():
        working = asyncio.create_task(work(world.app, Wakeups(), idle=0.01))
        async with asyncio.timeout(20):
            while len(world.receivers.ids(OTHER)) < 20:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.01)
        hanging = len(world.receivers.ids(URL))
        over()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        return hanging

    publish(*(f"SO-{number}" for number in range(20)))

    assert run(at_work()) <= WIDEST


def test_a_receiver_that_fails_is_tried_one_event_at_a_time(run, world, subscribe, publish):
    id = subscribe()
    world.receivers.behaves(URL, silent)
    publish(*(f"SO-{number}" for number in range(20)))
    run(world.app.deliver_webhooks.endpoint(id))
    world.receivers.posts.clear()

    assert run(world.app.deliver_webhooks.endpoint(id)) == 1

    world.receivers.behaves(URL, answering(200))
    batches = [run(world.app.deliver_webhooks.endpoint(id)) for _ in range(4)]
    assert batches == [1, 2, 8, 4]


def test_a_secret_that_does_not_open_is_told_in_the_log_and_nothing_is_sent(
    run, world, subscribe, publish, deliver, log, monkeypatch, caplog
):
    id = subscribe()
    publish("SO-1")
    vault = AesVault(b"x" * 32)
    monkeypatch.setattr(world.app.deliver_webhooks._webhooks.vault, "open", vault.open)

    deliver()

    [delivery] = log(id)
    assert "sealed with another webhooks.seal_key" in delivery.attempts[0].text
    assert world.receivers.posts == []
    assert id in caplog.text


def test_an_endpoint_removed_in_flight_ends_quietly(run, world, subscribe, publish, caplog):
    id = subscribe()
    over = world.receivers.hangs(URL)
    publish("SO-1")

    async def remove_in_flight():
        sending = asyncio.create_task(world.app.deliver_webhooks())
        while not world.receivers.posts:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0)
        await world.app.webhook_endpoints.remove(SHOP, id)
        over()
        await sending

    run(remove_in_flight())

    assert "Traceback" not in caplog.text


def test_an_app_without_webhooks_announces_as_before(run, world):
    assert isinstance(world.app, App)
    world.app.deliver_webhooks._webhooks = None

    assert run(world.app.deliver_webhooks()) == 0
    assert run(world.app.deliver_webhooks.endpoint("whe_1")) == 0
