"""The simulated platform: which call goes where, and how every answer leaves."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from adapters.providers.sandbox.faults import Fault, Struck
from adapters.providers.sandbox.provider import Answer, Call, World
from adapters.providers.wechat_pay.sandbox.official_account import login_page
from adapters.providers.wechat_pay.sandbox.official_account.codes import Codes
from adapters.providers.wechat_pay.sandbox.official_account.quotas import Quotas
from adapters.providers.wechat_pay.sandbox.official_account.refused import PageRefused, Refused
from adapters.providers.wechat_pay.sandbox.official_account.settings import OfficialAccountSettings
from adapters.providers.wechat_pay.sandbox.official_account.tokens import Tokens
from adapters.providers.wechat_pay.sandbox.openids import openid_of
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

PATHS = ("/cgi-bin/", "/sns/", "/connect/")

Parameters = Mapping[str, Any]


class OfficialAccountPlatform:
    """api.weixin.qq.com and open.weixin.qq.com for one merchant's app ids, in memory.

    All app ids share one AppSecret, as the credentials that testers are given have one.
    """

    def __init__(
        self,
        world: World,
        settings: WeChatPaySandboxSettings,
        app_secret: str,
        choices: OfficialAccountSettings | None = None,
    ) -> None:
        self.choices = choices or OfficialAccountSettings()
        self._page_app = settings.app_ids.official_account
        self._mini_app = settings.app_ids.mini_program
        self._app_secret = app_secret
        self.tokens = Tokens(world.clock, self.choices, Quotas(world.clock))
        self._codes = Codes(world.clock)
        self._calls: Mapping[tuple[str, str], Callable[[Parameters], Parameters]] = {
            ("GET", "/cgi-bin/token"): self._token,
            ("POST", "/cgi-bin/stable_token"): self._stable_token,
            ("GET", "/cgi-bin/ticket/getticket"): self._ticket,
            ("GET", "/cgi-bin/getcallbackip"): self._callback_addresses,
            ("GET", "/cgi-bin/get_api_domain_ip"): self._api_addresses,
            ("GET", "/sns/oauth2/access_token"): self._page_openid,
            ("GET", "/sns/jscode2session"): self._mini_program_openid,
        }

    def answer(self, call: Call, struck: Struck) -> Answer:  # noqa: ARG002 - nothing here is signed
        """Do what the call asks and say so."""
        if call.path == "/connect/oauth2/authorize":
            return self._login(call)
        try:
            return self._said(self._handler(call)(_parameters(call)))
        except Refused as refused:
            return self._said(refused.body())

    def trouble(self, call: Call, fault: Fault) -> Answer:  # noqa: ARG002 - the same for every call
        """Answer a `status` fault by a gateway's page, an `error` fault by its number."""
        if fault.kind == "error":
            return self._said(Refused(_number(fault.code)).body())
        page = f"<html><body><center><h1>{fault.status}</h1></center></body></html>"
        return Answer(fault.status, {"Content-Type": "text/html"}, page.encode())

    def mini_program_code(self, person: str | None = None) -> str:
        """What `wx.login` gives to the mini program on a person's phone."""
        return self._codes.issue(
            self._mini_app,
            person or self.choices.payer,
            lives_seconds=self.choices.code_lives_seconds,
        )

    def _handler(self, call: Call) -> Callable[[Parameters], Parameters]:
        wanted = [method for method, path in self._calls if path == call.path]
        if call.path == "/connect/sandbox/wx.login":  # only here: a phone does this by itself
            return lambda asked: {"code": self.mini_program_code(asked.get("payer"))}
        if not wanted:
            raise Refused(48001)
        if call.method not in wanted:
            raise Refused(43001 if wanted == ["GET"] else 43002)
        return self._calls[call.method, call.path]

    def _login(self, call: Call) -> Answer:
        try:
            address = login_page.answer(call, self._page_app, self._codes, self.choices)
        except PageRefused as refused:
            page = f"<html><meta charset=utf-8><body><h3>{refused}</h3></body></html>"
            return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())
        return Answer(302, {"Location": address, "Cache-Control": "no-store"}, b"")

    def _token(self, asked: Parameters) -> Parameters:
        app_id = self._caller(asked, grant_type="client_credential")
        value, seconds = self.tokens.plain(app_id)
        return {"access_token": value, "expires_in": seconds}

    def _stable_token(self, asked: Parameters) -> Parameters:
        app_id = self._caller(asked, grant_type="client_credential")
        value, seconds = self.tokens.stable(app_id, force=asked.get("force_refresh") is True)
        return {"access_token": value, "expires_in": seconds}

    def _ticket(self, asked: Parameters) -> Parameters:
        app_id = self.tokens.holder(asked.get("access_token", ""))
        if app_id != self._page_app or asked.get("type") != "jsapi":
            raise Refused(48001)
        value, seconds = self.tokens.ticket(app_id)
        return {"errcode": 0, "errmsg": "ok", "ticket": value, "expires_in": seconds}

    def _callback_addresses(self, asked: Parameters) -> Parameters:
        self.tokens.holder(asked.get("access_token", ""))
        return {"ip_list": self.choices.callback_addresses}

    def _api_addresses(self, asked: Parameters) -> Parameters:
        self.tokens.holder(asked.get("access_token", ""))
        return {"ip_list": self.choices.api_addresses}

    def _page_openid(self, asked: Parameters) -> Parameters:
        app_id = self._login_caller(asked, self._page_app, code=asked.get("code"))
        login = self._codes.redeem(app_id, asked["code"])
        told = {
            "access_token": secrets.token_urlsafe(64),
            "expires_in": 7200,
            "refresh_token": secrets.token_urlsafe(64),
            "openid": openid_of(app_id, login.person),
            "scope": login.scope,
        }
        return told | ({"is_snapshotuser": 1} if login.snapshot else {})

    def _mini_program_openid(self, asked: Parameters) -> Parameters:
        app_id = self._login_caller(asked, self._mini_app, code=asked.get("js_code"))
        login = self._codes.redeem(app_id, asked["js_code"])
        if login.person in self.choices.blocked:
            raise Refused(40226)
        return {
            "session_key": secrets.token_urlsafe(16),
            "openid": openid_of(app_id, login.person),
        }

    def _caller(self, asked: Parameters, *, grant_type: str) -> str:
        """Whose token is asked for; these calls look at the caller's address too."""
        app_id = self._checked(asked, (self._page_app, self._mini_app), grant_type)
        if not self.choices.caller_listed:
            raise Refused(40164, address=self.choices.caller_address)
        return app_id

    def _login_caller(self, asked: Parameters, app_id: str, *, code: object) -> str:
        self._checked(asked, (app_id,), "authorization_code")
        if not code:
            raise Refused(41008)
        return app_id

    def _checked(self, asked: Parameters, app_ids: tuple[str, ...], grant_type: str) -> str:
        if asked.get("grant_type") != grant_type:
            raise Refused(40002)
        for name, errcode in (("appid", 41002), ("secret", 41004)):
            if not asked.get(name):
                raise Refused(errcode)
        if asked["appid"] not in app_ids:
            raise Refused(40013)
        if not secrets.compare_digest(str(asked["secret"]).encode(), self._app_secret.encode()):
            raise Refused(40125)
        if self.choices.secret_frozen:
            raise Refused(40243)
        return str(asked["appid"])

    def _said(self, body: Parameters) -> Answer:
        kind = "text/plain" if self.choices.says_text_plain else "application/json; charset=utf-8"
        return Answer(200, {"Content-Type": kind}, msgspec.json.encode(body))


def _number(code: str | None) -> int:
    """What a tester armed; a word of the payment API means nothing here: busy."""
    return int(code) if code and code.lstrip("-").isdecimal() else -1


def _parameters(call: Call) -> Parameters:
    """A GET's query, a POST's JSON object; what can't be read says nothing."""
    if call.method == "GET":
        return dict(parse_qsl(call.query, keep_blank_values=True))
    try:
        read = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
