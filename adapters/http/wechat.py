"""What apps ask about WeChat beside payments: whose openid a code is, and a page's JS config."""

from typing import Annotated, TypeAlias

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http.answers import shown
from adapters.http.describe import Audience, Operation
from adapters.http.page_urls import EXPECTED, page_url
from adapters.http.reading import ApiRequest, Query
from adapters.http.requests import Name
from application.official_account import PayerLogins
from application.official_account_ports import (
    AppKind,
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from domain.errors import AccountRequired, FieldError, InvalidRequest

ThePayerLogins: TypeAlias = NamedDependency[SkipValidation[PayerLogins]]

#: What a login code looks like: WeChat promises less, and more would be no code.
CODE = r"[\x21-\x7e]{1,512}"

Account = Annotated[Name | UnsetType, Meta(description="default: your only WeChat account")]


class OpenidQuery(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Whose openid."""

    code: Annotated[
        str,
        Meta(
            pattern=rf"^{CODE}$(?!\n)",
            description="the code that WeChat gave to the page or to `wx.login`",
        ),
    ]
    app: AppKind = AppKind.OFFICIAL_ACCOUNT
    account: Account = UNSET


class JsConfigQuery(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Which page."""

    url: Annotated[str, Meta(max_length=2048, description=EXPECTED)]
    account: Account = UNSET


class WeChatPayer(Struct):
    """Who pays, by the name that one app id knows."""

    openid: Annotated[str, Meta(description="`payer.openid` of `wechat_jsapi` and mini program")]
    app_id: str


class WxConfig(Struct, rename="camel"):
    """The parameters of `wx.config`, as it spells them."""

    app_id: str
    timestamp: int
    nonce_str: str
    signature: str
    js_api_list: list[str]


OPENID, JS_CONFIG = Query(OpenidQuery), Query(JsConfigQuery)


@get(
    "/v1/wechat/openid",
    opt=Operation(
        tag="wechat",
        answers={200: ("The payer.", WeChatPayer)},
        problems=(
            AccountRequired,
            WeChatCodeInvalid,
            WeChatPayerRefused,
            WeChatMisconfigured,
            WeChatUnavailable,
        ),
        query=OpenidQuery,
        audience=Audience.APPS,
    ).opt(),
)
async def get_openid(request: ApiRequest, payer_logins: ThePayerLogins) -> Response[bytes]:
    """Exchange a WeChat login code for the payer's openid.

    A code works once; the same one again within a minute answers the same.
    """
    asked = OPENID.read(request)
    payer = await payer_logins.openid(
        request.user, account=asked.account or None, app=asked.app, code=asked.code
    )
    return shown({"openid": payer.openid, "app_id": payer.app_id})


@get(
    "/v1/wechat/js-config",
    opt=Operation(
        tag="wechat",
        answers={200: ("Hand it to `wx.config`.", WxConfig)},
        problems=(AccountRequired, WeChatMisconfigured, WeChatUnavailable),
        query=JsConfigQuery,
        audience=Audience.APPS,
    ).opt(),
)
async def get_js_config(request: ApiRequest, payer_logins: ThePayerLogins) -> Response[bytes]:
    """Sign the `wx.config` parameters of a page.

    `url` is the page's own address, exactly; a fragment is left out. Its host must be one of the
    account's JS domains.
    """
    asked = JS_CONFIG.read(request)
    page = page_url(asked.url)
    if page is None:
        raise InvalidRequest(FieldError("url", EXPECTED))
    config = await payer_logins.js_config(
        request.user, account=asked.account or None, url=page.without_fragment, host=page.host
    )
    return shown(
        {
            "appId": config.app_id,
            "timestamp": config.timestamp,
            "nonceStr": config.nonce,
            "signature": config.signature,
            "jsApiList": list(config.functions),
        }
    )


ROUTES = [get_openid, get_js_config]
