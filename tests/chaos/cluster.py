"""`basepay dev --cluster` with cables to its servers, and processes that can be hit by name."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

from adapters.providers.sandbox.faults import Faults, Struck
from entrypoints.cluster import cluster_stack
from entrypoints.cluster_servers import Servers, servers
from entrypoints.serving import bind
from tests.chaos.bounds import Peaks, waiting_callbacks
from tests.chaos.cable import Cable

#: What stands in the command of a process.
COMMANDS = {
    "api": b"serve\0api",
    "gateway": b"serve\0gateway",
    "worker": b"serve\0worker",
    "postgres": b"/postgres\0-D",
    "redis": b"redis-server",
    "nats": b"nats-server",
}

#: How many processes there are of each, PostgreSQL's own children aside.
WHOLE = {"api": 2, "gateway": 2, "worker": 2, "postgres": 1, "redis": 1, "nats": 1}

#: Where the address of each server stands in the configuration.
SERVERS = {"postgres": "database", "redis": "redis", "nats": "nats"}


@dataclass
class Cluster:
    """What runs, from the side of whoever wants it to fail."""

    started: dict[str, Any]
    cables: dict[str, Cable]
    monitor_url: str
    calls: Counter[str]
    peaks: Peaks = field(default_factory=Peaks)

    def processes(self, name: str) -> list[int]:
        """The ids of those that run now, oldest first."""
        return [pid for pid in sorted(_children(os.getpid())) if COMMANDS[name] in _command(pid)]

    @property
    def whole(self) -> bool:
        """Everybody is there; perhaps not ready."""
        return all(len(self.processes(name)) == count for name, count in WHOLE.items())

    def kill(self, pid: int) -> None:
        """As a power cut would; the cluster starts it again."""
        os.kill(pid, signal.SIGKILL)

    def pause(self, pid: int) -> Callable[[], None]:
        """Let it fall silent with all its connections open, until what is returned is called."""
        stopped = []
        for each in chain((pid,), _children(pid)):  # those of PostgreSQL work on without it
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
                stopped.append(each)

        def resume() -> None:
            for each in reversed(stopped):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)

        return resume

    async def flush_redis(self) -> None:
        """It forgets everything."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.cables["redis"].server_port
        )
        writer.write(b"FLUSHALL\r\n")
        assert await reader.readline() == b"+OK\r\n"
        writer.close()

    async def weigh(self) -> None:
        """Remember how much each process holds at the most, and how much waits."""
        processes = {name: self.processes(name) for name in COMMANDS}
        self.peaks.weigh(processes, {name: cable.port for name, cable in self.cables.items()})
        self.peaks.waiting = max(self.peaks.waiting, await waiting_callbacks(self.monitor_url))


@asynccontextmanager
async def running_cluster(data_dir: Path) -> AsyncIterator[Cluster]:
    """Two of each role over servers that are reached by cables. It runs in this process's loop."""
    cables = {name: Cable() for name in SERVERS}
    configured: dict[str, Any] = {}
    calls, strike = Counter[str](), Faults.strike

    def counted(faults: Faults, provider: str, operation: str) -> Struck:
        calls[operation] += 1
        return strike(faults, provider, operation)

    def behind_cables(data_dir: Path, password: str) -> Servers:
        found = servers(data_dir, password)
        configured.update(found.configuration)
        for name, section in SERVERS.items():
            table, cable = found.configuration[section], cables[name]
            cable.server_port = int(re.search(r":(\d+)(/|$)", table["url"])[1])  # type: ignore[index]  # it has one
            table["url"] = table["url"].replace(f":{cable.server_port}", f":{cable.port}")
        return found

    async with AsyncExitStack() as stack:
        for cable in cables.values():
            await stack.enter_async_context(cable)
        stack.enter_context(patch("entrypoints.cluster.servers", behind_cables))
        stack.enter_context(patch.object(Faults, "strike", counted))
        ports = bind(0), bind(0)
        started = await stack.enter_async_context(cluster_stack(*ports, data_dir))
        yield Cluster(asdict(started), cables, configured["nats"]["monitor_url"], calls)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
