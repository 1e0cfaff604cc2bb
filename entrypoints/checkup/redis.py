"""Redis: whether it answers, and what it does when it is full. Nothing about money rests on it."""

from collections.abc import Iterator
from functools import partial

from adapters.redis.probe import Seen, look_at
from entrypoints.checkup.finding import Check, Finding, Once, bad, good, look
from entrypoints.platform_settings import Redis

#: What basepay is tried with; older ones may do.
TRIED = (6, 2)

NO_EVICTION = "noeviction"


def redis_checks(redis: Redis) -> Iterator[Check]:
    """Nothing where none is configured."""
    if redis.url is None:
        return
    url = redis.url
    seen = Once(lambda: look_at(url))
    yield Check("redis", "answers", seen.judged(partial(_answers, redis.shown)))
    yield Check("redis", "memory", seen.judged(_memory))


def _answers(shown: str, seen: Seen) -> Finding:
    if seen.trouble:
        return bad(
            f"{shown} does not answer ({seen.trouble})",
            "let this machine connect to it, and give its user and password in redis.url",
        )
    if not seen.takes_writes:
        return bad(f"{shown} is a replica and takes no writes", "name the primary in redis.url")
    version = ".".join(map(str, seen.version))
    if seen.version < TRIED:
        return look(f"{shown} is Redis {version}, older than what was tried", "take 6.2 or newer")
    return good(f"{shown} answers: Redis {version}")


def _memory(seen: Seen) -> Finding:
    if seen.trouble:
        return look("not asked: it does not answer", "see the line above")
    if not seen.limit:
        return good("it has no limit of its own; all that we keep there expires")
    if seen.policy == NO_EVICTION:
        return look(
            "when it is full it refuses writes, and every request goes the slower way",
            "set maxmemory-policy to volatile-ttl",
        )
    return good(f"{seen.limit >> 20} MiB, then {seen.policy}")
