"""How much of anything there is at the most while things fail (I12): read from /proc and NATS."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from adapters.nats.declared import CALLBACKS

#: MiB, of any process: some times what it holds after its start.
MOST_MEMORY = 300

#: Connections of one process, as docs/operating.md promises: one of PostgreSQL's and one of
#: Redis's only listen.
MOST_CONNECTIONS = {"postgres": 17, "redis": 2, "nats": 1}

#: Questions and requests to the providers for each of their orders: the schedule of the first
#: minutes, and a refund.
MOST_CALLS = 15

ESTABLISHED = "01"


@dataclass
class Peaks:
    """The most that was seen of each."""

    mib: Counter[str] = field(default_factory=Counter)
    connections: Counter[str] = field(default_factory=Counter)
    sockets: Counter[str] = field(default_factory=Counter)
    waiting: int = 0

    def weigh(self, processes: Mapping[str, list[int]], ports: Mapping[str, int]) -> None:
        """Look at these processes; `ports`: where each server is reached."""
        server = {port: name for name, port in ports.items()}
        ways = dict(_ways())
        for name, pids in processes.items():
            for pid in pids:
                self.mib |= Counter({name: round(_rss_mib(pid))})
                held = [ways[inode] for inode in _sockets(pid) if inode in ways]
                self.sockets |= Counter({name: len(held)})
                self.connections |= Counter(
                    f"{name} to {server[port]}" for port in held if port in server
                )

    def findings(self) -> list[str]:
        """Every bound that did not hold."""
        many = {way: MOST_CONNECTIONS[way.rpartition(" ")[2]] for way in self.connections}
        return [
            *(f"{name} held {mib} MiB" for name, mib in self.mib.items() if mib > MOST_MEMORY),
            *(f"{n} connections of {w}" for w, n in self.connections.items() if n > many[w]),
        ]


async def waiting_callbacks(monitor_url: str) -> int:
    """How many callbacks nobody has applied yet; 0 while NATS does not answer."""
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=1) as client:
            told = await client.get(f"{monitor_url}/jsz", params={"streams": "true"})
        for account in told.json().get("account_details", ()):
            for stream in account.get("stream_detail", ()):
                if stream["name"] == CALLBACKS:
                    return int(stream["state"]["messages"])
    return 0


def _ways() -> Iterator[tuple[str, int]]:
    """The far port of each established connection of this machine, by its socket."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        facts = line.split()
        if facts[3] == ESTABLISHED:
            yield facts[9], int(facts[2].rpartition(":")[2], 16)


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(file.readlink())):
                    yield found[1]


def _rss_mib(pid: int) -> float:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0
