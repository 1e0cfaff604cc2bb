"""What still works while one of the servers, or a provider, does not. Nothing is lost meanwhile."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from domain.method import Method
from tests.books import View
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.shape import Shape

SUCCEEDED = ["basepay.payment.succeeded"]

#: The simulators repeat a callback sooner than this.
A_WHILE = 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(fsync="off")
    yield server
    server.remove()


@pytest.fixture
def shape(run, postgres) -> Iterator[Shape]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis, nats = RedisServer(), NatsServer()
        stack.callback(redis.remove)
        stack.callback(nats.remove)
        shape = Shape(postgres, redis, nats, Path(folder))
        run(shape.__aenter__())
        yield shape
        run(shape.__aexit__())


async def is_asked_and_answers(shape: Shape, number: str) -> None:
    """A whole journey."""
    payment = (await shape.pay(number)).raise_for_status().json()
    await shape.payer_pays(payment)
    assert await shape.until(lambda: shape.heard(payment), SUCCEEDED) == SUCCEEDED


async def owed(shape: Shape) -> list[int]:
    """How often each callback that is still owed was tried."""
    return [each["attempts"] for each in (await shape.book())["pending_callbacks"]]


def test_without_redis_twins_at_two_processes_still_make_one_order(run, shape):
    async def story() -> None:
        shape.redis.kill()
        asked = await asyncio.gather(*(shape.pay("SO-1", api=n % 2) for n in range(20)))
        again = await shape.pay("SO-1", api=1)
        await is_asked_and_answers(shape, "SO-2")
        shape.redis.start()

        answers = {each.content for each in asked if each.status_code == 201}
        assert {each.status_code for each in asked} <= {201, 409}
        assert answers == {again.content}
        assert len((await shape.book())["orders"]) == 2
        await is_asked_and_answers(shape, "SO-3")

    run(story())


def test_a_redis_that_forgets_everything_charges_nobody_twice(run, shape):
    async def story() -> None:
        twins = [asyncio.create_task(shape.pay("SO-1", api=n % 2)) for n in range(30)]
        for _ in range(10):
            shape.redis.flush()
            await asyncio.sleep(0.005)
        answers = [each for each in await asyncio.gather(*twins) if each.status_code == 201]

        assert len({each.content for each in answers}) == 1
        assert len((await shape.book())["orders"]) == 1

    run(story())


def test_without_nats_callbacks_are_refused_and_events_wait(run, shape):
    async def story() -> None:
        payment = (await shape.pay("SO-1")).json()
        shape.nats.kill()
        assert (await shape.gateway.get("/readyz")).status_code == 503
        assert (await shape.apis[0].get("/readyz")).status_code == 200

        await shape.payer_pays(payment)
        assert await shape.until(lambda: owed(shape), [1]) == [1]
        await shape.time_passes(A_WHILE)  # the sweeper finds out by itself
        assert await shape.until(lambda: shape.status(payment), "succeeded") == "succeeded"
        assert await shape.heard(payment) == []

        shape.nats.start()
        assert await shape.until(lambda: shape.heard(payment), SUCCEEDED) == SUCCEEDED
        await shape.time_passes(86_400)
        assert await shape.until(lambda: owed(shape), []) == []

    run(story())


def test_without_postgres_callbacks_are_taken_and_the_api_says_when_to_come_back(run, shape):
    async def story() -> None:
        payment = (await shape.pay("SO-1")).json()
        shape.postgres.kill()
        refused = await shape.pay("SO-2")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.json()["code"] == "unavailable"
        assert (await shape.apis[0].get("/readyz")).status_code == 503
        assert (await shape.gateway.get("/readyz")).json()["checks"] == {"event_platform": "ok"}

        await shape.payer_pays(payment)
        assert await shape.until(lambda: owed(shape), []) == []

        shape.postgres.start()
        assert await shape.until(lambda: shape.status(payment), "succeeded") == "succeeded"
        assert await shape.until(lambda: shape.heard(payment), SUCCEEDED) == SUCCEEDED
        assert (await shape.pay("SO-2")).status_code == 201

    run(story())


def test_a_silent_provider_leaves_its_orders_open_and_the_other_one_alone(run, shape):
    async def story() -> None:
        silent = {"kind": "cut_before_effect", "provider": "wechat", "times": None}
        (await shape.sandbox.post("/sandbox/faults", json=silent)).raise_for_status()
        unheard, heard = await asyncio.gather(
            shape.pay("SO-1"), shape.pay("SO-2", Method.ALIPAY_QR, api=1)
        )
        assert (unheard.status_code, unheard.json()["status"]) == (202, "created")
        assert (heard.status_code, heard.json()["status"]) == (201, "created")
        await shape.payer_pays(heard.json())
        assert await shape.until(lambda: shape.status(heard.json()), "succeeded") == "succeeded"

        await shape.sandbox.delete("/sandbox/faults")
        await shape.time_passes(A_WHILE)
        assert await shape.until(lambda: shape.can_be_paid(unheard.json()), wanted=True)
        await is_asked_and_answers(shape, "SO-1")

    run(story())


def test_refunds_that_race_at_two_processes_never_give_back_more_than_was_paid(run, shape):
    """T4e: each alone is fine, and no two of them wait for each other."""

    async def refund(payment: View, number: int) -> httpx.Response:
        body = {"payment_id": payment["id"], "refund_no": f"R-{number}", "amount": 150}
        key = {"Idempotency-Key": f"R-{number}"}
        api: httpx.AsyncClient = shape.apis[number % 2]
        return await api.post("/v1/refunds", json=body | {"reason": "cold tea"}, headers=key)

    async def story() -> None:
        payment = (await shape.pay("SO-1")).json()
        await shape.payer_pays(payment)
        assert await shape.until(lambda: shape.status(payment), "succeeded") == "succeeded"

        answers = await asyncio.gather(*(refund(payment, number) for number in range(32)))

        refused = [each for each in answers if each.is_error]
        assert {each.json()["code"] for each in refused} == {"refund_exceeds_payment"}
        assert len(answers) - len(refused) == payment["amount"] // 150
        accepted = (await shape.apis[0].get("/v1/refunds")).json()["items"]
        assert sum(each["amount"] for each in accepted) <= payment["amount"]

    run(story())
