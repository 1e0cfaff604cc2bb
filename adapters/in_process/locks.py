"""Locks among the tasks of one process: twins wait for each other here."""

import asyncio

from adapters.ids import new_nonce


class InProcessLocks:
    """One lock per key in use; a key that nobody holds or awaits takes no memory."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def acquire(self, key: str, *, wait_seconds: float) -> str | None:
        """An owner token, or None if somebody else held it all the time."""
        try:
            async with asyncio.timeout(wait_seconds):
                while key in self._held:
                    await self._released(key)
        except TimeoutError:
            return None
        token = new_nonce()
        self._held[key] = token
        return token

    async def release(self, key: str, token: str) -> None:
        """Give it back and wake everybody who waits; the first to run takes it."""
        if self._held.get(key) != token:
            return
        del self._held[key]
        for waiter in self._waiting.pop(key, []):
            if not waiter.done():
                waiter.set_result(None)

    async def _released(self, key: str) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(key, [])
        waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
            if self._waiting.get(key) == []:
                del self._waiting[key]
