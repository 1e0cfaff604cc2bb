"""What the broker forgets is sent again: it is never the only copy."""

import asyncio
import shutil

import pytest

from adapters.clock import MovableClock, SystemClock
from adapters.nats.events import JetStreamEvents
from adapters.persistence.memory.store import MemoryStore
from application import announce_again as announce_again_module
from application.announce_again import AnnounceAgain, first_id
from application.announce_events import AnnounceEvents
from application.ports import Unavailable
from tests.adapters.nats.reading import back, ids


class Relay:
    """The outbox of one basepay, and both ways out of it."""

    def __init__(self, events, make):
        self.store, self.events, self.make = MemoryStore(SystemClock()), events, make
        self.clock = MovableClock()
        ports = {"outbox": self.store.outbox, "publisher": events}
        self.announce = AnnounceEvents(**ports, clock=self.clock)
        self.again = AnnounceAgain(**ports, event_log=events, wall_clock=self.clock)

    async def announce_some(self, count):
        """Commit and publish so many; their ids."""
        messages = [self.make.message() for _ in range(count)]
        async with self.store.work() as work:
            for message in messages:
                work.append(message)
            await work.commit()
        while await self.announce():
            pass
        return [message.id for message in messages]


@pytest.fixture
def relay(events, make):
    return Relay(events, make)


async def sweep(relay):
    """Sweep until nothing is missing any more; how many were sent again."""
    sent = 0
    while again := await relay.again():
        sent += again
    return sent


def test_nothing_is_sent_again_that_is_there(run, relay):
    run(relay.announce_some(20))

    assert run(relay.again()) == 0


def test_a_stream_that_was_deleted_is_filled_again(run, relay, platform, nats_server):
    told = run(relay.announce_some(600))
    run(relay.again())
    run(platform.context().delete_stream("BASEPAY_EVENTS"))
    with pytest.raises(Unavailable):
        run(relay.again())
    run(platform.declare())

    assert run(sweep(relay)) == 600
    assert sorted(run(ids(platform))) == told


def test_what_an_older_copy_of_the_store_does_not_know_is_sent_again(
    run, relay, platform, nats_server, tmp_path
):
    early = run(relay.announce_some(100))
    run(relay.again())
    nats_server.stop()
    shutil.copytree(nats_server.store, tmp_path / "copy")
    nats_server.start()
    run(back(platform))
    late = run(relay.announce_some(1_000))
    nats_server.kill()
    shutil.rmtree(nats_server.store)
    shutil.copytree(tmp_path / "copy", nats_server.store)
    nats_server.start()
    run(back(platform))
    assert len(run(ids(platform))) == 100

    assert run(sweep(relay)) == 1_000
    assert sorted(run(ids(platform))) == early + late


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_what_a_flipped_bit_destroys_is_sent_again(run, relay, platform, nats_server, place):
    told = run(relay.announce_some(300))
    run(relay.again())
    nats_server.stop()
    block = max(nats_server.store.rglob("*.blk"), key=lambda file: file.stat().st_size)
    content = bytearray(block.read_bytes())
    content[int(len(content) * place)] ^= 1
    block.write_bytes(content)
    nats_server.start()
    run(back(platform))

    assert run(sweep(relay)) > 0
    assert set(run(ids(platform))) == set(told)


def test_a_sound_platform_is_not_read_again_before_an_hour(run, relay, events):
    run(relay.announce_some(5))
    run(relay.again())
    reads = []
    missing = events.missing

    async def counted(messages):
        reads.append(len(messages))
        return await missing(messages)

    events.missing = counted
    run(relay.again())
    assert reads == []
    relay.clock.advance(3_601)
    run(relay.again())

    assert reads == [5]


def test_events_are_looked_for_in_many_batches(run, relay, platform, nats_server, monkeypatch):
    monkeypatch.setattr(announce_again_module, "BATCH", 7)
    told = run(relay.announce_some(50))
    run(platform.context().delete_stream("BASEPAY_EVENTS"))
    run(platform.declare())

    assert run(sweep(relay)) == 50
    assert sorted(run(ids(platform))) == told


def test_what_cannot_be_read_is_not_taken_for_lost(run, relay, nats_server):
    run(relay.announce_some(5))
    nats_server.kill()

    with pytest.raises(Unavailable):
        run(relay.again())


def test_ids_sort_behind_the_first_of_their_time(make):
    clock = SystemClock()
    before = clock.now()
    id = make.message().id

    assert first_id("evt", before) < id
    assert id[:14] <= first_id("evt", clock.now())[:14]


def test_two_relays_at_once_publish_once(run, relay, connect, make):
    second = JetStreamEvents(connect())
    other = AnnounceEvents(outbox=relay.store.outbox, publisher=second, clock=relay.clock)

    async def story():
        messages = [make.message(order_id=f"pay_{n % 9}", sequence=n) for n in range(200)]
        async with relay.store.work() as work:
            for message in messages:
                work.append(message)
            await work.commit()
        await asyncio.gather(relay.announce(), other())
        return [message.id for message in messages]

    told = run(story())

    assert sorted(run(ids(relay.events._platform))) == sorted(told)
