"""The use cases of the 公众号: whose openid, how a page is configured, what proves a domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from application.accounts import Accounts
from application.official_account_ports import (
    AppKind,
    JsConfig,
    OfficialPages,
    PayerLogin,
    Token,
    Visitors,
    WeChatApps,
    WeChatCodeInvalid,
)
from application.ports import Clock
from application.records import Caller
from application.shared import Shared
from domain.errors import FieldError, InvalidRequest, NotFound
from domain.method import Provider

#: Browsers ask for the same page twice, and WeChat takes a code once.
CODE_REMEMBERED = timedelta(minutes=1)
#: As long as WeChat's codes live, and as the cookie does.
LOGIN_LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Payer:
    """Who logged in, to which of the account's app ids."""

    openid: str
    app_id: str


class PayerLogins:
    """The use cases behind `GET /v1/wechat/openid`, `js-config` and the hosted login."""

    def __init__(
        self,
        *,
        apps: Mapping[str, WeChatApps],
        accounts: Accounts,
        shared: Shared,
        clock: Clock,
    ) -> None:
        self._apps, self._accounts = apps, accounts
        self._shared, self._clock = shared, clock

    async def openid(
        self, caller: Caller, *, account: str | None, app: AppKind, code: str
    ) -> Payer:
        """Exchange a login code; the same one again within a minute brings the same payer.

        Raises AccountRequired, InvalidRequest for an app id that the account has not, and what
        PayerLogin.openid raises.
        """
        login = self._for_app(caller, account).logins.get(app)
        if login is None:
            raise InvalidRequest(FieldError("app", f"another: the account has no {app}"))
        return Payer(await self._exchange(login, code), login.app_id)

    async def js_config(
        self, caller: Caller, *, account: str | None, url: str, host: str
    ) -> JsConfig:
        """Sign a page's URL, given without its fragment.

        Raises AccountRequired, InvalidRequest for a host that is no JS domain,
        WeChatMisconfigured, WeChatUnavailable.
        """
        apps = self._for_app(caller, account)
        if apps.pages is None:
            raise InvalidRequest(FieldError("account", "one that has an official account"))
        _check_host("url", host, apps)
        return await apps.pages.js_config(url)

    def begin(self, account: str, *, state: str, host: str) -> str:
        """Where a browser that wants to return to `host` is sent to log in.

        Raises NotFound for an account without a 公众号, InvalidRequest for a foreign host.
        """
        apps, pages, _ = self._hosted(account)
        _check_host("return_url", host, apps)
        return pages.login_url(back_to=apps.back_url, state=state)

    async def end(self, account: str, *, state: str, host: str, code: str) -> str:
        """The openid of a browser that has come back; its state serves one code only.

        Raises what `begin` raises, and what PayerLogin.openid raises.
        """
        apps, _, login = self._hosted(account)
        _check_host("return_url", host, apps)

        async def claim() -> Token:
            return Token(_digest(code), self._clock.now() + LOGIN_LASTS)

        if await self._shared.get(f"wechat:state:{_digest(state)}", claim) != _digest(code):
            raise WeChatCodeInvalid(login.app_id)
        return await self._exchange(login, code)

    async def _exchange(self, login: PayerLogin, code: str) -> str:
        async def ask() -> Token:
            return Token(await login.openid(code), self._clock.now() + CODE_REMEMBERED)

        return await self._shared.get(f"wechat:openid:{login.app_id}:{_digest(code)}", ask)

    def _for_app(self, caller: Caller, account: str | None) -> WeChatApps:
        return self._of(self._accounts.for_app(caller.name, Provider.WECHAT, account).name)

    def _of(self, account: str) -> WeChatApps:
        return self._apps.get(account) or WeChatApps({})

    def _hosted(self, account: str) -> tuple[WeChatApps, OfficialPages, PayerLogin]:
        apps = self._of(account)
        login = apps.logins.get(AppKind.OFFICIAL_ACCOUNT)
        if apps.pages is None or login is None or not apps.back_url:
            raise NotFound("account", account)
        return apps, apps.pages, login


class DomainProofs:
    """The use case behind `GET /MP_verify_*.txt`."""

    def __init__(
        self,
        files: Mapping[str, str],
        *,
        visitors: Visitors | None = None,
        trusted_proxies: tuple[str, ...] = (),
    ) -> None:
        """`files` may change in place. `visitors` None: anybody may fetch.

        `trusted_proxies` tell us in a header who called.
        """
        self._files, self._visitors = files, visitors
        self.trusted_proxies = trusted_proxies

    async def __call__(self, name: str, *, visitor: str) -> str:
        """Return a file exactly as configured. Raises NotFound, also for whom it is not meant."""
        content = self._files.get(name)
        if content is None:
            raise NotFound("file", name)
        if self._visitors is not None and not await self._visitors.may_fetch(visitor):
            raise NotFound("file", name)
        return content


def _check_host(field: str, host: str, apps: WeChatApps) -> None:
    if host not in apps.domains:
        known = ", ".join(sorted(apps.domains)) or "none is configured"
        raise InvalidRequest(FieldError(field, f"an address on a domain of the account: {known}"))


def _digest(secret: str) -> str:
    """What names a code or state without telling it."""
    return sha256(secret.encode()).hexdigest()
