"""What events and Redis cost: `python -m tests.bench.event_platform`, with the servers' wheels."""

import asyncio
import os
import sys
import time
from statistics import quantiles
from typing import Any

import uvloop

from adapters.clock import SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.nats.declared import EVENTS, declare_app
from adapters.nats.events import JetStreamEvents
from adapters.nats.platform import Platform
from adapters.persistence.memory.store import MemoryStore
from adapters.redis.answers import RedisAnswers
from adapters.redis.bell import Bell
from adapters.redis.line import Line
from adapters.redis.locks import RedisLocks
from application.announce_events import AnnounceEvents
from application.records import KeptAnswer
from tests.adapters.persistence.making import Make
from tests.servers.nats import NatsServer
from tests.servers.redis import RedisServer


class Stopwatch:
    """Wall and processor time of this process."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu()

    def told(self, what: str, count: int) -> str:
        """A rate, and milliseconds of processor time each."""
        wall, cpu = time.perf_counter() - self._wall, _cpu() - self._cpu
        return f"{what:44} {count / wall:8.0f}/s  {1_000 * cpu / count:.3f} CPU-ms"


def _cpu() -> float:
    times = os.times()
    return times.user + times.system


def messages(count: int) -> list[Any]:
    """As they come from the outbox: an order each, a payment's size."""
    make = Make()
    data = b'{"id":"pay_1","metadata":{"x":"' + b"y" * 500 + b'"}}'
    return [make.message(id=f"evt_{new_ulid()}", data=data) for _ in range(count)]


async def publishing(sync: str, count: int = 4_000) -> None:
    """The relay's publisher against the driver's bare publish_async, 64 in flight."""
    server = NatsServer(sync=sync)
    platform = Platform(server.url())
    await platform.open()
    events, sent = JetStreamEvents(platform), messages(count)
    watch = Stopwatch()
    for first in range(0, count, 256):
        await events.publish(sent[first : first + 256])
    tell(watch.told(f"publish, sync_interval {sync}", count))
    context, body = platform.context(), b"x" * 900
    watch = Stopwatch()
    for first in range(0, count, 64):
        acks = [
            await context.publish_async("basepay.events.raw.payment.closed", body)
            for _ in range(first, min(first + 64, count))
        ]
        await asyncio.gather(*acks)
    tell(watch.told(f"bare publish_async, sync_interval {sync}", count))
    watch = Stopwatch()
    assert not await events.missing(sent)
    tell(watch.told("compared with the outbox", count))
    await platform.aclose()
    server.remove()


async def latency(sync: str, rate: int = 100, seconds: int = 15) -> None:
    """From the commit to the consumer, at a steady rate."""
    server, store = NatsServer(sync=sync), MemoryStore(SystemClock())
    platform = Platform(server.url())
    await platform.open()
    await declare_app(platform.context(), "shop")
    committed: dict[str, float] = {}
    took: list[float] = []
    woken = asyncio.Event()
    announce = AnnounceEvents(
        outbox=store.outbox, publisher=JetStreamEvents(platform), clock=SystemClock()
    )

    async def relay() -> None:
        while True:
            await woken.wait()
            woken.clear()
            while await announce():
                pass

    async def consume() -> None:
        subscription = await platform.context().pull_subscribe_bind("app-shop", EVENTS)
        while len(took) < rate * seconds:
            for message in await subscription.fetch(50, timeout=5):
                took.append(time.perf_counter() - committed[(message.headers or {})["Nats-Msg-Id"]])
                await message.ack()

    relaying, consuming = asyncio.create_task(relay()), asyncio.create_task(consume())
    for message in messages(rate * seconds):
        async with store.work() as work:
            work.append(message)
            await work.commit()
        committed[message.id] = time.perf_counter()
        woken.set()
        await asyncio.sleep(1 / rate)
    await consuming
    relaying.cancel()
    cuts = quantiles(took, n=100)
    tell(
        f"commit to consumer at {rate}/s, sync {sync}: p50 {1e3 * cuts[49]:.1f} ms, "
        f"p99 {1e3 * cuts[98]:.1f} ms"
    )
    await platform.aclose()
    server.remove()


async def twins(at_once: int, count: int = 6_000) -> None:
    """What Redis adds to a first request: lock, look, put, release."""
    server = RedisServer()
    line, bell = Line(server.url, answer_seconds=5), Bell(server.url)
    locks = RedisLocks(line, bell, near=InProcessLocks(), namespace="b")
    answers = RedisAnswers(line, namespace="b")
    kept = KeptAnswer("f" * 64, 201, b"x" * 700, "pay_1")
    waits: list[float] = []

    async def first(number: int) -> None:
        begun, key = time.perf_counter(), f"shop:POST /v1/payments:{number}"
        reading = asyncio.ensure_future(answers.get(key))
        token = await locks.acquire(key, wait_seconds=10)
        assert await reading is None
        waits.append(time.perf_counter() - begun)
        answers.put(key, kept)
        await locks.release(key, token or "")

    async def client(mine: range) -> None:
        for number in mine:
            await first(number)

    watch = Stopwatch()
    await asyncio.gather(*(client(range(n, count, at_once)) for n in range(at_once)))
    cuts = quantiles(waits, n=100)
    tell(
        watch.told(f"Redis on a first request, {at_once} at once", count)
        + f"  waits p50 {1e3 * cuts[49]:.2f} ms, p99 {1e3 * cuts[98]:.2f} ms",
    )
    await bell.aclose()
    await line.aclose()
    server.remove()


def tell(line: str) -> None:
    """Say it at once: the next figure takes a while."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    """All of it."""
    for sync in ("2m", "always"):
        await publishing(sync)
        await latency(sync)
    for at_once in (1, 8, 32):
        await twins(at_once)


if __name__ == "__main__":
    uvloop.run(main())
