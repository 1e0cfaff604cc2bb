"""Receivers that behave in every way we know, over real sockets, through four days of our clock."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from application.records import Message
from application.webhook_ports import DeliveryFilter, Post, WebhookSender
from domain.events import IncidentKind
from domain.webhook import JITTER, PAUSES, Answer, Delivery, DeliveryStatus, EndpointStatus
from tests.adapters.webhooks.receiver import (
    Receiver,
    answers,
    cuts,
    drips,
    keeps_silent,
    receiving,
)
from tests.worlds import SHOP, MemoryWorld

ORDERS = 3
SPAN = timedelta(days=4)


async def ten_megabytes(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
    for _ in range(160):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def ten_megabytes_of_header(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(160):
        writer.write(b"x" * 65_536)
        await writer.drain()


def turns_good_after(failures):
    """Broken at first, as a receiver is during its own release."""
    count = iter(range(10_000))

    async def answer(writer):
        await answers(500 if next(count) < failures else 200)(writer)

    return answer


SCRIPTS = {
    "good": answers(200),
    "good, and says too much": ten_megabytes,
    "broken": answers(500, b"<h1>Internal Server Error</h1>"),
    "mends": turns_good_after(6),
    "silent": keeps_silent,
    "slow loris": drips,
    "header without end": ten_megabytes_of_header,
    "cuts": cuts,
    "redirects": answers(302, b"", Location="/elsewhere"),
    "gone": answers(410, b""),
    "busy": answers(503, b"", Retry_After="3600"),
    "wrong certificate": answers(200),
}
#: What is delivered, what is given up; "gone" is disabled and keeps all it has.
GOOD = {"good", "good, and says too much", "mends"}
NEVER_ANSWER = {"silent", "slow loris"}


@dataclass
class Senders:
    """One waits for hardly an answer, the other long: a busy machine is no silent receiver."""

    patient: WebhookSender
    impatient: WebhookSender
    not_waited_for: set[str] = field(default_factory=set)

    async def check(self, url: str) -> str:
        return await self.patient.check(url)

    async def send(self, post: Post) -> Answer:
        sender = self.impatient if post.url in self.not_waited_for else self.patient
        return await sender.send(post)


@dataclass
class Played:
    """What happened to one receiver, and when each of its attempts was made."""

    receiver: Receiver
    secret: str
    log: list[Delivery]
    status: EndpointStatus


@dataclass
class Story:
    """The four days."""

    played: dict[str, Played]
    events: list[Message]
    published_at: datetime
    incidents: list[IncidentKind]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def story(runner, certificate) -> Story:
    import ssl

    from adapters.clock import SystemClock
    from adapters.webhooks.sender import HttpSender
    from tests.adapters.webhooks.conftest import LOOPBACK

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    async def play() -> Story:
        patient, impatient = (
            HttpSender(LOOPBACK, SystemClock(), total_seconds=seconds, connect_seconds=60)
            for seconds in (60, 0.1)
        )
        senders = Senders(patient, impatient)
        world = MemoryWorld(sender=senders)
        async with AsyncExitStack() as stack:
            for each in (patient, impatient):
                stack.push_async_callback(each.close)
            named = {}
            for name, script in SCRIPTS.items():
                secured = name == "wrong certificate"
                opened = receiving(script, tls=tls if secured else None)
                receiver = await stack.enter_async_context(opened)
                url = f"http{'s' if secured else ''}://127.0.0.1:{receiver.port}/{ORDERS}"
                if name in NEVER_ANSWER:
                    senders.not_waited_for.add(url)
                endpoint, secret = await world.app.webhook_endpoints.create(SHOP, url, ())
                named[name] = endpoint.id, receiver, secret
            for number in range(ORDERS):
                await world.paid(order_no=f"SO-{number}")
            await world.settle()
            published_at = world.clock.now()
            await let_time_pass(world, [id for id, _, _ in named.values()], published_at + SPAN)
            played = {
                name: Played(
                    receiver,
                    secret,
                    list(await log_of(world, id)),
                    (await world.store.webhooks.endpoints.get(id)).status,
                )
                for name, (id, receiver, secret) in named.items()
            }
            kinds = [each.kind for each in await world.incidents()]
            return Story(played, list(await world.events()), published_at, kinds)

    told: Story = runner.run(play())
    return told


async def log_of(world, id):
    return (await world.store.webhooks.log.page(DeliveryFilter(id, limit=200))).items


async def let_time_pass(world, endpoints, end):
    """Send what is due, then go to the moment when the next is."""
    while world.clock.now() < end:
        while await world.app.deliver_webhooks():
            pass
        moments: list[datetime] = []
        now = world.clock.now()
        for id in endpoints:
            quiet_until = (await world.store.webhooks.endpoints.get(id)).quiet_until
            dues = [d.due_at for d in await log_of(world, id) if d.status is DeliveryStatus.WAITING]
            moments += [max(each, quiet_until or each) for each in dues]
        next_at = min([*(each for each in moments if each > now), end])
        world.clock.advance(max(0.0, (next_at - world.clock.now()).total_seconds()) + 0.001)


def test_every_good_receiver_has_everything_and_no_other_has_anything(story):
    for name, played in story.played.items():
        delivered = {d.event_id for d in played.log if d.status is DeliveryStatus.DELIVERED}
        assert delivered == ({m.id for m in story.events} if name in GOOD else set()), name


def test_a_good_receiver_gets_each_event_once(story):
    for name in ("good", "good, and says too much"):
        assert len(story.played[name].receiver.requests) == ORDERS


def test_nothing_is_sent_after_a_success(story):
    for played in story.played.values():
        for delivery in played.log:
            assert all(not 200 <= (attempt.status or 0) < 300 for attempt in delivery.attempts[:-1])


def test_the_schedule_is_kept_within_its_jitter(story):
    for name, played in story.played.items():
        if name in ("busy", "gone"):
            continue
        for delivery in played.log:
            times = [attempt.at for attempt in delivery.attempts]
            for pause, before, after in zip(PAUSES[1:], times, times[1:], strict=False):
                waited = (after - before).total_seconds()
                assert (1 - JITTER) * pause <= waited, name
                # Behind an endpoint that fails one waits for another: never for another endpoint.
                assert waited <= (1 + JITTER) * pause + 60, name


def test_what_never_works_is_given_up_after_the_last_attempt(story):
    for name in set(SCRIPTS) - GOOD - {"gone"}:
        for delivery in story.played[name].log:
            assert delivery.status is DeliveryStatus.GIVEN_UP, name
            assert len(delivery.attempts) == len(PAUSES)


def test_who_is_gone_is_left_alone_and_nothing_of_its_is_lost(story):
    gone = story.played["gone"]

    assert gone.status is EndpointStatus.DISABLED
    assert len(gone.receiver.requests) <= ORDERS
    assert {each.status for each in gone.log} == {DeliveryStatus.WAITING}


def test_who_is_busy_is_asked_no_sooner_than_it_said(story):
    for delivery in story.played["busy"].log:
        times = [attempt.at for attempt in delivery.attempts]
        assert all(after - before >= timedelta(hours=1) for before, after in pairwise(times))


def test_the_log_says_what_was_wrong(story):
    said = {name: played.log[0].attempts[-1].text for name, played in story.played.items()}

    assert said["broken"] == "<h1>Internal Server Error</h1>"
    assert said["silent"] == said["slow loris"] == "no answer within 0.1 s"
    assert said["cuts"] == "the connection was cut before an answer came"
    assert said["redirects"] == "redirects are not followed, give the final URL"
    assert said["wrong certificate"] == "TLS: self-signed certificate"
    assert said["header without end"] == "the answer is not HTTP"


def test_operators_hear_once_of_every_endpoint_that_gave_up(story):
    assert story.incidents.count(IncidentKind.WEBHOOK_DISABLED) == 1
    assert story.incidents.count(IncidentKind.WEBHOOK_GIVEN_UP) == len(SCRIPTS) - len(GOOD) - 1


def test_every_request_carries_the_event_the_same_id_and_a_true_signature(story):
    for name, played in story.played.items():
        for request in played.receiver.requests:
            event = Webhook(played.secret).verify(request.body, request.headers)
            assert event["id"] == request.headers["webhook-id"], name
            assert request.headers["webhook-id"] in {message.id for message in story.events}
