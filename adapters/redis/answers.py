"""First answers, kept a while where every process finds them."""

import logging

import msgspec

from adapters.redis.line import Line, RedisSilent
from application.records import KeptAnswer

log = logging.getLogger("basepay.redis")

#: Repetitions come within minutes; later ones read the database, which keeps answers for a month.
KEPT_SECONDS = 3_600

_decoder = msgspec.msgpack.Decoder(KeptAnswer)


class RedisAnswers:
    """What is not found, not readable, or not answered in time was never put."""

    def __init__(self, line: Line, *, namespace: str, kept_seconds: float = KEPT_SECONDS) -> None:
        self._line, self._prefix = line, f"{namespace}:answer:"
        self._kept_milliseconds = int(kept_seconds * 1_000)

    async def get(self, key: str) -> KeptAnswer | None:
        """The answer that was put, unless it is too old."""
        try:
            kept = await self._line.ask("GET", self._prefix + key)
            return None if kept is None else _decoder.decode(kept)
        except RedisSilent:
            return None
        except msgspec.DecodeError as error:
            log.warning("a kept answer can't be read: %s", error)
            return None

    def put(self, key: str, answer: KeptAnswer) -> None:
        """Keep it; waits for nothing."""
        kept = msgspec.msgpack.encode(answer)
        self._line.tell("SET", self._prefix + key, kept, "PX", self._kept_milliseconds)
