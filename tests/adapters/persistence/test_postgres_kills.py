"""The postmaster is killed under load: what was acknowledged is there when it is back (T4a).

`PROOF_KILLS` sets how often (default 3).
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from application.ports import Unavailable
from application.records import Filter
from tests.servers.postgres import PostgresServer

KILLS = int(os.environ.get("PROOF_KILLS", "3"))


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """As it runs in production: whatever it acknowledges is on the disk."""
    server = PostgresServer()
    yield server
    server.remove()


class Load:
    """Writers that go on whatever happens, and remember what they were told."""

    def __init__(self, store, make):
        self.store, self.make, self.acknowledged, self.over = store, make, [], False

    async def write(self) -> None:
        while not self.over:
            payment = self.make.payment()
            message = replace(self.make.message(), order_id=payment.id)
            try:
                async with self.store.work() as work:
                    work.payments.save(payment)
                    work.append(message)
                    await work.commit()
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                self.acknowledged.append(payment)

    async def goes_on(self) -> None:
        """Return once more was acknowledged, on a store that nobody opened anew."""
        enough = len(self.acknowledged) + 100
        async with asyncio.timeout(60):
            while len(self.acknowledged) < enough:  # noqa: ASYNC110 -- others do the work
                await asyncio.sleep(0.01)


@pytest.mark.timeout(120 + 30 * KILLS)
def test_what_was_acknowledged_survives_kills_of_the_server(run, server, make):
    url = run(server.create())
    migrate.upgrade(url)

    async def load_and_kill():
        store = await SqlStore.open(url)
        load = Load(store, make)
        writers = [asyncio.create_task(load.write()) for _ in range(16)]
        for _ in range(KILLS):
            await load.goes_on()
            server.kill()
            await asyncio.to_thread(server.start)
        await load.goes_on()
        load.over = True
        await asyncio.gather(*writers)
        kept = await all_of(store)
        events = {each.order_id for each in await store.outbox.waiting(1_000_000)}
        await store.close()
        return load.acknowledged, kept, events

    acknowledged, kept, events = run(load_and_kill())

    assert {payment.id for payment in acknowledged} <= kept
    assert kept == events


async def all_of(store: SqlStore) -> set[str]:
    page = await store.library.payments(Filter(limit=1_000_000))
    return {payment.id for payment in page.items}
