"""Refusals as api.weixin.qq.com words them: status 200 and a number (§9.2, §9.8)."""

import secrets
from collections.abc import Mapping
from typing import Any

TEXTS: Mapping[int, str] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip {address} ipv6 ::ffff:{address}, not in whitelist",
    40226: "code blocked",
    40243: "AppSecret has been frozen",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    42003: "code expired",
    43001: "require GET method",
    43002: "require POST method",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    48001: "api unauthorized",
    89503: "this ip needs the administrator's confirmation",
}


class Refused(Exception):
    """The platform says no, by a number."""

    def __init__(self, errcode: int, **facts: str) -> None:
        self.errcode = errcode
        self.errmsg = TEXTS.get(errcode, "refused").format_map({"address": "203.0.113.9", **facts})
        super().__init__(f"{errcode}: {self.errmsg}")

    def body(self) -> dict[str, Any]:
        """Write the answer, with the id that support asks for."""
        return {"errcode": self.errcode, "errmsg": f"{self.errmsg} rid: {secrets.token_hex(12)}"}


class PageRefused(Exception):
    """The login page shows an error number to whoever holds the phone (§9.5)."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        super().__init__(f"{text}，错误码:{number}")
