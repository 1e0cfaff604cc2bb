"""One connection for all: quick, in order, and soon given up."""

import asyncio

import pytest

from adapters.redis import line as line_module
from adapters.redis.line import RedisSilent
from tests.adapters.redis.conftest import PATIENT


def test_commands_given_together_travel_together_and_in_order(run, start_process, namespace):
    line = start_process().line
    batches = []
    exchange = line._exchange

    async def counted(commands):
        batches.append(len(commands))
        return await exchange(commands)

    line._exchange = counted

    async def story():
        line.tell("SET", namespace, "2")
        return await asyncio.gather(line.ask("INCR", namespace), line.ask("GET", namespace))

    assert run(story()) == [3, b"3"]
    assert sum(batches) == 3
    assert batches[-1] == 2


def test_a_refused_command_disturbs_no_other(run, start_process, namespace):
    line = start_process().line

    async def story():
        return await asyncio.gather(
            line.ask("LPUSH", namespace, "x"),
            line.ask("GET", namespace),
            line.ask("LLEN", namespace),
            return_exceptions=True,
        )

    pushed, wrong, length = run(story())

    assert (pushed, type(wrong), length) == (1, RedisSilent, 1)


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_a_redis_that_failed_is_not_asked_for_a_while(run, start_process, fragile, fault):
    line = start_process(fragile.url).line
    run(line.ask("PING"))
    line._answer_seconds, line._rest_seconds = 0.15, 3_600.0
    getattr(fragile, fault)()

    async def three_at_once():
        return await asyncio.gather(*(line.ask("PING") for _ in range(3)), return_exceptions=True)

    assert {type(each) for each in run(three_at_once())} == {RedisSilent}
    if fault == "pause":
        fragile.resume()
    else:
        fragile.start()
    with pytest.raises(RedisSilent):
        run(line.ask("PING"))

    line._answer_seconds = PATIENT
    line._rests_until -= 3_600.0  # an hour later

    assert run(line.ask("PING")) == b"PONG"


def test_what_waits_is_bounded(run, start_process, monkeypatch):
    monkeypatch.setattr(line_module, "MOST_WAITING", 2)
    line = start_process().line

    async def story():
        asked = [asyncio.ensure_future(line.ask("PING")) for _ in range(5)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = run(story())

    assert answers[:2] == [b"PONG", b"PONG"]
    assert {type(each) for each in answers[2:]} == {RedisSilent}


def test_who_stops_waiting_for_a_reply_disturbs_nobody(run, start_process, namespace):
    line = start_process().line

    async def story():
        first = asyncio.ensure_future(line.ask("SET", namespace, "1"))
        second = asyncio.ensure_future(line.ask("GET", namespace))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert run(story()) == b"1"
