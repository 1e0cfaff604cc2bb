"""Keeps an account able to verify: it notices a new certificate before the next callback."""

import asyncio
from contextlib import suppress

from adapters.providers.alipay.client import Client
from adapters.providers.alipay.keys import Keys

#: Names an order that nobody has: a question that is always harmless, and always answered.
NOBODYS_ORDER = b'{"out_trade_no":"basepay0nobodysorder"}'

#: However much comes that no key fits, Alipay is asked this seldom.
PAUSE_SECONDS = 30.0

#: Without any doubt it is asked once an hour: the answer names its present certificate.
ROUTINE_SECONDS = 3_600.0


class Upkeep:
    """A callback doesn't name its certificate, and mustn't wait: it is refused and comes again.

    Meanwhile any answer names the certificate, and the client fetches it.
    """

    def __init__(self, keys: Keys, client: Client) -> None:
        self._keys, self._client = keys, client

    async def __call__(self) -> None:
        """Run until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(PAUSE_SECONDS)
            await self._doubt_or_routine()

    async def ask(self) -> None:
        """Ask something; what comes of it, the client keeps."""
        self._keys.doubt.clear()
        await self._client.call("alipay.trade.query", NOBODYS_ORDER)

    async def _doubt_or_routine(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ROUTINE_SECONDS):
                await self._keys.doubt.wait()
