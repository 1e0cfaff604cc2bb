"""The routes of the 公众号, for apps, for browsers and for Tencent."""

import hashlib
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from adapters.http import domain_proof, wechat, wechat_login
from adapters.http.app import API_ROUTES
from adapters.http.auth import Authentication
from adapters.http.errors import ANSWERS, HANDLERS, SENTENCES, answer_known
from adapters.http.openapi import document
from adapters.http.watch import Watch
from adapters.http.wechat_login import COOKIE, PAGES
from adapters.persistence.memory.store import MemoryStore
from adapters.providers.in_memory.provider import InMemoryProvider
from adapters.providers.sandbox.provider import Call
from application.accounts import Accounts, AppPolicy
from application.official_account import DomainProofs, PayerLogins
from application.official_account_ports import (
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from application.records import Caller
from domain.method import Provider
from tests.adapters.wechat_official_account.line import MINI_APP, PAGE_APP, SECRET, WeChatWorld
from tests.builders import NOON

OPENID, JS_CONFIG = "/v1/wechat/openid", "/v1/wechat/js-config"
LOGIN = "/wechat/oauth/wechat-main"
PAGE = "https://shop.example.com/pay?order=SO-1#top"
NAME, PROOF = "MP_verify_AbCdEf0123456789.txt", "AbCdEf0123456789"

#: Written out once more, because programs depend on every letter.
CONTRACT = {
    WeChatCodeInvalid: (422, "wechat_code_invalid"),
    WeChatPayerRefused: (422, "wechat_payer_refused"),
    WeChatMisconfigured: (502, "wechat_misconfigured"),
    WeChatUnavailable: (503, "wechat_unavailable"),
}


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    for kind, answer in CONTRACT.items():
        assert ANSWERS.get(kind, answer) == answer
        monkeypatch.setitem(ANSWERS, kind, answer)


class Doorman:
    async def may_fetch(self, address):
        return address == "203.0.113.7"


@dataclass
class Stage:
    """basepay's routes before a simulated WeChat."""

    run: Any
    wechat: WeChatWorld
    http: Litestar
    proofs: DomainProofs

    def get(self, path: str, *, key: str = "shop-key", client: str = "192.0.2.1", **more: Any):
        headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
        return self.run(self._get(path, client, headers=headers, **more))

    async def _get(self, path: str, client: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.http, client=(client, 1))  # type: ignore[arg-type]  # two spellings of ASGI
        async with httpx.AsyncClient(transport=transport, base_url="https://pay.test") as caller:
            return await caller.get(path, **more)


@pytest.fixture
def stage(run):
    world = WeChatWorld()
    directory = MemoryStore(world.clock).directory
    for key, caller in {
        "shop-key": Caller("shop"),
        "rival-key": Caller("rival"),
        "operator-key": Caller("olga", operator=True),
    }.items():
        run(directory.add_key(caller, sha256(key.encode()).hexdigest(), NOON))
    offered = InMemoryProvider("wechat-main", Provider.WECHAT, world.clock).account()
    accounts = Accounts({offered.name: offered}, {"rival": AppPolicy(accounts=frozenset())})
    logins = PayerLogins(
        apps={"wechat-main": world.account.apps},
        accounts=accounts,
        shared=world.shared,
        clock=world.clock,
    )
    proofs = DomainProofs({NAME: PROOF})
    http = Litestar(
        route_handlers=[*wechat.ROUTES, *wechat_login.ROUTES, *domain_proof.ROUTES],
        dependencies={
            "payer_logins": Provide(lambda: logins, sync_to_thread=False),
            "domain_proofs": Provide(lambda: proofs, sync_to_thread=False),
        },
        before_request=Authentication(directory),
        exception_handlers={**dict.fromkeys(CONTRACT, answer_known), **HANDLERS},
        openapi_config=None,
        logging_config=None,
    )
    http.asgi_handler = Watch(http.asgi_handler)
    return Stage(run, world, http, proofs)


def fields(response):
    assert response.status_code == 422
    return [each["field"] for each in response.json()["errors"]]


def location(response):
    assert response.status_code == 302, response.text
    return httpx.URL(response.headers["location"])


def query(url):
    return dict(parse_qsl(url.query.decode()))


# --- openid ---


def test_a_page_code_becomes_an_openid(stage):
    answer = stage.get(OPENID, params={"code": stage.wechat.page_code()})

    assert answer.status_code == 200
    assert answer.json()["app_id"] == PAGE_APP
    assert answer.json()["openid"].startswith("o")


def test_a_mini_program_code_becomes_another_openid(stage):
    code = stage.wechat.platform.mini_program_code()
    asked = {"code": code, "app": "mini_program", "account": "wechat-main"}

    assert stage.get(OPENID, params=asked).json()["app_id"] == MINI_APP


def test_a_used_code_says_start_again(stage):
    code = stage.wechat.page_code()
    stage.get(OPENID, params={"code": code})
    stage.wechat.clock.advance(61)
    answer = stage.get(OPENID, params={"code": code})

    assert (answer.status_code, answer.json()["code"]) == CONTRACT[WeChatCodeInvalid]
    assert "start the login again" in answer.json()["detail"]
    assert code not in answer.text


def test_a_snapshot_user_is_refused(stage):
    stage.wechat.platform.choices.snapshot = True
    answer = stage.get(OPENID, params={"code": stage.wechat.page_code()})

    assert (answer.status_code, answer.json()["code"]) == CONTRACT[WeChatPayerRefused]


def test_a_wrong_set_up_tells_what_to_do(stage):
    stage.wechat.platform.choices.secret_frozen = True
    answer = stage.get(OPENID, params={"code": stage.wechat.page_code()})

    assert (answer.status_code, answer.json()["code"]) == CONTRACT[WeChatMisconfigured]
    assert "40243" in answer.json()["detail"]
    assert SECRET not in answer.text


def test_a_silent_wechat_says_when_to_come_back(stage, caplog):
    stage.wechat.line.trouble = httpx.ReadTimeout("no answer in time")
    answer = stage.get(OPENID, params={"code": "c0de"})

    assert (answer.status_code, answer.json()["code"]) == CONTRACT[WeChatUnavailable]
    assert answer.headers["retry-after"] == "5"
    assert SECRET not in answer.text + caplog.text


@pytest.mark.parametrize("path", [f"{OPENID}?code=c", f"{JS_CONFIG}?url={quote(PAGE)}"])
def test_who_may_not_use_the_account_is_answered_as_for_payments(stage, path):
    for more in ("", "&account=wechat-main", "&account=nobody"):
        answer = stage.get(path + more, key="rival-key")
        assert (answer.status_code, answer.json()["code"]) == (422, "account_required")
    assert stage.get(path, key="operator-key").json()["code"] == "app_key_required"
    assert stage.get(path, key="made-up").status_code == 401


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "code"),
        ({"code": ""}, "code"),
        ({"code": "a b"}, "code"),
        ({"code": "c" * 513}, "code"),
        ({"code": "c", "app": "app"}, "app"),
        ({"code": "c", "account": "NO"}, "account"),
        ({"code": "c", "x": "1"}, "x"),
    ],
)
def test_a_wrong_field_is_named(stage, asked, field):
    assert fields(stage.get(OPENID, params=asked)) == [field]
    assert stage.wechat.line.heard == []


