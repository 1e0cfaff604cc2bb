"""The configuration read again while `basepay serve` runs: on SIGHUP, and when it has changed."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from entrypoints.errors import SettingsError
from entrypoints.settings import Settings

log = logging.getLogger("basepay.configuration")

#: Seconds between looks at the file and the secrets it names.
LOOK_EVERY = 5.0

#: What is built once at the start and can't follow.
NEED_A_RESTART = (
    "environment",
    "number_prefix",
    "one_fen",
    "clock_file",
    "database",
    "redis",
    "nats",
    "webhooks",
    "reconciliation",
    "http",
)


class Reload:
    """Reads, compares, and hands over what has changed. A bad configuration changes nothing."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        follow: Callable[[Settings], Awaitable[None]],
    ) -> None:
        self._current = self._seen = settings
        self._refused: Settings | None = None
        self._load, self._follow = load, follow
        self._complaint = ""

    async def look(self, *, asked: bool = False) -> None:
        """Take a change that was seen twice, so that no half-written file counts.

        `asked`: a person wants it now, and to hear of it in any case.
        """
        try:
            read = await asyncio.to_thread(self._load)
        except SettingsError as error:
            self._refuse(error, asked=asked)
            return
        settled, self._seen = asked or read == self._seen, read
        if read == self._current:
            self._refused, self._complaint = None, ""
            if asked:
                log.info("configuration read again: nothing has changed")
        elif settled and (asked or read != self._refused):
            await self._take(read, asked=asked)

    async def _take(self, read: Settings, *, asked: bool) -> None:
        try:
            await self._follow(read)
        except SettingsError as error:
            self._refused = read
            self._refuse(error, asked=asked)
            return
        for key in NEED_A_RESTART:
            if getattr(read, key) != getattr(self._current, key):
                log.warning("configuration: %s has changed and needs a restart", key)
        log.info(
            "configuration read again; the accounts are: %s", ", ".join(read.accounts) or "none"
        )
        self._current, self._refused, self._complaint = read, None, ""

    def _refuse(self, error: SettingsError, *, asked: bool) -> None:
        """Say it once, or as often as somebody asks."""
        if asked or str(error) != self._complaint:
            log.error("configuration refused, the old one goes on: %s", error)
        self._complaint = str(error)


@asynccontextmanager
async def reloading(reload: Reload, *, every: float = LOOK_EVERY) -> AsyncIterator[None]:
    """Look regularly and on SIGHUP inside the block."""
    with _hangup() as asked:
        task = asyncio.create_task(_watch(reload, asked, every))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _watch(reload: Reload, asked: asyncio.Event, every: float) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await asked.wait()
        by_hand = asked.is_set()
        asked.clear()
        try:
            await reload.look(asked=by_hand)
        except Exception:  # whatever is wrong with a file, what runs goes on
            log.exception("the configuration can't be read again; the old one goes on")


@contextmanager
def _hangup() -> Iterator[asyncio.Event]:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield asked
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
