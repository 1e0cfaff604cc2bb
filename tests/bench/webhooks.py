"""How fast events reach receivers: real sockets, a real database, everything kept.

    python -m tests.bench.webhooks [count] [--postgres]

The receiver is a process of its own. Prints for 1 and 16 endpoints how many deliveries a second,
and what each costs basepay; then the same beside an endpoint that never answers.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from adapters.clock import SystemClock
from adapters.ids import new_ulid
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from adapters.webhooks.rules import Rules
from adapters.webhooks.sender import HttpSender
from adapters.webhooks.vault import AesVault
from application.deliver_webhooks import DeliverWebhooks
from application.queue_webhooks import PublishToWebhooks
from application.records import Caller, Message
from application.webhook_endpoints import WebhookEndpoints
from application.webhook_ports import DeliveryFilter, Webhooks
from domain.webhook import DeliveryStatus
from entrypoints.worker import Wakeups, _deliver_each, _repeat
from tests.adapters.persistence.making import Make
from tests.servers.postgres import PostgresServer

COUNT, BATCH = 5_000, 200
OPEN = Rules(networks=("127.0.0.0/8",), any_port=True, plain_http=True)
DATA = b'{"id":"pay_01JD8Z6W8RC0VD2P6V2T9WQ4XN","subject":"' + b"x" * 700 + b'"}'


class AllTaken:
    """An event platform that costs nothing."""

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        return [message.id for message in messages]


def receive(port: "multiprocessing.Queue[int]") -> None:
    """Answer 204 to everything, and nothing at all on the second port."""

    class Good(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.rest = transport, b""

        def data_received(self, data):
            self.rest += data
            while (end := self.rest.find(b"\r\n\r\n")) >= 0:
                head = self.rest[:end].lower()
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                if len(self.rest) < end + 4 + length:
                    return
                self.rest = self.rest[end + 4 + length :]
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for kind in (Good, asyncio.Protocol):
            server = await loop.create_server(kind, "127.0.0.1", 0)
            port.put(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


@asynccontextmanager
async def opened(postgres: bool):
    if postgres:
        server = await asyncio.to_thread(PostgresServer)
        url = await server.create()
        await asyncio.to_thread(migrate.upgrade, url)
        store = await SqlStore.open(url)
        try:
            yield store
        finally:
            await store.close()
            await asyncio.to_thread(server.remove)
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate.upgrade(url)
        store = await SqlStore.open(url)
        yield store
        await store.close()


async def measure(store: SqlStore, make: Make, *, ports, endpoints: int, dead: int, count: int):
    sender = HttpSender(OPEN, SystemClock())
    outside = Webhooks(
        endpoints=store.webhooks.endpoints,
        deliveries=store.webhooks.deliveries,
        log=store.webhooks.log,
        vault=AesVault(bytes(32)),
        sender=sender,
    )
    clock = SystemClock()
    manage = WebhookEndpoints(outside, clock=clock, new_id=new_ulid)
    apps = [f"app-{new_ulid().lower()}" for _ in range(endpoints + dead)]
    made = [
        (await manage.create(Caller(app), f"http://127.0.0.1:{ports[place >= endpoints]}/", []))[0]
        for place, app in enumerate(apps)
    ]
    publisher = PublishToWebhooks(AllTaken(), outside, clock=clock, new_id=new_ulid)
    started, cpu = time.perf_counter(), cpu_seconds()
    for start in range(0, count, BATCH):
        messages = [
            make.message(app=apps[(start + each) % len(apps)], data=DATA) for each in range(BATCH)
        ]
        async with store.work() as work:
            for message in messages:
                work.append(message)
            await work.commit()
        await publisher.publish(messages)
    queued, queue_cpu = time.perf_counter() - started, cpu_seconds() - cpu

    deliver = DeliverWebhooks(outside, clock=clock, new_id=new_ulid)

    async def at_work():
        wakeups = Wakeups()
        async with asyncio.TaskGroup() as tasks:
            step = _deliver_each(deliver, tasks, wakeups.stop)
            tasks.create_task(_repeat(step, wakeups.delivery, wakeups.stop, 0.2))

    started, cpu = time.perf_counter(), cpu_seconds()
    working = asyncio.create_task(at_work())
    while any([await waits(store, each.id) for each in made[:endpoints]]):  # noqa: ASYNC110 -- nobody tells
        await asyncio.sleep(0.05)
    elapsed, used = time.perf_counter() - started, cpu_seconds() - cpu
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await sender.close()
    for each in made:
        await store.webhooks.endpoints.remove(each.id)
    done = count * endpoints // (endpoints + dead)
    sys.stdout.write(
        f"{endpoints:>3} endpoints, {dead} silent: {done / elapsed:6.0f} deliveries/s,"
        f" {used / done * 1_000:.2f} CPU-ms each; queued {count / queued:6.0f}/s,"
        f" {queue_cpu / count * 1_000:.2f} CPU-ms with their commit\n"
    )


async def waits(store: SqlStore, id: str) -> bool:
    wanted = DeliveryFilter(id, status=DeliveryStatus.WAITING, limit=1)
    return bool((await store.webhooks.log.page(wanted)).items)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(count: int, *, postgres: bool) -> None:
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    receiver = multiprocessing.Process(target=receive, args=(port,), daemon=True)
    receiver.start()
    ports = [port.get(), port.get()]
    try:
        async with opened(postgres) as store:
            make = Make()
            for endpoints, dead in ((1, 0), (16, 0), (16, 1)):
                await measure(store, make, ports=ports, endpoints=endpoints, dead=dead, count=count)
    finally:
        receiver.terminate()


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:] if each.isdigit()]
    asyncio.run(main(*(given or [COUNT]), postgres="--postgres" in sys.argv))
