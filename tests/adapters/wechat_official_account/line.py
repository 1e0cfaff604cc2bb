"""The line to the simulated platform: it remembers what went over it, and can be cut."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

from adapters.clock import MovableClock
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import Call, World
from adapters.providers.wechat_pay.sandbox.official_account.platform import OfficialAccountPlatform
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.wechat_official_account.account import OfficialAccount, official_account
from adapters.wechat_official_account.config import Credentials, OfficialAccountConfig
from adapters.wechat_official_account.tokens import Tokens
from application.official_account_ports import AppKind, PayerLogin, SharedTokens
from application.ports import Locks
from application.shared import Shared

SECRET = "5ec7e7ba5e0fa1150fa11b0a7"
SETTINGS = WeChatPaySandboxSettings()
PAGE_APP, MINI_APP = SETTINGS.app_ids.official_account, SETTINGS.app_ids.mini_program


#: Every call that carries a secret, by its name in the trade.
SECRET_CALLS: dict[str, Callable[["WeChatWorld"], Any]] = {
    "token": lambda wechat: wechat.tokens_of(wechat.fresh_process()).access_token(),
    "ticket": lambda wechat: wechat.tokens_of().jsapi_ticket(),
    "page_login": lambda wechat: wechat.login(AppKind.OFFICIAL_ACCOUNT).openid("the-code"),
    "mini_program_login": lambda wechat: wechat.login(AppKind.MINI_PROGRAM).openid("the-code"),
}


@dataclass
class Line(httpx.AsyncBaseTransport):
    """Carries calls to the platform, one step of the loop each."""

    platform: OfficialAccountPlatform
    heard: list[httpx.Request] = field(default_factory=list)
    trouble: Exception | None = None
    scripted: list[httpx.Response] = field(default_factory=list)
    before_answer: Callable[[httpx.Request], Any] = field(default=lambda _: asyncio.sleep(0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        await self.before_answer(request)
        if self.trouble is not None:
            raise self.trouble
        if self.scripted:
            return self.scripted.pop(0)
        answer = self.platform.answer(
            Call(
                method=request.method,
                target=request.url.raw_path.decode(),
                headers=dict(request.headers),
                body=request.content,
            ),
            {},
        )
        return httpx.Response(
            answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.body)
        )

    def says(self, body: bytes, status: int = 200) -> None:
        """Answer the next call so, whatever it is."""
        self.scripted.append(httpx.Response(status, stream=httpx.ByteStream(body)))

    def asked(self, path: str) -> int:
        """How often a path was called."""
        return sum(request.url.path == path for request in self.heard)


class WeChatWorld:
    """A merchant with a 公众号 and a mini program, at a platform whose clock can be moved."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        world = World(self.clock, Book(None), KeyRing())
        self.platform = OfficialAccountPlatform(world, SETTINGS, SECRET)
        self.line = Line(self.platform)
        self.tokens: SharedTokens = InProcessTokens(self.clock)
        self.locks: Locks = InProcessLocks()
        self.shared = self.another_process()
        self.account: OfficialAccount = self.opened()

    def another_process(self) -> Shared:
        """Shares tokens and locks with the first, and nothing else."""
        return Shared(tokens=self.tokens, locks=self.locks, clock=self.clock)

    def fresh_process(self) -> Shared:
        """Shares nothing with anybody."""
        tokens = InProcessTokens(self.clock)
        return Shared(tokens=tokens, locks=InProcessLocks(), clock=self.clock)

    def tokens_of(self, shared: Shared | None = None) -> Tokens:
        """The tokens as one process holds them."""
        tokens = self.opened(shared).tokens
        assert tokens is not None
        return tokens

    def login(self, kind: AppKind) -> PayerLogin:
        """How a code of that kind is exchanged."""
        return self.account.apps.logins[kind]

    def opened(self, shared: Shared | None = None, secret: str = SECRET) -> OfficialAccount:
        """The account as one process holds it."""
        config = OfficialAccountConfig(
            official_account=Credentials(PAGE_APP, secret),
            mini_program=Credentials(MINI_APP, secret),
            domains=("shop.example.com",),
            back_url="https://pay.example.com/wechat/oauth/wechat-main/back",
            base_url="https://weixin.test",
            authorize_url="https://weixin.test/connect/oauth2/authorize",
        )
        return official_account(config, self.line, shared or self.shared, self.clock)

    def page_code(self, payer: str = "phone") -> str:
        """What a browser brings back from the login."""
        pages = self.account.apps.pages
        assert pages is not None
        address = httpx.URL(pages.login_url(back_to="https://shop.example.com/x", state="s1"))
        call = Call("GET", address.raw_path.decode(), {"x-sandbox-payer": payer}, b"")
        back = httpx.URL(self.platform.answer(call, {}).headers["Location"])
        return dict(parse_qsl(back.query.decode()))["code"]
