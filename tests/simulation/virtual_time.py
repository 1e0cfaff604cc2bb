"""Time that passes only when everybody waits: hours of business in milliseconds."""

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 3, 14, 4, tzinfo=UTC)  # noon in Shanghai


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._jumped = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Seconds of virtual time since the loop began."""
        return self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self._loop.jump(timeout)
        return super().select(0)


class LoopClock:
    """Business time as the loop's time since NOON."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())
