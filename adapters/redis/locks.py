"""Locks among processes: a key with an owner's token, a lease, and a bell when it is given back."""

import asyncio
import contextlib

from adapters.redis.bell import Bell
from adapters.redis.line import Line, RedisSilent
from application.ports import Locks

#: Longer than a request can take, so that it need not be renewed; a crash blocks twins so long.
LEASE_SECONDS = 20.0

#: How often a waiting twin looks though no bell rang: the owner crashed, or the keys were flushed.
LOOK_SECONDS = 0.5

#: Only the owner gives it back; whoever waits on any machine is woken in the same step.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', KEYS[1], '')
end
"""


class RedisLocks:
    """Twins in one process wait `near`, and one of them here. Without Redis, `near` remains."""

    def __init__(
        self,
        line: Line,
        bell: Bell,
        *,
        near: Locks,
        namespace: str,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._line, self._bell, self._near = line, bell, near
        self._prefix = f"{namespace}:lock:"
        self._lease_milliseconds = int(lease_seconds * 1_000)

    async def acquire(self, key: str, *, wait_seconds: float) -> str | None:
        """An owner token, or None if somebody else held it all the time."""
        deadline = _now() + wait_seconds
        token = await self._near.acquire(key, wait_seconds=wait_seconds)
        if token is None:
            return None
        won = False
        try:
            won = await self._win(self._prefix + key, token, deadline)
        except RedisSilent:
            won = True  # as far as anybody can tell
        finally:
            if not won:
                await self.release(key, token)
        return token if won else None

    async def release(self, key: str, token: str) -> None:
        """Give it back and wake who waits; harmless if it is lost already. Waits for nothing."""
        self._line.tell("EVAL", RELEASE, 1, self._prefix + key, token)
        await self._near.release(key, token)

    async def _win(self, name: str, token: str, deadline: float) -> bool:
        if await self._try(name, token):
            return True
        if _now() >= deadline:
            return False
        async with self._bell.listening(name) as ring:
            while not await self._try(name, token):
                left = deadline - _now()
                if left <= 0:
                    return False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await ring.wait()
                ring.clear()
        return True

    async def _try(self, name: str, token: str) -> bool:
        lease = self._lease_milliseconds
        return await self._line.ask("SET", name, token, "NX", "PX", lease) is not None


def _now() -> float:
    return asyncio.get_running_loop().time()