# --- js-config ---


def test_a_page_is_signed(stage):
    config = stage.get(JS_CONFIG, params={"url": PAGE}).json()
    ticket, _ = stage.wechat.platform.tokens.ticket(PAGE_APP)

    text = (
        f"jsapi_ticket={ticket}&noncestr={config['nonceStr']}&timestamp={config['timestamp']}"
        "&url=https://shop.example.com/pay?order=SO-1"
    )
    assert config["signature"] == hashlib.sha1(text.encode()).hexdigest()
    assert config["appId"] == PAGE_APP
    assert config["jsApiList"] == ["chooseWXPay"]
    assert set(config) == {"appId", "timestamp", "nonceStr", "signature", "jsApiList"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/pay",
        "https://evil.example.com/",
        "https://evil.example.com\\@shop.example.com/",
        "https://shop.example.com.evil.example.com/",
        "x" * 2049,
    ],
)
def test_a_page_elsewhere_is_not_signed(stage, url):
    assert fields(stage.get(JS_CONFIG, params={"url": url})) == ["url"]


def test_an_address_that_is_not_whitelisted_is_named(stage):
    stage.wechat.platform.choices.caller_listed = False
    answer = stage.get(JS_CONFIG, params={"url": PAGE})

    assert (answer.status_code, answer.json()["code"]) == CONTRACT[WeChatMisconfigured]
    assert "203.0.113.9" in answer.json()["detail"]


# --- the hosted login ---


class Browser:
    """Follows one hosted login, as the payer's phone does."""

    def __init__(self, stage):
        self.stage, self.cookies = stage, {}

    def begins(self, page=PAGE, path=LOGIN):
        answer = self.stage.get(path, params={"return_url": page})
        if COOKIE in answer.cookies:
            self.cookies = {COOKIE: answer.cookies[COOKIE]}
        return answer

    def logs_in(self, answer, payer="phone"):
        """WeChat's page, and the address that it sends back to."""
        asked = location(answer)
        call = Call("GET", asked.raw_path.decode(), {"x-sandbox-payer": payer}, b"")
        return self.stage.wechat.platform.answer(call, {}).headers["Location"]

    def comes_back(self, address, cookies=None):
        asked = httpx.URL(address)
        assert asked.host == "pay.example.com"
        sent = self.cookies if cookies is None else cookies
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in sent.items())} if sent else {}
        return self.stage.get(asked.raw_path.decode(), headers=headers)


