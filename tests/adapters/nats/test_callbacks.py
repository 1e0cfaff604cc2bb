"""What a callback queue promises, held against all three; and what more is true of a shared one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.nats import callbacks as callbacks_module
from adapters.nats.callbacks import JetStreamCallbacks
from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from application.ports import Unavailable
from tests.adapters.nats.reading import back, published

CLOCK = SystemClock()


@pytest.fixture
def queue_of(run):
    """A worker's own queue on a connection; closed in time."""
    made = []

    def queue_of(platform, **options):
        made.append(JetStreamCallbacks(platform, clock=CLOCK, **options))
        return made[-1]

    yield queue_of
    for each in made:
        run(each.aclose())


@pytest.fixture(params=["memory", "sqlite", "nats"])
def queue(request, run, tmp_path):
    if request.param == "memory":
        yield MemoryStore(CLOCK).callbacks
    elif request.param == "nats":
        yield request.getfixturevalue("queue_of")(request.getfixturevalue("platform"))
    else:
        url = f"sqlite:///{tmp_path / 'basepay.db'}"
        migrate.upgrade(url)
        store = run(SqlStore.open(url))
        yield store.callbacks
        run(store.close())


@pytest.fixture
def take(run):
    """Take so many, however long they need to come."""

    async def until_there(queue, count):
        taken: list[Any] = []
        while len(taken) < count:
            taken += await queue.take(count - len(taken), at=CLOCK.now())
            await asyncio.sleep(0.01)
        return taken

    return lambda queue, count=1: run(until_there(queue, count))


async def nothing_comes(queue, seconds=0.2):
    """Whether the queue stays empty for a while."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        if await queue.take(10, at=CLOCK.now()):
            return False
        await asyncio.sleep(0.02)
    return True


def test_a_callback_returns_byte_for_byte(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))

    assert take(queue) == [(callback, 0)]


def test_callbacks_come_oldest_first(run, queue, take, make):
    callbacks = [make.callback() for _ in range(5)]
    for callback in callbacks:
        run(queue.put(callback))

    assert [callback for callback, _ in take(queue, 5)] == callbacks


def test_what_was_put_twice_comes_once(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))
    run(queue.put(callback))
    take(queue)
    run(queue.done(callback.id))

    assert run(nothing_comes(queue))


def test_what_is_done_is_forgotten(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))
    take(queue)
    run(queue.done(callback.id))
    run(queue.done("cb_unknown"))

    assert run(nothing_comes(queue))


def test_what_is_postponed_comes_again_and_counts(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))
    for attempts in range(3):
        assert take(queue) == [(callback, attempts)]
        run(queue.postpone(callback.id, CLOCK.now() + timedelta(seconds=0.05)))


def test_what_is_postponed_waits(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))
    take(queue)
    run(queue.postpone(callback.id, CLOCK.now() + timedelta(hours=1)))

    assert run(nothing_comes(queue))


def test_a_dead_letter_blocks_nobody(run, queue, take, make):
    poison, healthy = make.callback(), make.callback()
    run(queue.put(poison))
    run(queue.put(healthy))
    take(queue, 2)
    run(queue.done(healthy.id))
    run(queue.postpone(poison.id, None))

    assert run(nothing_comes(queue))


def test_the_dead_are_seen_and_brought_back(run, queue, take, make):
    callbacks = [make.callback() for _ in range(3)]
    for callback in callbacks:
        run(queue.put(callback))
    take(queue, 3)
    for callback in callbacks:
        run(queue.postpone(callback.id, None))

    assert run(queue.dead(10)) == callbacks
    assert run(queue.dead(2)) == callbacks[:2]
    assert run(queue.revive(callbacks[1].id))
    assert run(queue.dead(10)) == [callbacks[0], callbacks[2]]
    assert take(queue) == [(callbacks[1], 0)]
    run(queue.postpone(callbacks[1].id, None))
    assert run(queue.revive(callbacks[1].id))
    assert take(queue) == [(callbacks[1], 0)]


def test_only_the_dead_are_brought_back(run, queue, take, make):
    callback = make.callback()
    run(queue.put(callback))
    take(queue)

    assert not run(queue.revive(callback.id))
    assert not run(queue.revive("cb_unknown"))
    assert run(queue.dead(10)) == []


def test_a_dead_letter_is_kept_for_the_operators(run, platform, queue_of, take, make):
    queue, callback = queue_of(platform), make.callback()
    run(queue.put(callback))
    take(queue)
    run(queue.postpone(callback.id, None))
    (dead,) = run(published(platform, "BASEPAY_DEAD_CALLBACKS"))

    assert dead.subject == "basepay.dead_callbacks.wechat.wechat-main"
    assert callbacks_module._decoder.decode(dead.data) == callback


def test_whoever_waits_is_woken_by_a_callback(run, platform, connect, queue_of, make):
    heard = asyncio.Event()
    queue, gateway = queue_of(platform, on_callback=heard.set), queue_of(connect())
    callback = make.callback()

    async def story():
        await queue.take(1, at=CLOCK.now())
        await gateway.put(callback)
        await heard.wait()
        return await queue.take(1, at=CLOCK.now())

    assert run(story()) == [(callback, 0)]


def test_two_workers_share_the_work(run, connect, queue_of, make):
    workers = [queue_of(connect()) for _ in range(2)]
    callbacks = [make.callback() for _ in range(40)]

    async def story():
        seen: list[str] = []
        for callback in callbacks:
            await workers[0].put(callback)
        while len(seen) < len(callbacks):
            for worker in workers:
                for callback, _ in await worker.take(4, at=CLOCK.now()):
                    seen.append(callback.id)
                    await worker.done(callback.id)
            await asyncio.sleep(0.01)
        return seen

    assert sorted(run(story())) == [callback.id for callback in callbacks]


def test_what_a_worker_leaves_behind_comes_to_another(run, connect, queue_of, take, make):
    fetched = asyncio.Event()
    leaving, callback = queue_of(connect(), on_callback=fetched.set), make.callback()
    run(leaving.put(callback))

    async def fetch_ahead():
        await leaving.take(0, at=CLOCK.now())
        await fetched.wait()

    run(fetch_ahead())
    run(leaving.aclose())

    assert take(queue_of(connect())) == [(callback, 1)]


def test_a_callback_outlives_the_server(run, platform, queue_of, nats_server, take, make):
    queue, callback = queue_of(platform), make.callback()
    run(queue.put(callback))
    nats_server.kill()
    nats_server.start()
    run(back(platform))

    assert [taken for taken, _ in take(queue)] == [callback]


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_without_the_server_a_callback_is_refused(
    run, connect, queue_of, nats_server, make, monkeypatch, fault
):
    monkeypatch.setattr("adapters.nats.platform.REQUEST_SECONDS", 0.2)
    queue = queue_of(connect())
    getattr(nats_server, fault)()

    with pytest.raises(Unavailable):
        run(queue.put(make.callback()))


def test_what_is_no_callback_is_thrown_away(run, platform, queue_of, take, make):
    queue, callback = queue_of(platform), make.callback()
    run(platform.context().publish("basepay.callbacks.wechat.wechat-main", b"garbage"))
    run(queue.put(callback))

    assert take(queue) == [(callback, 0)]
