"""One key, one charge, one answer: over several processes, whatever becomes of Redis."""

import asyncio
import hashlib
import random

import pytest

from adapters.clock import MovableClock
from adapters.persistence.memory.store import MemoryStore
from adapters.redis import locks as redis_locks
from adapters.redis.answers import RedisAnswers
from application import idempotency as idempotency_module
from application.idempotency import Idempotency, Key, answered
from domain.errors import IdempotencyKeyReused
from tests.adapters.redis.conftest import PATIENT


class Till:
    """One process that takes money through a slow provider, once a key if all is well."""

    def __init__(self, store, clock, process, charges, **lease):
        self.store, self.charges, self.slow = store, charges, 0.002
        self.paused, self.charging, self.looking = (asyncio.Event() for _ in range(3))
        self.paused.set()
        answers = RedisAnswers(process.line, namespace=process.namespace)
        self.idempotency = Idempotency(
            work=self._work, locks=process.locks(**lease), clock=clock, answers=answers
        )

    def _work(self):
        self.looking.set()
        return self.store.work()

    async def take(self, name, body=b"{}"):
        async def resume(request):
            raise AssertionError("no owner is gone")

        key = Key("shop", "POST /v1/payments", name, hashlib.sha256(body).hexdigest())
        return await self.idempotency.once(key, run=self._charge, resume=resume)

    async def _charge(self, key):
        request = self.idempotency.claim(key, f"pay_{len(self.charges)}")
        async with self.store.work() as work:
            work.requests.save(request)
            await work.commit()
        self.charges.append(key.key)
        self.charging.set()
        await asyncio.sleep(self.slow)
        await self.paused.wait()
        request.status, request.body = 201, f"{request.order_id} by {id(self)}".encode()
        async with self.store.work() as work:
            work.requests.save(request)
            await work.commit()
        return answered(request)


@pytest.fixture
def charges():
    return []


@pytest.fixture
def tills(start_process, fragile, charges):
    clock = MovableClock()
    store = MemoryStore(clock)

    def open_tills(*, answer_seconds=PATIENT, **lease):
        processes = [start_process(fragile.url, answer_seconds=answer_seconds) for _ in range(3)]
        return [Till(store, clock, process, charges, **lease) for process in processes]

    return open_tills


def same(answers):
    return len({(answer.status, answer.body) for answer in answers}) == 1


def test_twins_on_three_machines_hear_one_answer(run, tills, charges):
    three = tills()

    async def twins():
        return await asyncio.gather(*(till.take("k") for till in three * 20))

    assert same(run(twins()))
    assert charges == ["k"]


def test_a_repetition_is_answered_without_the_database(run, tills, charges, monkeypatch):
    first, second, _ = tills()
    answer = run(first.take("k"))

    def no_database():
        raise AssertionError("the database was asked")

    second.idempotency._work = no_database
    again = run(second.take("k"))

    assert (again.status, again.body, again.replayed) == (answer.status, answer.body, True)
    with pytest.raises(IdempotencyKeyReused):
        run(second.take("k", b'{"amount":1}'))


def test_a_first_request_waits_for_one_round_trip(run, start_process, tills):
    till = tills()[0]
    line = till.idempotency._answers._line
    waited = []
    exchange = line._exchange

    async def counted(commands):
        waited.append([command[0] for command in commands])
        return await exchange(commands)

    line._exchange = counted
    run(till.take("k"))
    run(line.aclose())

    assert waited == [["SET", "GET"], ["SET", "EVAL"]]


def test_a_lock_that_nobody_gives_back_hides_no_answer(run, tills, monkeypatch):
    """Redis was away just when the first request ended: neither word of it arrived."""
    monkeypatch.setattr(idempotency_module, "TURN_SECONDS", 0.05)
    first, second, _ = tills()
    monkeypatch.setattr(first.idempotency._answers._line, "tell", lambda *_: None)

    answers = [run(till.take("k")) for till in (first, second)]

    assert same(answers)


@pytest.mark.parametrize("fault", ["flush", "kill", "pause", "restart"])
def test_whatever_happens_to_redis_nobody_is_charged_twice(run, tills, charges, fragile, fault):
    three, chance = tills(answer_seconds=0.15), random.Random(7)
    keys = [f"k{number}" for number in range(40)] * 6
    chance.shuffle(keys)

    async def load():
        asked = [asyncio.create_task(chance.choice(three).take(key)) for key in keys]
        await asyncio.sleep(0.004)
        if fault == "restart":
            fragile.kill()
            fragile.start()
        else:
            getattr(fragile, fault)()
        return await asyncio.gather(*asked)

    answers = run(load())

    assert sorted(charges) == sorted(set(keys))
    for key in set(keys):
        assert same([answer for name, answer in zip(keys, answers, strict=True) if name == key])


def test_a_paused_holder_whose_lease_ended_charges_nobody_twice(run, tills, charges, monkeypatch):
    monkeypatch.setattr(redis_locks, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(idempotency_module, "POLL_SECONDS", 0.02)
    first, second, _ = tills(lease_seconds=0.2)

    async def story():
        first.paused.clear()
        holding = asyncio.create_task(first.take("k"))
        await first.charging.wait()
        twin = asyncio.create_task(second.take("k"))
        await second.looking.wait()  # the lease is over, and the twin has the lock
        first.paused.set()
        return await asyncio.gather(holding, twin)

    answers = run(story())

    assert same(answers)
    assert charges == ["k"]