@pytest.fixture
def browser(stage):
    return Browser(stage)


def test_a_browser_goes_to_wechat_and_returns_with_its_openid(stage, browser):
    back = browser.comes_back(browser.logs_in(browser.begins(), "li"))

    code = stage.wechat.page_code("li")
    openid = stage.get(OPENID, params={"code": code}).json()["openid"]
    assert str(location(back)) == f"https://shop.example.com/pay?order=SO-1&openid={openid}#top"
    assert back.headers["referrer-policy"] == "no-referrer"
    assert back.headers["cache-control"] == "no-store"


def test_the_login_is_spelled_as_wechat_wants_it(browser):
    answer = browser.begins()

    assert re.fullmatch(
        r"https://weixin\.test/connect/oauth2/authorize\?appid=wx1111111111111111"
        r"&redirect_uri=https%3A%2F%2Fpay\.example\.com%2Fwechat%2Foauth%2Fwechat-main%2Fback"
        r"&response_type=code&scope=snsapi_base&state=[0-9a-f]{32}#wechat_redirect",
        answer.headers["location"],
    )


def test_the_state_is_bound_to_the_browser_by_a_cookie_no_script_reads(browser):
    answer = browser.begins()

    told = answer.headers["set-cookie"].lower()
    for word in ("httponly", "secure", "samesite=lax", f"path={LOGIN}", "max-age=300"):
        assert word in told
    assert query(location(answer))["state"] in answer.cookies[COOKIE]


def test_two_logins_have_two_states(browser):
    assert query(location(browser.begins()))["state"] != query(location(browser.begins()))["state"]


def test_a_browser_that_asks_twice_gets_the_same_answer(stage, browser):
    address = browser.logs_in(browser.begins())

    assert location(browser.comes_back(address)) == location(browser.comes_back(address))
    assert stage.wechat.line.asked("/sns/oauth2/access_token") == 1


def test_another_browser_can_not_end_the_login(stage, browser):
    """Login CSRF: a stranger's code must not be pushed into a browser."""
    address = browser.logs_in(browser.begins(), "stranger")
    victim = Browser(stage)
    victim.begins()

    for cookies in ({}, victim.cookies, {COOKIE: "."}, {COOKIE: "%C3%A9.%FF"}, {COOKIE: "a.b.c"}):
        refused = browser.comes_back(address, cookies)
        assert refused.status_code == 400
        assert "login is over" in refused.text
        assert refused.headers["content-type"] == "text/plain; charset=utf-8"
    assert stage.wechat.line.heard == []


def test_a_state_serves_one_code_only(browser):
    first = browser.begins()
    browser.comes_back(browser.logs_in(first, "li"))

    assert browser.comes_back(browser.logs_in(first, "wang")).status_code == 400


@pytest.mark.parametrize("code", ["", "a b", "c" * 513, "ü"])
def test_a_code_of_another_shape_is_not_even_asked_about(stage, browser, code):
    address = httpx.URL(browser.logs_in(browser.begins()))

    assert browser.comes_back(str(address.copy_set_param("code", code))).status_code == 400
    assert stage.wechat.line.heard == []


@pytest.mark.parametrize("lost", ["code", "state"])
def test_a_browser_back_without_code_or_state_starts_again(browser, lost):
    address = httpx.URL(browser.logs_in(browser.begins()))

    assert browser.comes_back(str(address.copy_remove_param(lost))).status_code == 400


def test_an_empty_state_matches_no_empty_cookie(stage, browser):
    page = "aHR0cHM6Ly9zaG9wLmV4YW1wbGUuY29tLw"
    back = f"https://pay.example.com{LOGIN}/back?code=c&state="

    assert browser.comes_back(back, {COOKIE: f".{page}"}).status_code == 400
    assert stage.wechat.line.heard == []


@pytest.mark.parametrize(
    "page",
    [
        "",
        "/pay",
        "https://evil.example.com/",
        "https://evil.example.com\\@shop.example.com",
        "https://shop.example.com@evil.example.com/",
        "//evil.example.com",
        "javascript:alert(1)",
        "http://shop.example.com/",  # an openid does not travel in the open
    ],
)
def test_nobody_is_sent_to_a_foreign_page(browser, page):
    answer = browser.begins(page)

    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_forged_cookie_sends_nobody_to_a_foreign_page(browser):
    address = browser.logs_in(browser.begins())
    state = query(httpx.URL(address))["state"]
    evil = "aHR0cHM6Ly9ldmlsLmV4YW1wbGUuY29tLw"  # https://evil.example.com/

    assert browser.comes_back(address, {COOKIE: f"{state}.{evil}"}).status_code == 400


