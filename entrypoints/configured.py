"""What is made from the configured accounts, and follows the configuration while we run."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from adapters.wechat_official_account.addresses import CallbackAddresses
from application.accounts import Accounts, AppPolicy
from application.circuit import Circuits
from application.official_account_ports import AppKind, Visitors, WeChatApps
from application.ports import Account
from domain.method import Provider
from entrypoints.account_makers import Made, Outside, make, shared_by_all
from entrypoints.errors import SettingsError
from entrypoints.settings import Settings

T = TypeVar("T")

GetReady = Callable[[Iterable[Account]], Awaitable[None]]

log = logging.getLogger("basepay.configuration")


class Configured:
    """Handed out once; what it hands out is changed in place, all of it between two awaits."""

    def __init__(self, outside: Outside) -> None:
        self.accounts = Accounts({}, circuits=Circuits(chance=random.random))
        self.wechat_apps: dict[str, WeChatApps] = {}
        self.mp_verify: dict[str, str] = {}
        self.visitors = _Visitors()
        self._outside = outside
        self._made: dict[str, Made] = {}

    async def follow(self, settings: Settings, *, getting_ready: GetReady | None = None) -> None:
        """Take these accounts. Raises SettingsError, and then nothing has changed.

        `getting_ready` is awaited with all of them before the first call goes to a new one.
        """
        made = await self._make(settings)
        if getting_ready is not None:
            await getting_ready([each.account for each in made.values()])
        gone = self.accounts.replace({n: m.account for n, m in made.items()}, policies(settings))
        for name in gone:
            log.warning("account %s is not configured any more: only its orders go on", name)
        self._made |= made
        _become(self.wechat_apps, {n: m.wechat.apps for n, m in made.items() if m.wechat})
        _become(self.mp_verify, settings.wechat.mp_verify)
        self.visitors.follow(self._callback_addresses(made))

    async def _make(self, settings: Settings) -> dict[str, Made]:
        made = {}
        for name in settings.accounts:
            made[name] = self._known(name, settings) or make(name, settings, self._outside)
            await asyncio.sleep(0)  # loading keys takes a while; requests go on in between
        return made

    def _known(self, name: str, settings: Settings) -> Made | None:
        """The account as it is, with its tokens and certificates, if nothing about it changed."""
        made, wanted = self._made.get(name), settings.accounts[name]
        if made is None:
            return None
        if made.settings.merchant != wanted.merchant:
            raise SettingsError(
                f"accounts.{name}: {made.settings.merchant} can't become {wanted.merchant} while "
                "its orders may be open; give the new merchant an account name of its own"
            )
        unchanged = made.settings == wanted and made.shared == shared_by_all(settings)
        return made if unchanged else None

    def _callback_addresses(self, made: Mapping[str, Made]) -> Visitors | None:
        """Any 公众号 may ask for Tencent's addresses; the first one does."""
        for each in made.values():
            if each.wechat and each.wechat.tokens:
                app_id = each.wechat.apps.logins[AppKind.OFFICIAL_ACCOUNT].app_id
                shared, clock = self._outside.shared, self._outside.clock
                return CallbackAddresses(app_id, each.wechat.tokens, shared, clock)
        return None


def policies(settings: Settings) -> dict[str, AppPolicy]:
    """What each app may use."""
    return {
        name: AppPolicy(
            accounts=None if app.accounts is None else frozenset(app.accounts),
            defaults={Provider(p): account for p, account in app.default_accounts.items()},
        )
        for name, app in settings.apps.items()
    }


class _Visitors:
    """A `Visitors` that asks whichever 公众号 is configured now; without one all may come in."""

    def __init__(self) -> None:
        self._asked: Visitors | None = None

    def follow(self, visitors: Visitors | None) -> None:
        self._asked = visitors

    async def may_fetch(self, address: str) -> bool:
        return self._asked is None or await self._asked.may_fetch(address)


def _become(held: dict[str, T], wanted: Mapping[str, T]) -> None:
    held.clear()
    held.update(wanted)
