"""The one place that names concrete adapters: settings in, a running basepay out."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from adapters.clock import SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.persistence.sql.store import SqlStore
from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.transport import AiohttpTransport
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from application.app import App, World
from application.ports import Account, Clock
from entrypoints.settings import AlipayAccount, Settings, SettingsError, WeChatAccount
from entrypoints.storage import open_store
from entrypoints.worker import Wakeups


@dataclass(frozen=True, slots=True)
class Basepay:
    """A wired basepay and what its processes hold on to."""

    app: App
    store: SqlStore
    wakeups: Wakeups


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Basepay]:
    """Open everything the settings name; closed in the opposite order. Raises SettingsError."""
    clock = clock or SystemClock()
    transport = AiohttpTransport()
    accounts = build_accounts(settings, transport, clock)
    store = await open_store(settings, clock)
    wakeups = Wakeups()
    store.on_message, store.on_callback = wakeups.message.set, wakeups.callback.set
    world = World(
        work=store.work,
        outbox=store.outbox,
        callbacks=store.callbacks,
        agenda=store.agenda,
        library=store.library,
        directory=store.directory,
        publisher=InProcessPublisher(),
        locks=InProcessLocks(),
        accounts=accounts,
        clock=clock,
        wall_clock=SystemClock(),
        new_id=new_ulid,
        number_prefix=settings.number_prefix,
        pings={"database": store.ping},
    )
    try:
        yield Basepay(App(world), store, wakeups)
    finally:
        await store.close()
        await transport.aclose()


def build_accounts(
    settings: Settings, transport: httpx.AsyncBaseTransport, clock: Clock
) -> Mapping[str, Account]:
    """Every configured merchant account, its keys loaded. Raises SettingsError."""
    accounts = {}
    for name, account in settings.accounts.items():
        make = MAKERS[type(account)]
        try:
            accounts[name] = make(name, account, settings.public_url, transport, clock)
        except ValueError as error:
            raise SettingsError(f"accounts.{name}.{error}") from None
    return accounts


def _wechat(
    name: str,
    account: WeChatAccount,
    public_url: str,
    transport: httpx.AsyncBaseTransport,
    clock: Clock,
) -> Account:
    public_keys = {}
    if account.public_key_id and account.public_key:
        public_keys[account.public_key_id] = account.public_key
    config = WeChatPayConfig(
        name=name,
        mchid=account.mchid,
        app_ids=AppIds(**account.app_ids),
        serial_no=account.serial_no,
        private_key=account.private_key,
        api_v3_key=account.api_v3_key,
        notify_url=f"{public_url}/callbacks/wechat/{name}",
        platform_certificates=tuple(account.platform_certificates),
        public_keys=public_keys,
        base_url=account.base_url,
    )
    return wechat_pay_account(config, transport, clock)


def _alipay(
    name: str,
    account: AlipayAccount,
    public_url: str,
    transport: httpx.AsyncBaseTransport,
    clock: Clock,
) -> Account:
    config = AlipayConfig(
        name=name,
        app_id=account.app_id,
        seller_id=account.seller_id,
        private_key=account.private_key,
        alipay_public_key=account.alipay_public_key,
        gateway_url=account.base_url,
        notify_url=f"{public_url}/callbacks/alipay/{name}",
    )
    return alipay_account(config, transport, clock)


MAKERS: dict[type, Callable[..., Account]] = {WeChatAccount: _wechat, AlipayAccount: _alipay}
