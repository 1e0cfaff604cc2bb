"""`basepay dev --cluster`: real servers, and two processes of each role, on one machine."""

import asyncio
import json
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.clock import MovableClock
from entrypoints.children import Child, kept_alive
from entrypoints.cluster_servers import servers
from entrypoints.dev import Started, credentials_of, keep_secret, kept_secret, keys_of, table
from entrypoints.front import Front
from entrypoints.roles import ROLES, Role
from entrypoints.sandbox import simulators
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import Settings, check
from entrypoints.storage import open_store, upgrade_schema

#: Processes of each role.
OF_EACH = 2

#: Where the packages are, also when they are not installed.
PACKAGES = Path(__file__).resolve().parents[1]


@asynccontextmanager
async def cluster_stack(
    front: socket.socket, sandbox: socket.socket, data_dir: Path
) -> AsyncIterator[Started]:
    """Everything of `dev_stack`, in many processes. Raises Trouble."""
    clock = MovableClock(file=data_dir / "clock")
    password = kept_secret(data_dir / "servers-password", lambda: secrets.token_urlsafe(24))
    real = await asyncio.to_thread(servers, data_dir, password)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(kept_alive(real.children))
        await stack.enter_async_context(serving(simulators(clock, data_dir), sandbox))
        written = table(
            url_of(front), url_of(sandbox), data_dir, await credentials_of(url_of(sandbox))
        )
        written |= real.configuration | {
            "clock_file": str(data_dir / "clock"),
            "http": {"trusted_proxies": ["127.0.0.1"]},
        }
        settings = check(written)
        keys = await _prepare(settings, clock, data_dir)
        config = data_dir / "basepay.toml"
        keep_secret(config, "\n".join(_toml(written)))
        # Ours too: while a child is started again, requests wait, and none is refused.
        api, gateway = (stack.enter_context(bind(0)) for _ in range(2))
        children = list(_children(config, {"api": api, "gateway": gateway}))
        await stack.enter_async_context(kept_alive(children))
        balancer = Front(api_url=url_of(api), gateway_url=url_of(gateway))
        await stack.enter_async_context(serving(balancer, front))
        yield Started(url_of(front), *keys, sandbox_url=url_of(sandbox))


async def _prepare(settings: Settings, clock: MovableClock, data_dir: Path) -> tuple[str, str]:
    await asyncio.to_thread(upgrade_schema, settings)
    store = await open_store(settings, clock)
    try:
        return await keys_of(store.directory, clock, data_dir)
    finally:
        await store.close()


def _children(config: Path, listeners: Mapping[Role, socket.socket]) -> Iterator[Child]:
    """Two of each role; those of one role take requests from one socket, which outlives them."""
    for role in ROLES:
        listener = listeners.get(role)
        environ = {"PYTHONPATH": str(PACKAGES)}
        if listener is not None:
            environ["BASEPAY_HTTP__FD"] = str(listener.fileno())
        for number in range(1, OF_EACH + 1):
            name = f"{role}-{number}"
            yield Child(
                name,
                [sys.executable, "-m", "entrypoints", "serve", role, "--config", config],
                config.parent / f"{name}.log",
                environ=environ,
                hands_over=[] if listener is None else [listener.fileno()],
            )


def _toml(table: Mapping[str, Any], *way: str) -> Iterator[str]:
    """As the configuration is written by hand; a JSON text is a TOML text, too."""
    inner = {name: value for name, value in table.items() if isinstance(value, dict)}
    if way:
        yield f"[{'.'.join(way)}]"
    for name, value in table.items():
        if name not in inner and value is not None:
            yield f"{name} = {json.dumps(value)}"
    for name, value in inner.items():
        yield from _toml(value, *way, name)
