"""One look at a Redis, for whoever sets it up."""

import asyncio
from dataclasses import dataclass

from redis.exceptions import AuthenticationError, RedisError

from adapters.redis.line import connection_to

#: A person waits for it, so it may be slower than what a request waits for.
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What it tells of itself, or why it tells nothing."""

    trouble: str = ""
    version: tuple[int, ...] = ()
    takes_writes: bool = True
    limit: int = 0  # bytes; 0: none
    policy: str = ""  # what it does at the limit


async def look_at(url: str) -> Seen:
    """Nothing is raised, and nothing told that the URL may hide."""
    connection = connection_to(url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.send_command("INFO")
            return _seen(_facts(await connection.read_response(disable_decoding=True)))
    except AuthenticationError:
        return Seen("it refuses our user or password")
    except TimeoutError:
        return Seen(f"no answer within {ANSWER_SECONDS:g} s")
    except (RedisError, OSError) as error:
        return Seen(_reason(error))
    finally:
        await connection.disconnect(nowait=True)


def _facts(told: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in told.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _seen(facts: dict[str, str]) -> Seen:
    return Seen(
        version=tuple(int(part) for part in facts["redis_version"].split(".") if part.isdecimal()),
        takes_writes=facts.get("role") == "master",
        limit=int(facts.get("maxmemory", 0)),
        policy=facts.get("maxmemory_policy", ""),
    )


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause or error, ConnectionRefusedError):
        return "nothing listens there"
    return type(cause or error).__name__
