"""The accounts' own upkeep: one task for each account of this process that has any."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from application.ports import Account

log = logging.getLogger("basepay.upkeep")

#: Seconds. Upkeep does not end by itself; if a mistake ends it, its account still needs it.
REST = 60.0


class Upkeep:
    """Keeps the tasks in step with the accounts."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Account, asyncio.Task[None]]] = {}

    def follow(self, accounts: Mapping[str, Account]) -> None:
        """Start what is new, start anew what has changed, end what is gone."""
        for name, (account, task) in list(self._running.items()):
            if accounts.get(name) is not account:
                task.cancel()
                del self._running[name]
        for name, account in accounts.items():
            if account.upkeep is not None and name not in self._running:
                self._running[name] = account, asyncio.create_task(_keep_up(account))

    async def end(self) -> None:
        """End all of them."""
        tasks = [task for _, task in self._running.values()]
        self.follow({})
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def upkeep_of(accounts: Mapping[str, Account]) -> AsyncIterator[Upkeep]:
    """Keep these accounts up inside the block."""
    upkeep = Upkeep()
    upkeep.follow(accounts)
    try:
        yield upkeep
    finally:
        await upkeep.end()


async def _keep_up(account: Account) -> None:
    while account.upkeep is not None:
        try:
            await account.upkeep()
            log.error("the upkeep of %s ended; it starts again", account.name)
        except Exception:  # it promises to raise nothing; the account must not pay for a mistake
            log.exception("the upkeep of %s failed; it starts again", account.name)
        await asyncio.sleep(REST)
