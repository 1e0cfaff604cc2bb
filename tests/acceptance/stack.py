"""`basepay dev`, also with `--cluster`, in a thread of its own, once for all stories."""

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from entrypoints.dev import Started, stack_of
from entrypoints.serving import bind

#: Seconds between the worker's looks, so that stories need not wait for it.
IDLE = 0.02


class Stack:
    """API, worker, simulators and SQLite on two free ports; or two of each role over servers."""

    def __init__(self, data_dir: Path, *, cluster: bool = False) -> None:
        self._data_dir, self._cluster = data_dir, cluster
        self._started: Future[Started] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="stack")

    def __enter__(self) -> Self:
        self._thread.start()
        self.started = self._started.result(timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        try:
            stack = stack_of(bind(0), bind(0), self._data_dir, cluster=self._cluster, idle=IDLE)
            async with stack as started:
                self._started.set_result(started)
                await self._over.wait()
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            raise
