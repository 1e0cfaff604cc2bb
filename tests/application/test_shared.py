"""What many need is fetched by one, whatever happens to that one."""

import asyncio
from datetime import timedelta

import pytest

from adapters.clock import MovableClock
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from application import shared as shared_module
from application.official_account_ports import Token
from application.shared import Shared


class Well:
    """Gives a new value each time, when it is let."""

    def __init__(self, clock):
        self.clock, self.given = clock, 0
        self.open = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self):
        self.given += 1
        number = self.given
        self.reached.set()
        await self.open.wait()
        return Token(f"value-{number}", self.clock.now() + timedelta(hours=1))


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def well(clock):
    return Well(clock)


@pytest.fixture
def locks():
    return InProcessLocks()


@pytest.fixture
def processes(clock, locks):
    tokens = InProcessTokens(clock)
    return [Shared(tokens=tokens, locks=locks, clock=clock) for _ in range(3)]


@pytest.fixture
def shared(processes):
    return processes[0]


def test_what_is_kept_is_fetched_again_after_its_end(run, shared, well, clock):
    well.open.set()
    assert run(shared.get("k", well)) == "value-1"
    assert run(shared.get("k", well)) == "value-1"
    clock.advance(3600)

    assert run(shared.get("k", well)) == "value-2"


def test_two_keys_are_two_values(run, shared, well):
    well.open.set()

    assert run(shared.get("a", well)) != run(shared.get("b", well))


def test_what_was_rejected_is_fetched_again_unless_somebody_did(run, shared, well):
    well.open.set()
    old = run(shared.get("k", well))
    new = run(shared.get("k", well, rejected=old))

    assert new != old
    assert run(shared.get("k", well, rejected=old)) == new


def test_whoever_rejects_what_is_being_fetched_fetches_for_itself(run, shared, well):
    async def story():
        first = asyncio.create_task(shared.get("k", well))
        await well.reached.wait()
        second = asyncio.create_task(shared.get("k", well, rejected="value-1"))
        await asyncio.sleep(0)
        well.open.set()
        return await asyncio.gather(first, second)

    assert run(story()) == ["value-1", "value-2"]


@pytest.mark.parametrize("apart", [False, True], ids=["one process", "three processes"])
def test_a_fetcher_that_is_cancelled_leaves_it_to_the_next(run, processes, well, apart):
    where = processes if apart else [processes[0]] * 3

    async def story():
        first, *others = [asyncio.create_task(each.get("k", well)) for each in where]
        await well.reached.wait()
        first.cancel()
        well.open.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await asyncio.gather(*others)

    assert run(story()) == ["value-2", "value-2"]


def test_one_who_stops_waiting_disturbs_nobody(run, shared, well):
    async def story():
        first, second, third = [asyncio.create_task(shared.get("k", well)) for _ in range(3)]
        await well.reached.wait()
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        well.open.set()
        return await asyncio.gather(first, third)

    assert run(story()) == ["value-1", "value-1"]
    assert well.given == 1


def test_a_process_that_died_with_the_lock_blocks_nobody(run, shared, well, locks, monkeypatch):
    monkeypatch.setattr(shared_module, "WAIT_SECONDS", 0.01)
    well.open.set()
    run(locks.acquire("k", wait_seconds=0))

    assert run(shared.get("k", well)) == "value-1"


def test_a_lock_is_given_back_after_a_failure(run, shared, well, locks):
    async def fails():
        raise LookupError("dry")

    with pytest.raises(LookupError):
        run(shared.get("k", fails))
    well.open.set()

    assert run(locks.acquire("k", wait_seconds=0)) is not None


def test_tokens_that_have_expired_are_thrown_out_some_day(run, clock):
    tokens = InProcessTokens(clock)

    async def fill(prefix, count):
        for number in range(count):
            end = clock.now() + timedelta(minutes=1)
            await tokens.put(f"{prefix}{number}", Token("v", end))

    run(fill("old", 999))
    clock.advance(60)
    run(fill("new", 5))

    assert len(tokens._kept) == 5
    assert run(tokens.get("new4")) == Token("v", run(tokens.get("new4")).expires_at)
    assert run(tokens.get("old1")) is None
