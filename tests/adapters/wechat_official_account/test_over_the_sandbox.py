"""The whole simulator between us and WeChat: its paths, its credentials, its faults."""

from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from adapters.wechat_official_account.account import official_account
from adapters.wechat_official_account.config import Credentials, OfficialAccountConfig
from application.official_account_ports import AppKind, WeChatMisconfigured, WeChatUnavailable
from application.shared import Shared

BASE = "http://wechat.test"


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture(scope="module")
def keys():
    """Making them takes a second or two."""
    return KeyRing()


@pytest.fixture
def line(clock, keys):
    app = create_sandbox(environment="test", clock=clock, providers=[WeChatPaySandbox], keys=keys)
    return httpx.ASGITransport(app)  # type: ignore[arg-type]  # two spellings of ASGI


@pytest.fixture
def sent(run, line):
    """A tester's or a browser's own request."""

    async def send(method, path, **more):
        async with httpx.AsyncClient(transport=line, base_url=BASE) as client:
            return await client.request(method, path, **more)

    return lambda *what, **more: run(send(*what, **more))


@pytest.fixture
def account(line, sent, clock):
    told = sent("GET", "/sandbox/credentials").json()["wechat"]
    config = OfficialAccountConfig(
        official_account=Credentials(told["app_ids"]["official_account"], told["app_secret"]),
        mini_program=Credentials(told["app_ids"]["mini_program"], told["app_secret"]),
        base_url=BASE,
        authorize_url=f"{BASE}/connect/oauth2/authorize",
    )
    shared = Shared(tokens=InProcessTokens(clock), locks=InProcessLocks(), clock=clock)
    return official_account(config, line, shared, clock)


def test_a_page_is_logged_in_and_signed(run, account, sent):
    way = account.apps.pages.login_url(back_to="https://shop.example.com/b?x=1", state="s1")
    back = httpx.URL(sent("GET", way).headers["location"])
    came = dict(parse_qsl(back.query.decode()))

    assert came["state"] == "s1"
    assert run(account.apps.logins[AppKind.OFFICIAL_ACCOUNT].openid(came["code"]))
    assert run(account.apps.pages.js_config("https://shop.example.com/")).signature


def test_a_mini_program_is_logged_in(run, account, sent):
    code = sent("GET", "/connect/sandbox/wx.login").json()["code"]

    assert run(account.apps.logins[AppKind.MINI_PROGRAM].openid(code))


def test_a_tester_takes_our_address_off_the_whitelist(run, account, sent):
    fault = {"kind": "error", "operation": "official_account", "code": "40164"}
    assert sent("POST", "/sandbox/faults", json=fault).is_success

    with pytest.raises(WeChatMisconfigured, match="whitelist"):
        run(account.tokens.access_token())
    assert run(account.tokens.access_token())


def test_a_gateway_of_wechat_fails(run, account, sent):
    fault = {"kind": "status", "operation": "official_account", "status": 502}
    assert sent("POST", "/sandbox/faults", json=fault).is_success

    with pytest.raises(WeChatUnavailable):
        run(account.tokens.access_token())
