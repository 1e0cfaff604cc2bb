"""The login page that a browser in WeChat is sent to (§9.5)."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from adapters.providers.sandbox.provider import Call
from adapters.providers.wechat_pay.sandbox.official_account.codes import Codes
from adapters.providers.wechat_pay.sandbox.official_account.refused import PageRefused
from adapters.providers.wechat_pay.sandbox.official_account.settings import OfficialAccountSettings

#: The order matters to WeChat; `forcePopup` and testers' own parameters may follow.
PARAMETERS = ("appid", "redirect_uri", "response_type", "scope", "state")

#: How a tester names who logs in: in the query or in a header.
PAYER_PARAMETER, PAYER_HEADER = "sandbox_payer", "x-sandbox-payer"


def answer(call: Call, app_id: str, codes: Codes, settings: OfficialAccountSettings) -> str:
    """Log in silently and tell where the browser goes next; raise `PageRefused`."""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    asked = dict(pairs)
    if tuple(name for name, _ in pairs)[: len(PARAMETERS)] != PARAMETERS:
        raise PageRefused(10012, "参数错误：参数缺失或顺序不对")
    _check(asked, app_id, settings)
    person = asked.get(PAYER_PARAMETER) or call.headers.get(PAYER_HEADER) or settings.payer
    code = codes.issue(
        app_id,
        person,
        scope=asked["scope"],
        snapshot=settings.snapshot,
        lives_seconds=settings.code_lives_seconds,
    )
    back, sign = asked["redirect_uri"], "&" if "?" in asked["redirect_uri"] else "?"
    return f"{back}{sign}code={code}&state={quote(asked['state'], safe='')}"


def _check(asked: Mapping[str, str], app_id: str, settings: OfficialAccountSettings) -> None:
    """The numbers for a foreign app id and a wrong type or state are not documented."""
    if asked["appid"] != app_id:
        raise PageRefused(10013, "AppID错误")
    if asked["response_type"] != "code" or not re.fullmatch(r"[a-zA-Z0-9]{0,128}", asked["state"]):
        raise PageRefused(10012, "参数错误")
    if asked["scope"] not in ("snsapi_base", "snsapi_userinfo"):
        raise PageRefused(10005, "该公众号没有此scope权限")
    back = urlsplit(asked["redirect_uri"])
    if back.scheme not in ("http", "https") or not back.hostname:
        raise PageRefused(10003, "redirect_uri不是完整的地址")
    if settings.oauth_domains is not None and back.hostname not in settings.oauth_domains:
        raise PageRefused(10003, "redirect_uri域名与后台配置不一致")
