"""The gateway: verify a callback, hand it to the event platform, acknowledge. No database."""

import asyncio
import logging
from collections.abc import Mapping

from application.ports import (
    Account,
    CallbackQueue,
    CallbackRejected,
    Clock,
    NewId,
    Unavailable,
)
from application.records import RawCallback, Reply
from domain.errors import NotFound
from domain.method import Provider

log = logging.getLogger("basepay.gateway")

#: A provider gives up after about 5 s and repeats; it is answered within 3.
PUT_SECONDS = 2.5


class ReceiveCallback:
    """The use case behind `POST /callbacks/{provider}/{account}`."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        queue: CallbackQueue,
        wall_clock: Clock,
        new_id: NewId,
    ) -> None:
        self._accounts, self._queue = accounts, queue
        self._wall_clock, self._new_id = wall_clock, new_id

    async def __call__(
        self, provider: Provider, account_name: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """What the provider hears: taken only if genuine and durable.

        Raises NotFound for an account that is not ours, and Unavailable: it is not kept, and the
        provider repeats it.
        """
        account = self._accounts.get(account_name)
        if account is None or account.provider is not provider:
            raise NotFound("account", account_name)
        now = self._wall_clock.now()
        callback = RawCallback(self._new_id(), provider, account_name, headers, body, now)
        try:
            account.callbacks.read(callback)
        except CallbackRejected as error:
            log.warning("callback for %s refused: %s", account_name, error)
            return account.callbacks.reply(accepted=False)
        await self._put(callback)
        return account.callbacks.reply(accepted=True)

    async def _put(self, callback: RawCallback) -> None:
        try:
            async with asyncio.timeout(PUT_SECONDS):
                await self._queue.put(callback)
        except TimeoutError:
            raise Unavailable("the event platform is slow; send the callback again") from None
