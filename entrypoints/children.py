"""Child processes: started again when they die, and never left behind."""

import asyncio
import contextlib
import ctypes
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrypoints.errors import Trouble
from entrypoints.variables import ENV_PREFIX
from entrypoints.web import READY_VARIABLE

log = logging.getLogger("basepay.children")

#: Seconds between looks at a child.
LOOK_EVERY = 0.02

#: Seconds before a dead one is started again.
REST = 0.2

#: Seconds. All of them start at the same time, perhaps on a slow machine.
READY_WITHIN = 90.0

#: Seconds. What is in flight ends within 35; then it is killed.
ENDED_WITHIN = 40.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(slots=True)
class Child:
    """One process; without `ready` it tells by itself, over a pipe."""

    name: str
    command: Sequence[str | Path]
    log: Path
    ready: Callable[[], bool] | None = None
    ended_by: signal.Signals = signal.SIGTERM
    environ: Mapping[str, str] = field(default_factory=dict)
    hands_over: Sequence[int] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _pipe: int = -1

    @property
    def pid(self) -> int:
        """Of the running process."""
        return -1 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return at once; from the main task's thread, or it ends with the thread."""
        self._close_pipe()
        self._pipe, told = os.pipe()
        try:
            with self.log.open("ab") as log_file:
                self._process = subprocess.Popen(  # noqa: S603 -- our own commands
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log_file,
                    stderr=log_file,
                    env={**_environ(), **self.environ, READY_VARIABLE: str(told)},
                    pass_fds=(*self.hands_over, told),
                    start_new_session=True,  # Ctrl+C is for us; children are told in order
                    preexec_fn=_end_with(os.getpid(), self.ended_by),  # noqa: PLW1509 -- one system call
                    **self.options,
                )
        finally:
            os.close(told)

    def is_ready(self) -> bool:
        """Whether it does its work."""
        if self.ready is not None:
            return self.ready()
        readable, _, _ = select.select([self._pipe], [], [], 0)
        return bool(readable) and os.read(self._pipe, 1) != b""

    async def end(self) -> None:
        """Ask it to, and make it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self.ended_by)
        patience = time.monotonic() + ENDED_WITHIN
        while self.alive:
            if time.monotonic() > patience:
                log.warning("%s does not end; it is killed", self.name)
                self._process.kill()
            await asyncio.sleep(LOOK_EVERY)
        self._close_pipe()

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1500:].strip()

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


@asynccontextmanager
async def kept_alive(children: Sequence[Child]) -> AsyncIterator[None]:
    """Inside the block all of them work, whatever happens to one. Raises Trouble."""
    keepers: list[asyncio.Task[None]] = []
    try:
        for child in children:
            child.start()
            keepers.append(asyncio.create_task(_keep_alive(child)))
        await _all_ready(children)
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(child.end() for child in children))


async def _all_ready(children: Sequence[Child]) -> None:
    waited_for = list(children)
    patience = time.monotonic() + READY_WITHIN
    while waited_for:
        waited_for = [child for child in waited_for if not (child.alive and child.is_ready())]
        if waited_for and time.monotonic() > patience:
            late = waited_for[0]
            raise Trouble(f"{late.name} did not start; the end of {late.log}:\n{late.last_words()}")
        await asyncio.sleep(LOOK_EVERY)


async def _keep_alive(child: Child) -> None:
    while True:
        while child.alive:  # noqa: ASYNC110 -- nobody tells, in a thread of its own above all
            await asyncio.sleep(LOOK_EVERY)
        log.warning("%s has ended; it starts again", child.name)
        await asyncio.sleep(REST)
        child.start()


def _environ() -> dict[str, str]:
    """Ours, without what would change a child's configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}


def _end_with(parent: int, how: signal.Signals) -> Callable[[], None]:
    """On Linux a child ends with its parent, however that ends."""

    def before_it_starts() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(how))
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return before_it_starts
