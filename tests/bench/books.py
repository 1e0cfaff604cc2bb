"""How fast a day of movements is read: `python -m tests.bench.books [--rows N]`.

By default 1 000 000 payments, a tenth of them refunded, among as many of other days, in SQLite and
in a PostgreSQL from its wheel. Memory is that of a process which does nothing but read.
"""

import argparse
import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import asyncpg
import uvloop
from sqlalchemy import Table

from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from adapters.persistence.sql.tables import payments, refunds
from adapters.persistence.sql.values import micros
from domain.method import Provider
from tests.adapters.persistence.making import NOW, Make
from tests.servers.postgres import PostgresServer

MILLION, REFUNDED = 1_000_000, 10
A_DAY = timedelta(days=1)
START, END = NOW - A_DAY, NOW


#: The numbers from 0, and how one of them is written with 26 digits.
NUMBERS = {
    "sqlite": (
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})",
        "printf('%026d', n)",
    ),
    "postgresql": (
        "WITH numbers AS MATERIALIZED (SELECT generate_series(0::bigint, {}) AS n)",
        "lpad(n::text, 26, '0')",
    ),
}


def texts(dialect: str, count: int) -> list[str]:
    """Two days of payments in the order of their success, some refunded: copies of the only one."""
    numbers, number = NUMBERS[dialect]
    step = 86_400_000_000 // count
    at = f"({micros(START - A_DAY)} + n * {step})"
    both = {"account": "'wechat-main'", "created_at": at}
    paid = {
        "id": f"'pay_' || {number}",
        "order_no": number,
        "provider_order_no": f"'d1' || {number}",
    }
    gone = {"id": f"'ref_' || {number}", "refund_no": number, "payment_id": f"'pay_' || {number}"}
    gone |= {"provider_refund_no": f"'d1r' || {number}", "accepted_at": at}
    copies = [
        _copies(payments, paid | both | {"succeeded_at": at}),
        _copies(refunds, gone | both) + f" AND n % {REFUNDED} = 0",
    ]
    return [f"{numbers.format(2 * count - 1)} {each}" for each in copies]


def _copies(table: Table, fields: Mapping[str, str]) -> str:
    names = [column.name for column in table.columns]
    values = ", ".join(fields.get(name, f"{table.name}.{name}") for name in names)
    template = f"{table.name}.id LIKE '%template'"
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    return f"{into} SELECT {values} FROM {table.name}, numbers WHERE {template}"


async def keep_templates(url: str) -> None:
    """One payment and its refund, of another account."""
    make = Make()
    payment = make.paid(id="pay_template", account="template", provider_order_no="template")
    refund = make.refund(payment, id="ref_template", account="template")
    store = await SqlStore.open(url)
    async with store.work() as work:
        work.payments.save(payment)
        work.refunds.save(refund)
        await work.commit()
    await store.close()


def fill_sqlite(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for text in texts("sqlite", count):
            connection.execute(text)


async def fill_postgres(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        for text in texts("postgresql", count):
            await connection.execute(text)
        await connection.execute("VACUUM ANALYZE")
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
        url = f"sqlite:///{path}"
        migrate.upgrade(url)
        asyncio.run(keep_templates(url))
        fill_sqlite(path, given.rows)
        measure(url)
    server = PostgresServer()
    try:
        url = asyncio.run(server.create())
        migrate.upgrade(url)
        asyncio.run(keep_templates(url))
        asyncio.run(fill_postgres(url, given.rows))
        measure(url)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
