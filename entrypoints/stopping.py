"""End a process when it is asked to: SIGINT or SIGTERM."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signal() -> Iterator[asyncio.Event]:
    """Inside the block a signal sets the event instead of ending the process."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        loop.add_signal_handler(name, stopped.set)
    try:
        yield stopped
    finally:
        for name in SIGNALS:
            loop.remove_signal_handler(name)
