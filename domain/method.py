"""The twelve methods as data: provider, product, and what each needs of the payer."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Provider(StrEnum):
    """A party that takes money for us."""

    WECHAT = "wechat"
    ALIPAY = "alipay"


class Method(StrEnum):
    """Provider and product: how the payer is asked to pay."""

    WECHAT_NATIVE = "wechat_native"
    WECHAT_JSAPI = "wechat_jsapi"
    WECHAT_MINI_PROGRAM = "wechat_mini_program"
    WECHAT_APP = "wechat_app"
    WECHAT_H5 = "wechat_h5"
    WECHAT_CODE = "wechat_code"
    ALIPAY_QR = "alipay_qr"
    ALIPAY_PAGE = "alipay_page"
    ALIPAY_WAP = "alipay_wap"
    ALIPAY_APP = "alipay_app"
    ALIPAY_JSAPI = "alipay_jsapi"
    ALIPAY_CODE = "alipay_code"


class ActionType(StrEnum):
    """What the front end does next to let the payer pay."""

    SHOW_QR_CODE = "show_qr_code"
    REDIRECT = "redirect"
    INVOKE_WECHAT_JSAPI = "invoke_wechat_jsapi"
    INVOKE_WECHAT_MINI_PROGRAM = "invoke_wechat_mini_program"
    INVOKE_WECHAT_APP = "invoke_wechat_app"
    INVOKE_ALIPAY_APP = "invoke_alipay_app"
    INVOKE_ALIPAY_JSAPI = "invoke_alipay_jsapi"
    NONE = "none"


#: Seconds. WeChat cuts at seven days; an Alipay QR code dies after two hours.
MIN_EXPIRES_IN, MAX_EXPIRES_IN, DEFAULT_EXPIRES_IN = 300, 604_800, 7_200

#: Seconds. A payer at the till has so long for the password; then the charge is taken back.
CODE_EXPIRES_IN = 45


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value must look like: a pattern, and the same in words."""

    pattern: re.Pattern[str]
    words: str


def _shape(pattern: str, words: str) -> Shape:
    return Shape(re.compile(pattern, re.ASCII), words)


_OPENID = _shape(r"[0-9A-Za-z_-]{1,128}", "1 to 128 letters, digits, `_` or `-`")

#: Fields of `payer`, by provider where their shape differs. Sources: both MAPPING.md, §3.
PAYER_SHAPES: dict[str, Shape] = {
    "openid": _OPENID,
    "buyer_id": _shape(r"2088[0-9]{12}", "16 digits that start with 2088"),
    "buyer_open_id": _OPENID,
}
AUTH_CODES: dict[Provider, Shape] = {
    Provider.WECHAT: _shape(r"1[0-5][0-9]{16}", "WeChat's payment code: 18 digits from 10 to 15"),
    Provider.ALIPAY: _shape(
        r"(2[5-9]|30)[0-9]{14,22}", "Alipay's payment code: 16 to 24 digits from 25 to 30"
    ),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What one method asks for and gives."""

    provider: Provider
    action: ActionType
    needs: tuple[str, ...] = ()  # fields of the request, any one of "a|b" will do
    max_expires_in: int = MAX_EXPIRES_IN  # seconds
    charges_at_once: bool = False  # the call is the charge: sent at most once, no expiry of choice
    built_here: bool = False  # the action needs no call, so its answer can't be lost
    unknown_until_opened: bool = False  # the provider denies it before its payer has come
    reversible_after: timedelta = timedelta(0)  # an open charge is not taken back sooner

    def payer_fields(self) -> frozenset[str]:
        """The fields of `payer` that mean something to this method."""
        names = (name for need in self.needs for name in need.split("|"))
        return frozenset(n.removeprefix("payer.") for n in names if n.startswith("payer."))

    def payer_shape(self, name: str) -> Shape:
        """What the field `name` of `payer` must look like."""
        return AUTH_CODES[self.provider] if name == "auth_code" else PAYER_SHAPES[name]


_W, _A = Provider.WECHAT, Provider.ALIPAY
_CODE = ("payer.auth_code",)

TERMS: dict[Method, Terms] = {
    Method.WECHAT_NATIVE: Terms(_W, ActionType.SHOW_QR_CODE),
    Method.WECHAT_JSAPI: Terms(_W, ActionType.INVOKE_WECHAT_JSAPI, ("payer.openid",)),
    Method.WECHAT_MINI_PROGRAM: Terms(_W, ActionType.INVOKE_WECHAT_MINI_PROGRAM, ("payer.openid",)),
    Method.WECHAT_APP: Terms(_W, ActionType.INVOKE_WECHAT_APP),
    Method.WECHAT_H5: Terms(_W, ActionType.REDIRECT, ("client_ip",)),
    Method.WECHAT_CODE: Terms(
        # WeChat Pay refuses to take a charge back sooner. MAPPING.md §4.
        *(_W, ActionType.NONE, _CODE),
        max_expires_in=CODE_EXPIRES_IN,
        charges_at_once=True,
        reversible_after=timedelta(seconds=15),
    ),
    Method.ALIPAY_QR: Terms(
        _A, ActionType.SHOW_QR_CODE, max_expires_in=7_200, unknown_until_opened=True
    ),
    Method.ALIPAY_PAGE: Terms(_A, ActionType.REDIRECT, built_here=True),
    Method.ALIPAY_WAP: Terms(_A, ActionType.REDIRECT, built_here=True),
    Method.ALIPAY_APP: Terms(_A, ActionType.INVOKE_ALIPAY_APP, built_here=True),
    Method.ALIPAY_JSAPI: Terms(
        _A, ActionType.INVOKE_ALIPAY_JSAPI, ("payer.buyer_id|payer.buyer_open_id",)
    ),
    Method.ALIPAY_CODE: Terms(
        *(_A, ActionType.NONE, _CODE), max_expires_in=CODE_EXPIRES_IN, charges_at_once=True
    ),
}
