"""Everything in one process for a laptop: API, worker, simulators, a SQLite file."""

import json
import secrets
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from adapters.clock import MovableClock
from adapters.http.app import create_http
from adapters.providers.transport import AiohttpTransport
from application.ports import Directory
from application.records import Caller
from entrypoints.bootstrap import running
from entrypoints.keys import hash_of, new_key
from entrypoints.sandbox import simulators
from entrypoints.serving import serving, url_of
from entrypoints.settings import check
from entrypoints.stopping import stop_signal
from entrypoints.storage import upgrade_schema
from entrypoints.telling import tell
from entrypoints.web import background

APP, OPERATOR = Caller("demo"), Caller("dev", operator=True)


@dataclass(frozen=True, slots=True)
class Started:
    """What `basepay dev` tells, as text and as `--json`."""

    api_url: str
    api_key: str = field(repr=False)
    operator_key: str = field(repr=False)
    sandbox_url: str
    console_url: str | None = None


async def run_dev(
    api: socket.socket, sandbox: socket.socket, data_dir: Path, *, cluster: bool, as_json: bool
) -> None:
    """Serve until a signal ends it; what is in flight finishes first."""
    with stop_signal() as stopped:
        async with stack_of(api, sandbox, data_dir, cluster=cluster) as started:
            tell(_as_json(started) if as_json else _as_text(started, data_dir))
            await stopped.wait()


def stack_of(
    api: socket.socket, sandbox: socket.socket, data_dir: Path, *, cluster: bool, idle: float = 0.25
) -> AbstractAsyncContextManager[Started]:
    """One process, or many."""
    if not cluster:
        return dev_stack(api, sandbox, data_dir, idle=idle)
    from entrypoints.cluster import cluster_stack

    return cluster_stack(api, sandbox, data_dir)


@asynccontextmanager
async def dev_stack(
    api: socket.socket, sandbox: socket.socket, data_dir: Path, *, idle: float = 0.25
) -> AsyncIterator[Started]:
    """The whole stack on two bound sockets. One clock for both sides, so that time can be moved."""
    clock = MovableClock(file=data_dir / "clock")
    async with serving(simulators(clock, data_dir), sandbox):
        credentials = await credentials_of(url_of(sandbox))
        settings = check(table(url_of(api), url_of(sandbox), data_dir, credentials))
        upgrade_schema(settings)
        async with running(settings, clock) as basepay:
            keys = await keys_of(basepay.store.directory, clock, data_dir)
            async with (
                serving(create_http(basepay.app, test_switches=True), api),
                background(basepay, idle=idle),
            ):
                yield Started(url_of(api), *keys, sandbox_url=url_of(sandbox))


async def credentials_of(sandbox_url: str) -> dict[str, Any]:
    """What the simulators' merchants would be given."""
    async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
        answer = await client.get(f"{sandbox_url}/sandbox/credentials")
    credentials: dict[str, Any] = answer.raise_for_status().json()
    return credentials


def table(
    api_url: str, sandbox_url: str, data_dir: Path, credentials: dict[str, Any]
) -> dict[str, Any]:
    """The configuration of a laptop."""
    wechat, alipay = credentials["wechat"], credentials["alipay"]
    copied = ("mchid", "app_ids", "serial_no", "private_key", "api_v3_key")
    return {
        "environment": "dev",
        "public_url": api_url,
        "database": {"url": f"sqlite:///{data_dir / 'basepay.db'}"},
        # Receivers run on this machine too.
        "webhooks": {
            "seal_key": kept_secret(data_dir / "webhook-seal-key", _new_seal_key),
            "networks": ["127.0.0.0/8", "::1/128"],
            "any_port": True,
            "plain_http": True,
        },
        "wechat": {
            "base_url": sandbox_url,
            "authorize_url": f"{sandbox_url}/connect/oauth2/authorize",
        },
        "accounts": {
            "wechat-main": {
                "provider": "wechat",
                **{key: wechat[key] for key in copied},
                "platform_certificates": [wechat["platform_certificate"]],
                "public_key_id": wechat["public_key_id"],
                "public_key": wechat["public_key"],
                "certificate": wechat["certificate"],
                "base_url": sandbox_url,
                "store_out_id": "dev-store",
                "h5_domain": "127.0.0.1",
                "official_account": {
                    "app_secret": wechat["app_secret"],
                    "domains": ["127.0.0.1", "localhost"],
                },
                "mini_program": {"app_secret": wechat["app_secret"]},
            },
            "alipay-main": {
                "provider": "alipay",
                **{key: alipay[key] for key in ("app_id", "seller_id", "private_key")},
                "alipay_public_key": alipay["alipay_public_key"],
                "base_url": alipay["gateway_url"],
            },
        },
    }


async def keys_of(directory: Directory, clock: MovableClock, data_dir: Path) -> tuple[str, str]:
    """The same keys after every restart; in dev they may lie in a file, readable by its owner."""
    kept = kept_secret(data_dir / "dev-keys.json", lambda: json.dumps([new_key(), new_key()]))
    api_key, operator_key = json.loads(kept)
    for caller, key in ((APP, api_key), (OPERATOR, operator_key)):
        if await directory.authenticate(hash_of(key)) is None:
            await directory.add_key(caller, hash_of(key), clock.now())
    return api_key, operator_key


def _new_seal_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def kept_secret(file: Path, make: Callable[[], str]) -> str:
    """The same after every restart: what was sealed before it must open after it."""
    if not file.exists():
        keep_secret(file, make())
    return file.read_text()


def keep_secret(file: Path, text: str) -> None:
    """For its owner alone."""
    aside = file.with_suffix(".new")  # and renamed: a kill in between leaves no half a file
    aside.touch(mode=0o600)
    aside.write_text(text)
    aside.replace(file)


def _as_json(started: Started) -> str:
    return json.dumps(asdict(started))


def _as_text(started: Started, data_dir: Path) -> str:
    key, api = started.api_key, started.api_url
    body = '{"order_no":"SO-1","amount":1999,"subject":"Tea","method":"wechat_native"}'
    return f"""\
basepay is running. Everything is kept in {data_dir}; Ctrl+C ends it.

  API          {api}/v1        documented at {api}/schema
  API key      {key}
  Operator key {started.operator_key}
  Phone        {started.sandbox_url}/sandbox      pay here as the payer would

Try it from another terminal:

  curl -s {api}/v1/payments -H 'Authorization: Bearer {key}' \\
    -H 'Idempotency-Key: try-1' -H 'Content-Type: application/json' \\
    -d '{body}'
  # then open the phone, pay, and see the event:
  curl -s {api}/v1/events -H 'Authorization: Bearer {key}'
"""