def test_there_is_no_login_where_there_is_no_official_account(browser):
    assert browser.begins(path="/wechat/oauth/nobody").status_code == 404


def test_the_payer_reads_what_went_wrong(stage, browser):
    told: dict[type[Exception], httpx.Response] = {}
    address = browser.logs_in(browser.begins())
    stage.wechat.line.says(b'{"errcode":40125,"errmsg":"no"}')
    told[WeChatMisconfigured] = browser.comes_back(address)
    stage.wechat.line.says(b'{"errcode":45011,"errmsg":"slower"}')
    told[WeChatUnavailable] = browser.comes_back(address)
    stage.wechat.line.says(b'{"openid":"o1","is_snapshotuser":1}')
    told[WeChatPayerRefused] = browser.comes_back(address)

    for kind, answer in told.items():
        assert (answer.status_code, answer.text) == (PAGES[kind][0], PAGES[kind][1] + "\n")
        assert "AppSecret" not in answer.text
    assert told[WeChatUnavailable].headers["retry-after"] == "60"
    assert location(browser.comes_back(address))  # a failure used nothing up


# --- the proof of the domain ---


def test_tencent_finds_the_proof_exactly_as_downloaded(stage):
    answer = stage.get(f"/{NAME}")

    assert (answer.status_code, answer.content) == (200, PROOF.encode())
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path",
    [
        "/MP_verify_0000000000000000.txt",
        "/mp_verify_AbCdEf0123456789.txt",
        "/MP_verify_AbCdEf0123456789.txt.bak",
        "/MP_verify_..%2F..%2Fbasepay.toml",
        "/MP_verify_AbCdEf0123456789.txt%0a",
        "/MP_verify_AbCdEf0123456789.txt%00",
        "/basepay.toml",
        "/..%2FMP_verify_AbCdEf0123456789.txt",
    ],
)
def test_nothing_else_is_found_there(stage, path):
    answer = stage.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["basepay.toml", f"{NAME}.bak", f"x{NAME}"])
def test_a_configured_name_of_another_shape_is_not_served(stage, name):
    stage.proofs._files = {name: "secret"}

    assert stage.get(f"/{name}").status_code == 404


@pytest.mark.parametrize(
    ("client", "forwarded", "proxies", "status"),
    [
        ("203.0.113.7", [], (), 200),
        ("192.0.2.1", [], (), 404),
        ("192.0.2.1", ["203.0.113.7"], (), 404),  # anybody can write a header
        ("10.0.0.1", ["203.0.113.7"], ("10.0.0.0/8",), 200),
        ("10.0.0.1", ["203.0.113.7, 192.0.2.1"], ("10.0.0.0/8",), 404),  # forged by the visitor
        ("10.0.0.1", ["203.0.113.7, 10.0.0.2"], ("10.0.0.0/8",), 200),  # two proxies of ours
        ("10.0.0.1", ["203.0.113.7", "192.0.2.1"], ("10.0.0.0/8",), 404),
        ("10.0.0.1", ["nonsense"], ("10.0.0.0/8",), 404),
        ("10.0.0.1", [], ("10.0.0.0/8",), 404),
    ],
)
def test_the_proof_can_be_kept_for_tencent(stage, client, forwarded, proxies, status):
    stage.proofs._visitors = Doorman()
    stage.proofs.trusted_proxies = proxies
    headers = [("X-Forwarded-For", each) for each in forwarded]

    async def fetch():
        transport = httpx.ASGITransport(stage.http, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://pay.test") as caller:
            return await caller.get(f"/{NAME}", headers=headers)

    assert stage.run(fetch()).status_code == status


# --- what is told about them ---


def test_both_calls_are_described():
    told = document([*dict.fromkeys([*API_ROUTES, *wechat.ROUTES])])["paths"]

    openid = told[OPENID]["get"]
    assert {each["name"] for each in openid["parameters"]} == {"code", "app", "account"}
    for status, code in CONTRACT.values():
        assert f"`{code}`" in openid["responses"][str(status)]["description"]
    assert "Retry-After" in openid["responses"]["503"]["headers"]


def test_no_sentence_hides_what_to_do():
    assert not set(CONTRACT) & set(SENTENCES)


def test_no_code_openid_or_secret_is_logged(stage, browser, caplog):
    caplog.set_level("DEBUG")
    address = browser.logs_in(browser.begins())
    openid = query(location(browser.comes_back(address)))["openid"]
    code = query(httpx.URL(address))["code"]

    ours = [each.getMessage() for each in caplog.records if each.name != "httpx"]  # the test's own
    assert ours
    assert not [line for line in ours if openid in line or code in line or SECRET in line]
