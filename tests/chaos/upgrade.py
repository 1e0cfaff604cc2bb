"""The processes of two versions over the same servers, replaced one by one."""

import asyncio
import io
import re
import secrets
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest

from adapters.clock import MovableClock
from entrypoints import cluster
from entrypoints.children import Child, kept_alive
from entrypoints.cluster_servers import servers
from entrypoints.dev import APP, OPERATOR, Started, credentials_of, keep_secret, table
from entrypoints.front import Front
from entrypoints.sandbox import simulators
from entrypoints.serving import bind, serving, url_of
from tests.books import View
from tests.dev_process import ROOT


def unpacked(commit: str, folder: Path) -> Path:
    """The code of that commit; skips where this repository's history does not reach it."""
    try:
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"there is no code of {commit} here: {error}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Upgrade:
    """Two of each role, of the one or the other version, behind one balancer."""

    config: Path
    started: View
    children: dict[str, Child]
    _running: dict[str, AsyncExitStack] = field(default_factory=dict)

    def ask(self, code: Path, *words: str) -> str:
        """What a command of that code says."""
        command = [sys.executable, "-m", "entrypoints", *words, "--config", str(self.config)]
        done = subprocess.run(command, cwd=code, check=True, capture_output=True, text=True)
        return done.stdout

    async def put(self, name: str, code: Path) -> None:
        """Let that one be of this code; what it was before ends in order, first."""
        await self.end(name)
        child = replace(
            self.children[name],
            environ={**self.children[name].environ, "PYTHONPATH": str(code)},
            options={"cwd": code},
        )
        self._running[name] = AsyncExitStack()
        await self._running[name].enter_async_context(kept_alive([child]))

    async def end(self, name: str) -> None:
        """In order."""
        if (running := self._running.pop(name, None)) is not None:
            await running.aclose()

    async def end_all(self) -> None:
        """In order."""
        for name in list(self._running):
            await self.end(name)


@asynccontextmanager
async def upgrading(folder: Path, old: Path) -> AsyncIterator[Upgrade]:
    """Servers, simulators and the balancer; the schema and the keys are made by the old code."""
    clock = MovableClock(file=folder / "clock")
    real = await asyncio.to_thread(servers, folder, secrets.token_urlsafe(24))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(kept_alive(real.children))
        front, sandbox, api, gateway = (stack.enter_context(bind(0)) for _ in range(4))
        await stack.enter_async_context(serving(simulators(clock, folder), sandbox))
        credentials = await credentials_of(url_of(sandbox))
        written = table(url_of(front), url_of(sandbox), folder, credentials)
        written |= real.configuration | {
            "clock_file": str(folder / "clock"),
            "http": {"trusted_proxies": ["127.0.0.1"]},
        }
        config = folder / "basepay.toml"
        keep_secret(config, "\n".join(cluster._toml(written)))
        children = cluster._children(config, {"api": api, "gateway": gateway})
        upgrade = Upgrade(config, {}, {child.name: child for child in children})
        keys = await asyncio.to_thread(_set_up, upgrade, old)
        upgrade.started = asdict(Started(url_of(front), *keys, sandbox_url=url_of(sandbox)))
        balancer = Front(api_url=url_of(api), gateway_url=url_of(gateway))
        await stack.enter_async_context(serving(balancer, front))
        stack.push_async_callback(upgrade.end_all)
        yield upgrade


def _set_up(upgrade: Upgrade, code: Path) -> tuple[str, str]:
    upgrade.ask(code, "migrate")
    told = (
        upgrade.ask(code, "apps", "add", APP.name),
        upgrade.ask(code, "operators", "add", OPERATOR.name),
    )
    return told[0].split()[0], told[1].split()[0]


def revision_told(said: str) -> str:
    """At which the schema is now."""
    found = re.search(r"\d{4}", said)
    assert found is not None, said
    return found[0]
