"""WeChat Pay changes its keys while orders go on: nothing genuine is refused, no call fails."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.ids import new_ulid
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.transport import AiohttpTransport
from adapters.providers.wechat_pay import certificates
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from application.ports import Account, CallbackRejected
from application.records import PaymentNews, RawCallback
from domain.method import Provider
from domain.outcome import AwaitingPayer, Paid
from tests.adapters.providers.conftest import Merchant
from tests.builders import a_payment

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
WHERE = {"provider": "wechat"}


class Line(httpx.AsyncBaseTransport):
    """A real line that counts how often the list of certificates was heard."""

    def __init__(self) -> None:
        self.lists = 0
        self._line = AiohttpTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._line.handle_async_request(request)
        self.lists += request.url.path == certificates.LIST
        return answer

    async def aclose(self) -> None:
        await self._line.aclose()


@dataclass
class Shop:
    """A merchant whose orders go on and on."""

    sandbox: httpx.AsyncClient
    merchant: Merchant
    clock: MovableClock
    line: Line
    account: Account

    async def sells(self) -> None:
        """Prepay, pay, query and callback: all of it is believed."""
        now, id = self.clock.now(), f"pay_{new_ulid()}"
        payment = a_payment(id=id, created_at=now, expires_at=now + timedelta(hours=2))
        prepared = self.account.payments.prepare(payment)
        payment.payee, payment.request = prepared.payee, prepared.request
        assert isinstance(await self.account.payments.start(payment), AwaitingPayer)
        seen = len(self.merchant.received)
        number = payment.provider_order_no
        await self._at_the_sandbox("/sandbox/payer/pay", provider_order_no=number)
        assert isinstance(await self.account.payments.query(payment), Paid)
        headers, body = (await asyncio.to_thread(self.merchant.waits_for, seen + 1))[seen]
        news = self.account.callbacks.read(
            RawCallback("cb", Provider.WECHAT, "wechat-main", headers, body, datetime.now(UTC))
        )
        assert isinstance(news, PaymentNews)
        assert news.provider_order_no == number

    async def wechat_pay(self, step: str) -> None:
        await self._at_the_sandbox("/sandbox/keys", step=step, **WHERE)

    async def time_passes(self, **units: float) -> None:
        """Long enough for the certificates to be looked after."""
        lists = self.line.lists
        self.clock.advance(timedelta(**units).total_seconds())
        await self.hears_lists(lists + 1)

    async def hears_lists(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.line.lists < count:  # noqa: ASYNC110 - a line rings no bell
                await asyncio.sleep(0.01)

    async def _at_the_sandbox(self, path: str, **what: str) -> None:
        (await self.sandbox.post(path, json=what)).raise_for_status()


@pytest.fixture
def shop(serve, merchant, monkeypatch):
    """Opens a shop with these key settings; it looks after its certificates by itself."""
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.02)
    clock, providers = MovableClock(), [WeChatPaySandbox]
    # A ring of its own: what is turned here stays turned.
    url = serve(
        create_sandbox(environment="test", clock=clock, providers=providers, keys=KeyRing())
    )

    @asynccontextmanager
    async def opened(*settings: str) -> AsyncIterator[Shop]:
        line = Line()
        async with httpx.AsyncClient(base_url=url, verify=NO_TLS) as sandbox:
            told = (await sandbox.get("/sandbox/credentials")).json()["wechat"]
            account = wechat_pay_account(_config(told, merchant, settings), line, clock)
            assert account.upkeep is not None
            it = Shop(sandbox, merchant, clock, line, account)
            upkeep = asyncio.ensure_future(account.upkeep())
            try:
                await it.hears_lists(1)
                yield it
            finally:
                upkeep.cancel()
                await line.aclose()

    return opened


def _config(told: dict[str, Any], merchant: Merchant, settings: tuple[str, ...]) -> WeChatPayConfig:
    keys: dict[str, Any] = {}
    if "certificate" in settings:
        keys["platform_certificates"] = (told["platform_certificate"],)
    if "public key" in settings:
        keys["public_keys"] = {told["public_key_id"]: told["public_key"]}
    return WeChatPayConfig(
        name="wechat-main",
        mchid=told["mchid"],
        app_ids=AppIds(**told["app_ids"]),
        serial_no=told["serial_no"],
        private_key=told["private_key"],
        api_v3_key=told["api_v3_key"],
        notify_url=merchant.url,
        base_url=told["base_url"],
        **keys,
    )


@pytest.mark.parametrize("settings", [(), ("certificate",)], ids=["nothing configured", "one"])
def test_a_certificate_is_rotated_under_a_running_shop(run, shop, settings):
    async def story() -> None:
        async with shop(*settings) as it:
            await it.sells()
            await it.wechat_pay("announce_certificate")
            await it.sells()
            await it.time_passes(hours=23)
            await it.sells()
            await it.wechat_pay("sign_with_new_certificate")
            await it.sells()
            await it.wechat_pay("retire_old_certificate")
            await it.sells()
            await it.time_passes(hours=2)
            await it.sells()

    run(story())


def test_a_merchant_moves_to_the_public_key(run, shop):
    async def story() -> None:
        async with shop("certificate", "public key") as it:
            await it.sells()
            await it.wechat_pay("start_public_key")
            for _ in range(8):
                await it.sells()
                await it.time_passes(days=1)
            await it.wechat_pay("finish_public_key")
            await it.sells()
            await it.time_passes(days=2)
            await it.sells()

    run(story())


def test_a_merchant_without_any_certificate_needs_none(run, shop):
    async def story() -> None:
        async with shop("public key") as it:
            await it.wechat_pay("start_public_key")
            await it.time_passes(days=7)
            await it.wechat_pay("finish_public_key")
            await it.sells()

    run(story())


def test_a_certificate_that_was_missed_is_fetched_within_a_minute(run, shop):
    async def story() -> None:
        async with shop("certificate") as it:
            await it.wechat_pay("announce_certificate")
            await it.wechat_pay("sign_with_new_certificate")
            with pytest.raises((CallbackRejected, AssertionError)):
                await it.sells()
            await it.time_passes(seconds=61)
            await it.sells()

    run(story())
