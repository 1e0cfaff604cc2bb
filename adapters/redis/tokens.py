"""Official-account tokens, kept where every process finds them."""

import logging
from datetime import timedelta

import msgspec

from adapters.redis.line import Line, RedisSilent
from application.official_account_ports import SharedTokens, Token
from application.ports import Clock

log = logging.getLogger("basepay.redis")

_decoder = msgspec.msgpack.Decoder(Token)


class RedisTokens:
    """Redis knows what other processes fetched; `near` is what this one knows without Redis."""

    def __init__(self, line: Line, *, near: SharedTokens, namespace: str, clock: Clock) -> None:
        self._line, self._near, self._clock = line, near, clock
        self._prefix = f"{namespace}:token:"

    async def get(self, key: str) -> Token | None:
        """What was put last, unless it has expired."""
        try:
            kept = await self._line.ask("GET", self._prefix + key)
            token = None if kept is None else _decoder.decode(kept)
        except (RedisSilent, msgspec.DecodeError):
            return await self._near.get(key)
        return token if token is not None and self._clock.now() < token.expires_at else None

    async def put(self, key: str, token: Token) -> None:
        """Keep it until it expires, in place of what was there."""
        await self._near.put(key, token)
        left = (token.expires_at - self._clock.now()) // timedelta(milliseconds=1)
        if left <= 0:
            return
        try:
            value = msgspec.msgpack.encode(token)
            await self._line.ask("SET", self._prefix + key, value, "PX", left)
        except RedisSilent:
            log.warning("a token could not be shared; other processes fetch their own")
