"""`basepay dev` as a process of its own, that can be killed and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class DevProcess:
    """Always on the same two ports and the same data directory."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir, self.port, self._options = data_dir, two_free_ports(), options
        self.started: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait for its first line."""
        log = (self.data_dir / "dev.log").open("a")
        command = [sys.executable, "-m", "entrypoints", "dev", "--json"]
        command += ["--port", str(self.port), "--data-dir", str(self.data_dir), *self._options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )
        log.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it did not start:\n{(self.data_dir / 'dev.log').read_text()[-3000:]}"
        self.started = json.loads(line)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        os.kill(process.pid, how)
        code = process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
        return code


def two_free_ports() -> int:
    """The first of two neighbouring ports that nobody listens on."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second = stack.enter_context(socket.socket())
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
