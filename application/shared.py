"""One value for all processes: fetched by one of them, awaited by the others."""

import asyncio
from collections.abc import Awaitable, Callable

from application.official_account_ports import SharedTokens, Token
from application.ports import Clock, Locks

#: A fetch ends within 9 s. Whoever waits longer goes alone: a second fetch does no harm.
WAIT_SECONDS = 10.0

Fetch = Callable[[], Awaitable[Token]]


class Shared:
    """Keeps what is costly to fetch; nobody fetches what somebody else is fetching."""

    def __init__(self, *, tokens: SharedTokens, locks: Locks, clock: Clock) -> None:
        self._tokens, self._locks, self._clock = tokens, locks, clock
        self._running: dict[str, asyncio.Future[Token | Exception | None]] = {}

    async def get(self, key: str, fetch: Fetch, *, rejected: str | None = None) -> str:
        """Return the kept value, fetched anew if it is `rejected`, expired or was never there.

        Raises what `fetch` raises, to all who waited for it.
        """
        while True:
            if kept := await self._kept(key, rejected):
                return kept.value
            if key not in self._running:
                return (await self._lead(key, fetch, rejected)).value
            match await asyncio.shield(self._running[key]):
                case Token(value=value) if value != rejected:
                    return value
                case Exception() as error:
                    raise error

    async def _lead(self, key: str, fetch: Fetch, rejected: str | None) -> Token:
        """Fetch for everybody here; whoever is cancelled on the way leaves it to the next."""
        told = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            token = await self._fetch(key, fetch, rejected)
            told.set_result(token)
            return token
        except Exception as error:
            told.set_result(error)
            raise
        finally:
            del self._running[key]
            if not told.done():
                told.set_result(None)

    async def _fetch(self, key: str, fetch: Fetch, rejected: str | None) -> Token:
        """Fetch for every process; another one may have been faster."""
        owner = await self._locks.acquire(key, wait_seconds=WAIT_SECONDS)
        try:
            if kept := await self._kept(key, rejected):
                return kept
            token = await fetch()
            await self._tokens.put(key, token)
            return token
        finally:
            if owner is not None:
                await self._locks.release(key, owner)

    async def _kept(self, key: str, rejected: str | None) -> Token | None:
        token = await self._tokens.get(key)
        if token is None or token.value == rejected or self._clock.now() >= token.expires_at:
            return None
        return token
