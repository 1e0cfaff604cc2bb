"""Locks, kept answers and shared tokens: through Redis where one is configured, else in process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from application.ports import Answers, Clock, Locks
from application.shared import Shared
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Sharing:
    """What makes twins cheap. None of it decides about money."""

    locks: Locks
    shared: Shared
    answers: Answers | None = None


@asynccontextmanager
async def sharing(settings: Settings, clock: Clock) -> AsyncIterator[Sharing]:
    """Open it; a Redis that is down does not stop the start."""
    locks, tokens = InProcessLocks(), InProcessTokens(clock)
    if settings.redis.url is None:
        yield Sharing(locks, Shared(tokens=tokens, locks=locks, clock=clock))
        return
    from adapters.redis.answers import RedisAnswers
    from adapters.redis.bell import Bell
    from adapters.redis.line import Line
    from adapters.redis.locks import RedisLocks
    from adapters.redis.tokens import RedisTokens

    line, bell = Line(settings.redis.url), Bell(settings.redis.url)
    namespace = f"basepay:{settings.number_prefix}"
    far = RedisLocks(line, bell, near=locks, namespace=namespace)
    known = RedisTokens(line, near=tokens, namespace=namespace, clock=clock)
    try:
        shared = Shared(tokens=known, locks=far, clock=clock)
        yield Sharing(far, shared, RedisAnswers(line, namespace=namespace))
    finally:
        await bell.aclose()
        await line.aclose()
