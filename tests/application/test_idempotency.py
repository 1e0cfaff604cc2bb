"""One key, one execution, one answer, whatever breaks."""

import asyncio

import pytest

from domain.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidRequest
from tests.worlds import seen


def test_a_repetition_hears_the_first_answer_byte_for_byte(run, world):
    first = run(world.pay())
    world.wechat.payer_pays(seen(first)["provider_order_no"])
    run(world.callback("payment", seen(first)["provider_order_no"]))

    again = run(world.pay())

    assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_the_key_is_bound_to_its_body(run, world):
    run(world.pay())

    with pytest.raises(IdempotencyKeyReused):
        run(world.pay(amount=1))


def test_a_problem_leaves_the_key_free(run, world):
    with pytest.raises(InvalidRequest):
        run(world.pay(order_no="!"))

    assert run(world.pay()).status == 201


def test_fifty_twins_make_one_order_and_hear_one_answer(run, world):
    async def twins() -> list[bytes]:
        answers = await asyncio.gather(*(world.pay() for _ in range(50)))
        return [answer.body for answer in answers]

    bodies = run(twins())

    assert len(set(bodies)) == 1
    assert [call for call, _ in world.wechat.calls] == ["start"]


def test_a_crashed_request_is_resumed_not_run_again(run, world):
    class Crash(BaseException):
        pass

    async def crash(payment: object) -> None:
        raise Crash

    world.wechat.start, start = crash, world.wechat.start
    with pytest.raises(Crash):
        run(world.pay())
    world.wechat.start = start
    world.clock.advance(21)

    answer = run(world.pay())

    assert (answer.status, len(world.wechat.book)) == (201, 1)
    assert run(world.pay()).body == answer.body


def test_while_the_owner_may_still_live_a_repetition_waits_in_vain(run, world, monkeypatch):
    monkeypatch.setattr("application.idempotency.WAIT_SECONDS", 0.0)

    async def cancelled_midway() -> None:
        heard = asyncio.Event()

        async def hang(payment: object) -> None:
            heard.set()
            await asyncio.Event().wait()

        world.wechat.start, start = hang, world.wechat.start
        task = asyncio.create_task(world.pay())
        await heard.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        world.wechat.start = start

    run(cancelled_midway())

    with pytest.raises(IdempotencyInProgress):
        run(world.pay())
