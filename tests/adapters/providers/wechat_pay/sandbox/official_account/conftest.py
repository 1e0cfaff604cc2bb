"""The simulated platform, asked in the words of the reference and of nobody's client."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import Answer, Call, World
from adapters.providers.wechat_pay.sandbox.official_account.platform import OfficialAccountPlatform
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

SECRET = "0123456789abcdef0123456789abcdef"
PAGE_APP, MINI_APP = "wx1111111111111111", "wx2222222222222222"


class Phone:
    """Calls the platform, as a merchant's server or as a browser."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        world = World(self.clock, Book(None), KeyRing())
        self.platform = OfficialAccountPlatform(world, WeChatPaySandboxSettings(), SECRET)
        self.choices = self.platform.choices

    def send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        target = f"{path}?{urlencode(query)}" if query else path
        return self.platform.answer(Call(method, target, {}, body), {})

    def get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.send("GET", path, query)
        assert answer.status == 200
        said: dict[str, Any] = json.loads(answer.body)
        return said

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            self.send("POST", path, body=json.dumps(fields).encode()).body
        )
        return said

    def stable(self, *, force: bool = False, **changes: Any) -> dict[str, Any]:
        asked = {"grant_type": "client_credential", "appid": PAGE_APP, "secret": SECRET}
        return self.post("/cgi-bin/stable_token", **{**asked, "force_refresh": force, **changes})

    def plain(self, **changes: str) -> dict[str, Any]:
        asked = {"grant_type": "client_credential", "appid": PAGE_APP, "secret": SECRET}
        return self.get("/cgi-bin/token", **asked | changes)

    def works(self, token: str) -> int:
        """0, or the number that a call with this token gets."""
        said = self.get("/cgi-bin/getcallbackip", access_token=token)
        return int(said.get("errcode", 0))

    def authorize(self, **changes: str) -> Answer:
        asked = {
            "appid": PAGE_APP,
            "redirect_uri": "https://shop.example.com/back?x=1",
            "response_type": "code",
            "scope": "snsapi_base",
            "state": "S1",
        }
        return self.send("GET", "/connect/oauth2/authorize", asked | changes)

    def page_code(self, **changes: str) -> str:
        location = self.authorize(**changes).headers["Location"]
        return location.partition("code=")[2].partition("&")[0]

    def openid(self, code: str, **changes: str) -> dict[str, Any]:
        asked = {"appid": PAGE_APP, "secret": SECRET, "code": code}
        asked["grant_type"] = "authorization_code"
        return self.get("/sns/oauth2/access_token", **asked | changes)

    def session(self, code: str, **changes: str) -> dict[str, Any]:
        asked = {"appid": MINI_APP, "secret": SECRET, "js_code": code}
        asked["grant_type"] = "authorization_code"
        return self.get("/sns/jscode2session", **asked | changes)


@pytest.fixture
def phone() -> Phone:
    return Phone()
