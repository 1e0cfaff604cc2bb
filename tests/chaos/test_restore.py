"""The guide's way back from a copy, rehearsed: dump under load, restore, migrate, serve, sweep."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from domain.method import Method
from tests.books import SITE, View, Views, disagreements
from tests.load import Lines
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.shape import Shape


@pytest.fixture
def shape(run) -> Iterator[Shape]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        postgres, redis, nats = PostgresServer(fsync="off"), RedisServer(), NatsServer()
        for server in (postgres, redis, nats):
            stack.callback(server.remove)
        shape = Shape(postgres, redis, nats, Path(folder))
        run(shape.__aenter__())
        yield shape
        run(shape.__aexit__())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_copy_catches_up_with_the_providers_and_knows_nothing_younger(run, shape, tmp_path):
    copy = tmp_path / "copy.dump"

    async def story() -> None:
        paid, open_, left = [await ordered(shape, f"SO-{each}") for each in range(3)]
        await shape.payer_pays(paid)
        assert await shape.until(lambda: shape.status(paid), "succeeded") == "succeeded"
        await copied_under_load(shape, copy)
        await refunded(shape, paid)
        await shape.payer_pays(open_)
        younger = await ordered(shape, "SO-younger", Method.ALIPAY_QR)
        known_before = await everything(shape)

        await shape.end()
        await shape.payer_pays(younger)
        await restored(shape, copy)

        known = await everything(shape)
        assert paid["id"] in known
        assert younger["id"] not in known
        async with Lines.to(shape.started) as lines:
            lines.look_every_seconds = 0.2
            await lines.settle()
            lost = {known_before[id]["provider_order_no"] for id in known_before if id not in known}
            assert await differing(lines, lost) == []
            incidents = (await lines.operator.get("/v1/incidents")).json()["items"]
        assert await shape.status(open_) == "succeeded"
        assert await shape.status(left) == "closed"
        assert {each["kind"] for each in incidents} == {"unknown_order", "external_refund"}

    run(story())


async def differing(lines: Lines, lost: set[str]) -> list[str]:
    """Whatever the books do not agree on, once the last events were announced, too."""
    told = ["nothing was read"]
    for _ in range(300):
        book, *ours = await lines.books()
        told = disagreements(without(book, lost), *adopted(*ours))
        if not told:
            break
        await asyncio.sleep(lines.look_every_seconds)
    return told


async def copied_under_load(shape: Shape, copy: Path) -> None:
    """Some orders are in the copy, some are too young."""
    over = asyncio.Event()

    async def customer(name: str) -> None:
        for number in count():
            await shape.payer_pays(await ordered(shape, f"{name}-{number}"))
            if over.is_set():
                return

    customers = [asyncio.create_task(customer(name)) for name in "ABC"]
    await asyncio.sleep(0.3)
    words = ("-Fc", f"--file={copy}")
    await asyncio.to_thread(shape.postgres.run, "pg_dump", *words, url=shape.database_url)
    over.set()
    await asyncio.gather(*customers)


async def ordered(shape: Shape, number: str, method: Method = Method.WECHAT_NATIVE) -> View:
    view: View = (await shape.pay(number, method)).raise_for_status().json()
    return view


async def refunded(shape: Shape, payment: View) -> None:
    body = {"payment_id": payment["id"], "refund_no": "R-1", "amount": 99, "reason": "x"}
    asked = shape.apis[0].post("/v1/refunds", json=body, headers={"Idempotency-Key": "R-1"})
    (await asked).raise_for_status()


async def everything(shape: Shape) -> dict[str, View]:
    async with Lines.to(shape.started) as lines:
        return {each["id"]: each for each in await lines.all_of("payments")}


async def restored(shape: Shape, copy: Path) -> None:
    """As the guide says."""
    url = await shape.postgres.create()
    await asyncio.to_thread(shape.postgres.run, "pg_restore", "--exit-on-error", str(copy), url=url)
    shape.redis.flush()
    await shape.serve_from(url)


def adopted(payments: Views, refunds: Views, events: Views) -> tuple[Views, list[View], Views]:
    """A refund of ours that the copy does not know looks like one of the merchant's site."""
    ours = [
        each if each["provider_refund_no"].startswith(SITE) else each | {"initiated_by": "app"}
        for each in refunds
    ]
    return payments, ours, events


def without(book: View, lost: set[str]) -> View:
    """The providers' book, but for orders that the copy is too old for."""
    return book | {
        kind: [each for each in book[kind] if each["provider_order_no"] not in lost]
        for kind in ("orders", "refunds")
    }
