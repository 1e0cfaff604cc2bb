"""What locks promise, held against both kinds; and what more is true between processes."""

import asyncio

import pytest

from adapters.in_process.locks import InProcessLocks
from adapters.redis import locks as redis_locks


@pytest.fixture(params=["in process", "redis", "two processes"])
def pair(request, start_process):
    """The locks of two who may want the same: in one process or in two."""
    if request.param == "in process":
        locks = InProcessLocks()
        return locks, locks
    if request.param == "redis":
        locks = start_process().locks()
        return locks, locks
    return start_process().locks(), start_process().locks()


def test_a_free_lock_is_had_at_once(run, pair):
    assert run(pair[0].acquire("k", wait_seconds=0))


def test_two_keys_are_two_locks(run, pair):
    assert run(pair[0].acquire("a", wait_seconds=0))
    assert run(pair[1].acquire("b", wait_seconds=0))


def test_a_lock_that_is_held_is_not_had(run, pair):
    run(pair[0].acquire("k", wait_seconds=0))

    assert run(pair[1].acquire("k", wait_seconds=0)) is None
    assert run(pair[1].acquire("k", wait_seconds=0.02)) is None


def test_a_lock_that_was_given_back_is_free(run, pair):
    token = run(pair[0].acquire("k", wait_seconds=0))
    run(pair[0].release("k", token))

    assert run(pair[1].acquire("k", wait_seconds=60))


def test_only_the_owner_gives_it_back(run, pair):
    token = run(pair[0].acquire("k", wait_seconds=0))
    run(pair[1].release("k", "another's"))
    assert run(pair[1].acquire("k", wait_seconds=0)) is None
    run(pair[0].release("k", token))
    run(pair[0].release("k", token))

    assert run(pair[1].acquire("k", wait_seconds=60))


def test_who_waits_is_woken(run, pair, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 3_600)

    async def story():
        token = await pair[0].acquire("k", wait_seconds=0)
        waiting = asyncio.create_task(pair[1].acquire("k", wait_seconds=3_600))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await pair[0].release("k", token)
        return await waiting

    assert run(story())


def test_of_fifty_one_at_a_time_gets_through(run, pair, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 3_600)
    inside, most = 0, 0

    async def pass_through(locks):
        nonlocal inside, most
        token = await locks.acquire("k", wait_seconds=3_600)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        await locks.release("k", token)

    async def crowd():
        await asyncio.gather(*(pass_through(pair[number % 2]) for number in range(50)))

    run(crowd())

    assert (inside, most) == (0, 1)


def test_who_stops_waiting_leaves_nothing_behind(run, pair):
    async def story():
        token = await pair[0].acquire("k", wait_seconds=0)
        waiting = asyncio.create_task(pair[1].acquire("k", wait_seconds=3_600))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await pair[0].release("k", token)
        return await pair[1].acquire("k", wait_seconds=60)

    assert run(story())


def test_who_stops_waiting_at_any_step_has_stopped(run, start_process):
    """The driver must not lose a cancellation: whoever ends us would wait for the lock, too."""
    holder, waiter = start_process().locks(), start_process().locks()

    async def story(steps):
        key = f"k{steps}"
        await holder.acquire(key, wait_seconds=0)
        waiting = asyncio.create_task(waiter.acquire(key, wait_seconds=3_600))
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert all(run(story(steps)) for steps in range(200))


def test_a_crowd_of_waiting_twins_asks_redis_once(run, start_process, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 3_600)
    holder, process = start_process().locks(), start_process()
    locks, asked, ask = process.locks(), [], process.line.ask

    async def counted(*command):
        asked.append(command)
        return await ask(*command)

    process.line.ask = counted

    async def story():
        await holder.acquire("k", wait_seconds=0)
        twins = [asyncio.create_task(locks.acquire("k", wait_seconds=0.3)) for _ in range(50)]
        return await asyncio.gather(*twins)

    assert set(run(story())) == {None}
    assert len(asked) <= 4


def test_a_paused_owner_loses_the_lock_after_its_lease(run, start_process):
    first, second = start_process().locks(lease_seconds=0.2), start_process().locks()
    token = run(first.acquire("k", wait_seconds=0))
    taken_over = run(second.acquire("k", wait_seconds=60))
    run(first.release("k", token))  # it wakes up, and must not free what is another's

    assert taken_over
    third = start_process().locks()
    assert run(third.acquire("k", wait_seconds=0)) is None


def test_flushed_locks_are_found_free_without_a_bell(run, start_process, fragile, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 0.02)
    first, second = (start_process(fragile.url).locks() for _ in range(2))

    async def story():
        await first.acquire("k", wait_seconds=0)
        waiting = asyncio.create_task(second.acquire("k", wait_seconds=60))
        await asyncio.sleep(0.05)
        fragile.flush()
        return await waiting

    assert run(story())


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_without_redis_twins_of_one_process_still_wait_for_each_other(
    run, start_process, fragile, fault
):
    locks = start_process(fragile.url, answer_seconds=0.15).locks()
    getattr(fragile, fault)()
    token = run(locks.acquire("k", wait_seconds=0))

    assert token
    assert run(locks.acquire("k", wait_seconds=0)) is None
    run(locks.release("k", token))
    assert run(locks.acquire("k", wait_seconds=0))


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_who_waits_when_redis_goes_silent_goes_on(run, start_process, fragile, fault, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 0.02)
    first, second = (start_process(fragile.url, answer_seconds=0.15).locks() for _ in range(2))

    async def story():
        await first.acquire("k", wait_seconds=0)
        waiting = asyncio.create_task(second.acquire("k", wait_seconds=60))
        await asyncio.sleep(0.1)
        getattr(fragile, fault)()
        return await waiting

    assert run(story())


def test_when_redis_is_back_it_is_asked_again(run, start_process, fragile):
    first, second = (start_process(fragile.url, answer_seconds=5.0).locks() for _ in range(2))
    fragile.kill()
    lost = run(first.acquire("k", wait_seconds=0))
    run(first.release("k", lost))
    fragile.start()

    async def until_shared():
        while True:
            held = await first.acquire("k", wait_seconds=0)
            taken = await second.acquire("k", wait_seconds=0)
            if taken is None:
                return True
            await first.release("k", held)
            await second.release("k", taken)
            await asyncio.sleep(0.02)

    assert run(until_shared())
