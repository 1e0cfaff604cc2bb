"""How many orders with their events a database keeps: `python -m tests.bench.persistence`.

Without an argument SQLite and a PostgreSQL from its wheel, both as durable as in production; with a
URL that empty database.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from tests.adapters.persistence.making import Make
from tests.servers.postgres import PostgresServer


async def measure(store: SqlStore, make: Make, *, concurrency: int, units: int) -> None:
    """Print units a second, CPU-ms a unit, and the latency in the middle and near the end."""
    taken: list[float] = []

    async def work_through(share: int) -> None:
        for _ in range(share):
            payment, message = make.payment(), make.message()
            begun = time.perf_counter()
            async with store.work() as work:
                work.payments.save(payment)
                work.append(message)
                await work.commit()
            taken.append(time.perf_counter() - begun)

    cpu, begun = _cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(work_through(units // concurrency) for _ in range(concurrency)))
    elapsed, used = time.perf_counter() - begun, _cpu_seconds() - cpu
    taken.sort()
    done = len(taken)
    sys.stdout.write(
        f"c={concurrency:<3} {done / elapsed:8.0f} units/s  {used / done * 1000:.3f} CPU-ms"
        f"  p50 {taken[done // 2] * 1000:.2f} ms  p99 {taken[done * 99 // 100] * 1000:.2f} ms\n"
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure_all(url: str) -> None:
    """One caller alone, then many at once."""
    store, make = await SqlStore.open(url), Make()
    for concurrency, units in ((1, 2_000), (32, 20_000), (128, 20_000)):
        await measure(store, make, concurrency=concurrency, units=units)
    await store.close()


def bench(url: str) -> None:
    sys.stdout.write(f"{url.partition(':')[0]}\n")
    migrate.upgrade(url)
    uvloop.run(measure_all(url))


def main() -> None:
    if sys.argv[1:]:
        bench(sys.argv[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        bench(f"sqlite:///{Path(folder) / 'bench.db'}")
    server = PostgresServer()
    try:
        bench(asyncio.run(server.create()))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
