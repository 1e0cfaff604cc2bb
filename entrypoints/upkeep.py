"""The accounts' own upkeep: one task for each account of this process that has any."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from application.ports import Account

log = logging.getLogger("basepay.upkeep")

#: Seconds. Upkeep does not end by itself; if a mistake ends it, its account still needs it.
REST = 60.0

#: Nobody waits for a changed account: the old one goes on meanwhile.
GET_READY_SECONDS = 2.0


class Upkeep:
    """Keeps the tasks in step with the accounts."""

    def __init__(self) -> None:
        self._running: list[tuple[Account, asyncio.Task[None]]] = []

    def follow(self, accounts: Iterable[Account]) -> None:
        """Start what is new, end what is gone; a changed account is a new one and a gone one."""
        wanted = list(accounts)
        self._start(wanted)
        for running in list(self._running):
            account, task = running
            if not any(account is each for each in wanted):
                task.cancel()
                self._running.remove(running)

    async def get_ready(self, accounts: Iterable[Account]) -> None:
        """Start what is new, and give it the time to fetch what it verifies answers with."""
        if self._start(accounts):
            await asyncio.sleep(GET_READY_SECONDS)

    async def end(self) -> None:
        """End all of them."""
        tasks = [task for _, task in self._running]
        self.follow([])
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, accounts: Iterable[Account]) -> bool:
        """Whether any was new."""
        known = [account for account, _ in self._running]
        new = [
            account
            for account in accounts
            if account.upkeep is not None and not any(account is each for each in known)
        ]
        self._running += [(account, asyncio.create_task(_keep_up(account))) for account in new]
        return bool(new)


@asynccontextmanager
async def upkeep_of(accounts: Iterable[Account]) -> AsyncIterator[Upkeep]:
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
