"""How fast a day of movements is read: `python -m tests.bench.books [--rows N]`.

By default 1 000 000 payments, a tenth of them refunded, among as many of other days, in SQLite and
in a PostgreSQL from its wheel. Memory is that of a process which does nothing but read.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import asyncpg
import uvloop

from adapters.persistence.sql import migrate
from adapters.persistence.sql.order_rows import payment_row, refund_row
from adapters.persistence.sql.sqlite import _connect
from adapters.persistence.sql.store import SqlStore
from adapters.persistence.sql.values import Value, micros
from domain.method import Provider
from tests.adapters.persistence.making import NOW, Make
from tests.servers.postgres import PostgresServer

MILLION, BATCH, REFUNDED = 1_000_000, 20_000, 10
A_DAY = timedelta(days=1)
START, END = NOW - A_DAY, NOW


def rows(count: int) -> Iterator[tuple[dict[str, Value], dict[str, Value] | None]]:
    """Payments in the order of their success, half of them on the day; and their refunds."""
    make = Make()
    payment = make.paid()
    paid = dict(payment_row(payment))
    gone = dict(refund_row(make.refund(payment)))
    first, step = micros(START - A_DAY), 2 * 86_400_000_000 // (2 * count)
    for place in range(2 * count):
        number, at = f"{place:026d}", first + place * step
        own = {"id": f"pay_{number}", "order_no": number, "provider_order_no": f"d1{number}"}
        refund: dict[str, Value] | None = None
        if place % REFUNDED == 0:
            theirs = {"id": f"ref_{number}", "refund_no": number, "payment_id": f"pay_{number}"}
            theirs |= {"provider_refund_no": f"d1r{number}"}
            refund = {**gone, **theirs, "accepted_at": at}
        yield {**paid, **own, "created_at": at, "succeeded_at": at}, refund


def batches(count: int) -> Iterator[tuple[list[dict[str, Value]], list[dict[str, Value]]]]:
    payments: list[dict[str, Value]] = []
    refunds: list[dict[str, Value]] = []
    for payment, refund in rows(count):
        payments.append(payment)
        refunds += [refund] if refund else []
        if len(payments) == BATCH:
            yield payments, refunds
            payments, refunds = [], []
    yield payments, refunds


def fill_sqlite(path: Path, count: int) -> None:
    with closing(_connect(path)) as connection:
        for batch in batches(count):
            connection.execute("BEGIN")
            for table, some in zip(("payments", "refunds"), batch, strict=True):
                if some:
                    marks = ", ".join(f":{name}" for name in some[0])
                    text = f"INSERT INTO {table} ({', '.join(some[0])}) VALUES ({marks})"
                    connection.executemany(text, some)
            connection.execute("COMMIT")


async def fill_postgres(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        for batch in batches(count):
            for table, some in zip(("payments", "refunds"), batch, strict=True):
                if some:
                    records = [tuple(each.values()) for each in some]
                    await connection.copy_records_to_table(
                        table, records=records, columns=list(some[0])
                    )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def read(url: str) -> None:
    """Read the day; print what it took."""
    store = await SqlStore.open(url)
    loop = asyncio.get_running_loop()
    longest = 0.0

    async def feel_the_loop() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - before)
            await asyncio.sleep(0.001)

    idle = _peak_mb()
    feeling = asyncio.create_task(feel_the_loop())
    cpu, begun, first, found = time.process_time(), time.perf_counter(), 0.0, 0
    async for page in store.books.movements("wechat-main", Provider.WECHAT, START, END):
        first = first or time.perf_counter() - begun
        found += len(page)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    feeling.cancel()
    await store.close()
    figures = {
        "movements": found,
        "seconds": round(seconds, 2),
        "a second": round(found / seconds),
        "first page after": round(first, 2),
        "CPU": round(cpu, 2),
        "loop held, ms": round(longest * 1000, 1),
        "peak MB": round(_peak_mb()),
        "of them idle": round(idle),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(url: str) -> None:
    """Twice, each in a process of its own."""
    sys.stdout.write(f"{url.partition(':')[0]}\n")
    sys.stdout.flush()
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "tests.bench.books", "--read", url], check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=MILLION)
    parser.add_argument("--read", help="a database that is filled already")
    given = parser.parse_args()
    if given.read:
        uvloop.run(read(given.read))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        migrate.upgrade(f"sqlite:///{path}")
        fill_sqlite(path, given.rows)
        measure(f"sqlite:///{path}")
    server = PostgresServer()
    try:
        url = asyncio.run(server.create())
        migrate.upgrade(url)
        asyncio.run(fill_postgres(url, given.rows))
        measure(url)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
