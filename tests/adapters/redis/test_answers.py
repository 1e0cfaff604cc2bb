"""Kept answers and tokens: found by every process, and missing without harm."""

from datetime import timedelta

import pytest

from adapters.clock import MovableClock
from adapters.in_process.tokens import InProcessTokens
from adapters.redis.answers import RedisAnswers
from adapters.redis.tokens import RedisTokens
from application.official_account_ports import Token
from application.records import KeptAnswer

ANSWER = KeptAnswer("f" * 64, 201, b'{"id":"pay_1"}', "pay_1")


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def answers_of(namespace):
    return lambda process, **options: RedisAnswers(process.line, namespace=namespace, **options)


@pytest.fixture(params=["in process", "redis"])
def tokens(request, clock, start_process, namespace):
    near = InProcessTokens(clock)
    if request.param == "in process":
        return near
    return RedisTokens(start_process().line, near=near, namespace=namespace, clock=clock)


def token(clock, value="v", **lasts):
    return Token(value, clock.now() + timedelta(**(lasts or {"hours": 1})))


def test_an_answer_is_found_by_another_process(run, start_process, answers_of):
    first, second = start_process(), start_process()

    async def story():
        answers_of(first).put("k", ANSWER)
        await first.line.ask("PING")
        return await answers_of(second).get("k")

    assert run(story()) == ANSWER


def test_what_was_never_put_is_not_there(run, start_process, answers_of):
    assert run(answers_of(start_process()).get("k")) is None


def test_an_answer_is_forgotten_after_a_while(run, start_process, answers_of, namespace):
    process = start_process()

    async def story():
        answers_of(process, kept_seconds=60).put("k", ANSWER)
        return await process.line.ask("PTTL", f"{namespace}:answer:k")

    assert 0 < run(story()) <= 60_000


def test_an_unreadable_answer_was_never_put(run, start_process, answers_of, namespace):
    process = start_process()
    run(process.line.ask("SET", f"{namespace}:answer:k", "garbage"))

    assert run(answers_of(process).get("k")) is None


def test_without_redis_there_are_no_answers_and_no_errors(run, start_process, answers_of, fragile):
    answers = answers_of(start_process(fragile.url))
    fragile.kill()

    async def story():
        answers.put("k", ANSWER)
        return await answers.get("k")

    assert run(story()) is None


def test_a_token_is_kept_until_it_expires(run, tokens, clock):
    kept = token(clock)
    run(tokens.put("k", kept))
    assert run(tokens.get("k")) == kept
    clock.advance(3_600)

    assert run(tokens.get("k")) is None


def test_the_last_token_counts(run, tokens, clock):
    run(tokens.put("k", token(clock, "old")))
    run(tokens.put("k", token(clock, "new")))

    assert run(tokens.get("k")).value == "new"
    assert run(tokens.get("other")) is None


def test_a_token_that_is_over_already_is_not_kept(run, tokens, clock):
    run(tokens.put("k", token(clock, seconds=-1)))

    assert run(tokens.get("k")) is None


def test_a_token_is_found_by_another_process(run, start_process, namespace, clock):
    def tokens():
        line = start_process().line
        return RedisTokens(line, near=InProcessTokens(clock), namespace=namespace, clock=clock)

    run(tokens().put("k", token(clock)))

    assert run(tokens().get("k")).value == "v"


def test_without_redis_a_process_has_its_own_tokens(run, start_process, fragile, namespace, clock):
    line = start_process(fragile.url).line
    tokens = RedisTokens(line, near=InProcessTokens(clock), namespace=namespace, clock=clock)
    run(tokens.put("before", token(clock)))
    fragile.kill()
    run(tokens.put("after", token(clock)))

    assert run(tokens.get("before")).value == "v"
    assert run(tokens.get("after")).value == "v"
