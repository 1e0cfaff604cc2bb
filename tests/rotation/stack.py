"""basepay and both simulators on real sockets, while keys are turned and settings re-read."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.clock import MovableClock
from adapters.http.app import create_http
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.records import Callback
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from application.records import Caller
from entrypoints.bootstrap import Basepay, running
from entrypoints.keys import add_key
from entrypoints.reload import Reload
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import Settings, check
from entrypoints.storage import upgrade_schema
from entrypoints.web import background

ACCOUNTS = {"wechat": "wechat-main", "alipay": "alipay-main"}

View = dict[str, Any]

#: Longer than any step takes, so that it can only end what hangs.
PATIENCE_SECONDS = 60

#: A merchant that has not started its move to public keys: naming one changes nothing yet.
wechat_pay = partial(WeChatPaySandbox, settings=WeChatPaySandboxSettings(public_key_mode=False))


@dataclass(frozen=True)
class Stack:
    """What operators, testers and shops have at hand."""

    started: View  # addresses and the shop's key, as `basepay dev` tells them
    raw: View  # the configuration file
    directory: Path
    sandbox: httpx.AsyncClient
    _reload: Reload
    _log: pytest.LogCaptureFixture

    async def credentials(self, provider: str) -> View:
        """What the provider's site shows the merchant now."""
        told = (await self.sandbox.get("/sandbox/credentials")).raise_for_status().json()
        credentials: View = told[provider]
        return credentials

    async def turn(self, provider: str, step: str) -> None:
        """Let the provider take a step with its keys."""
        turn = {"provider": provider, "step": step}
        (await self.sandbox.post("/sandbox/keys", json=turn)).raise_for_status()

    async def turn_own(self, provider: str, step: str) -> None:
        """Take a step with the merchant's keys on the provider's site."""
        turn = {"provider": provider, "step": step}
        (await self.sandbox.post("/sandbox/merchant/keys", json=turn)).raise_for_status()

    async def reconfigure(self, provider: str, **changes: object) -> None:
        """Edit the account's table and have it read again; None takes a setting out."""
        table = self.raw["accounts"][ACCOUNTS[provider]]
        table.update(changes)
        for key in [key for key, value in changes.items() if value is None]:
            del table[key]
        await self._reload.look(asked=True)

    async def pass_time(self, **units: float) -> None:
        """Move the one clock of both sides."""
        move = {"advance_seconds": timedelta(**units).total_seconds()}
        (await self.sandbox.post("/sandbox/clock", json=move)).raise_for_status()

    async def hears(self, words: str, *, seconds: float = 5) -> None:
        """Give basepay the time to say this; what becomes of it, the story's end tells."""
        with suppress(TimeoutError):
            await until(lambda: words in self._log.text, seconds=seconds)

    def callbacks(self) -> list[Callback]:
        """All callbacks of all time, with what became of them: the simulators' own record."""
        with closing(sqlite3.connect(self.directory / "sandbox.sqlite3")) as file:
            rows = file.execute("SELECT body FROM record WHERE kind = 'callback'").fetchall()
        return [msgspec.json.decode(body, type=Callback) for (body,) in rows]

    def refused_callbacks(self) -> list[str]:
        """Those that were not acknowledged at their first attempt."""
        return [
            f"{each.provider} {each.event} {each.attempts} {each.last_answer}"
            for each in self.callbacks()
            if each.attempts > (each.delivered_at is not None)
        ]


async def until(holds: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that rings no bell. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 -- no bell, no event
            await asyncio.sleep(0.05)


Table = Callable[[Mapping[str, Any]], View]


@asynccontextmanager
async def stack(
    directory: Path, log: pytest.LogCaptureFixture, *, wechat: Table, alipay: Table
) -> AsyncIterator[Stack]:
    """Everything runs inside the block; the tables are made from the simulators' credentials."""
    clock = MovableClock(file=directory / "clock")
    there = create_sandbox(
        environment="test",
        clock=clock,
        providers=[wechat_pay, AlipaySandbox],
        data_directory=directory,
    )
    api, port = bind(0), bind(0)
    async with AsyncExitStack() as running_here:
        enter = running_here.enter_async_context
        await enter(serving(there, port))
        sandbox = await enter(httpx.AsyncClient(base_url=url_of(port), timeout=30))
        credentials = (await sandbox.get("/sandbox/credentials")).raise_for_status().json()
        raw = {
            "environment": "test",
            "public_url": url_of(api),
            "database": {"url": f"sqlite:///{directory / 'basepay.db'}"},
            "accounts": {
                ACCOUNTS["wechat"]: wechat(credentials["wechat"]),
                ACCOUNTS["alipay"]: alipay(credentials["alipay"]),
            },
        }
        settings = check(raw)
        upgrade_schema(settings)
        basepay = await enter(running(settings, clock))
        key = await add_key(basepay.store.directory, Caller("shop"), clock.now())
        await enter(serving(create_http(basepay.app), api))
        await enter(background(basepay, idle=0.1))
        started = {"api_url": url_of(api), "api_key": key, "sandbox_url": url_of(port)}
        yield Stack(started, raw, directory, sandbox, _reload(basepay, settings, raw), log)


def _reload(basepay: Basepay, settings: Settings, raw: View) -> Reload:
    return Reload(settings, load=lambda: check(raw), follow=basepay.follow)


def by_certificates(told: Mapping[str, Any]) -> View:
    """WeChat Pay as older merchants have it: its platform certificate, and no public key."""
    copied = ("mchid", "app_ids", "serial_no", "private_key", "api_v3_key", "base_url")
    return {
        "provider": "wechat",
        **{key: told[key] for key in copied},
        "platform_certificates": [told["platform_certificate"]],
    }


def by_public_key(told: Mapping[str, Any]) -> View:
    """WeChat Pay as newer merchants have it, certificates beside it."""
    keys = ("public_key_id", "public_key")
    return by_certificates(told) | {key: told[key] for key in keys}


def by_key(told: Mapping[str, Any]) -> View:
    """Alipay in key mode."""
    return _alipay(told, "alipay_public_key")


def by_files(told: Mapping[str, Any]) -> View:
    """Alipay in certificate mode."""
    return _alipay(told, "app_certificate", "alipay_certificate", "alipay_root_certificate")


def _alipay(told: Mapping[str, Any], *keys: str) -> View:
    own = ("app_id", "seller_id", "private_key", *keys)
    return {
        "provider": "alipay",
        **{key: told[key] for key in own},
        "base_url": told["gateway_url"],
    }
