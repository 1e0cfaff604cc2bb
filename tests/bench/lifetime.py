"""What one payment costs PostgreSQL in its whole life: `python -m tests.bench.lifetime [count]`.

Prepay, callback and event, through the real use cases; the provider, the callbacks' queue and the
event platform are in memory. Prints for each payment what docs/scale.md computes with.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from adapters.clock import SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from adapters.providers.in_memory.provider import InMemoryProvider
from application.accounts import Accounts
from application.app import App, World
from application.shared import Shared
from domain.method import Provider
from tests.servers.postgres import PostgresServer
from tests.worlds import MemoryWorld, seen

COUNT, AT_ONCE = 4_096, 64

FACTS = """
select pg_current_wal_lsn() - '0/0'::pg_lsn as wal_bytes,
       pg_database_size(current_database()) as stored_bytes,
       (select xact_commit from pg_stat_database where datname = current_database()) as transactions
"""


class Shop(MemoryWorld):
    """The books in PostgreSQL, the rest in memory."""

    def __init__(self, store: SqlStore) -> None:
        clock = SystemClock()
        self.wechat = InMemoryProvider("wechat-main", Provider.WECHAT, clock)
        locks = InProcessLocks()
        self.app = App(
            World(
                work=store.work,
                outbox=store.outbox,
                callbacks=MemoryStore(clock).callbacks,
                agenda=store.agenda,
                library=store.library,
                directory=store.directory,
                publisher=InProcessPublisher(),
                locks=locks,
                accounts=Accounts({"wechat-main": self.wechat.account()}),
                clock=clock,
                wall_clock=clock,
                new_id=new_ulid,
                number_prefix="t1",
                pings={},
                shared=Shared(tokens=InProcessTokens(clock), locks=locks, clock=clock),
            )
        )

    async def begins(self, number: int) -> None:
        """A payment is asked for, paid, and called back about."""
        payment = seen(await self.pay(f"key-{number}", order_no=f"SO-{number}"))
        self.wechat.payer_pays(payment["provider_order_no"])
        body = self.wechat.callback("payment", payment["provider_order_no"])
        await self.app.receive_callback(self.wechat.provider, "wechat-main", {}, body)


async def live(shop: Shop, numbers: range) -> None:
    for first in numbers[::AT_ONCE]:
        await asyncio.gather(*map(shop.begins, range(first, first + AT_ONCE)))
        await shop.settle()


async def measure(url: str, postmaster: int, count: int) -> None:
    store = await SqlStore.open(url)
    looker = await asyncpg.connect(url)
    try:
        shop, first = Shop(store), 10 * AT_ONCE
        await live(shop, range(first))  # every connection is there, every statement prepared
        before = await facts(looker, postmaster)
        await live(shop, range(first, first + count))
        after = await facts(looker, postmaster)
    finally:
        await looker.close()
        await store.close()
    for name, value in after.items():
        sys.stdout.write(f"{name:22} {(value - before[name]) / count:10.3f} a payment\n")


async def facts(looker: asyncpg.Connection, postmaster: int) -> dict[str, float]:
    """Everything that only grows, so far."""
    await asyncio.sleep(1.5)  # counters are told once a second at the most
    stored: dict[str, Any] = dict(await looker.fetchrow(FACTS) or {})
    return {
        "our CPU-ms": time.process_time() * 1_000,
        "PostgreSQL's CPU-ms": cpu_seconds(postmaster) * 1_000,
        **{name: float(value) for name, value in stored.items()},
    }


def cpu_seconds(postmaster: int) -> float:
    """Of it and all its processes that are still there."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        pid = int(stat.parent.name)
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        if postmaster in (pid, int(words[1])):
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    count = int(sys.argv[1] if sys.argv[1:] else COUNT) // AT_ONCE * AT_ONCE
    server = PostgresServer()
    try:
        url = asyncio.run(server.create())
        migrate.upgrade(url)
        postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
        uvloop.run(measure(url, postmaster, count))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
