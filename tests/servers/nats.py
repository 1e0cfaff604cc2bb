"""A real NATS server with JetStream from its wheel: on a free port of 127.0.0.1."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path

BIN = Path(sysconfig.get_path("scripts")) / "nats-server"

#: How long a server may take to come up or go down, on a busy machine.
PATIENCE_SECONDS = 60.0


class NatsServer:
    """One server; it is started at once, and must be removed.

    `users`: the `authorization` block of its configuration; none: anybody may do anything.
    """

    def __init__(self, *, users: str = "", sync: str = "always") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nats-"))
        self.port, self.monitor_port = _free_port(), _free_port()
        self._users, self._sync = users, sync
        self.start()

    @property
    def store(self) -> Path:
        """Where JetStream keeps everything; may be copied and put back while it is down."""
        return self.folder / "store"

    @property
    def monitor_url(self) -> str:
        """Where it tells about itself."""
        return f"http://127.0.0.1:{self.monitor_port}"

    def url(self, user: str = "") -> str:
        """Where it is reached; `user`: name and password."""
        return f"nats://{user}{'@' if user else ''}127.0.0.1:{self.port}"

    def start(self, *, users: str | None = None) -> None:
        """Return once it takes connections; `users`: from now on others."""
        self._users = self._users if users is None else users
        config, store = self.folder / "nats.conf", json.dumps(str(self.store))
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self.monitor_port}"\n'
            f"jetstream {{ store_dir: {store}, sync_interval: {self._sync} }}\n"
            f"{self._users}\n"
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(BIN), "-c", str(config)], stdout=log, stderr=log, start_new_session=True
            )
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as line:
                if line.recv(4) == b"INFO":
                    return
            if self._process.poll() is not None or time.monotonic() > patience:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.01)

    def kill(self) -> None:
        """It gets no chance to write anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Connections stay open, and nothing is answered."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Go on, as if nothing had happened."""
        os.kill(self._process.pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it, and forget its folder."""
        with suppress(ProcessLookupError):
            self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(PATIENCE_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
