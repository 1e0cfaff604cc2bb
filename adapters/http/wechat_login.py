"""The login that basepay hosts, so that an app gets its payer's openid without code of its own.

A browser comes with `return_url`, goes to WeChat and back, and returns there with `openid`.
Decision 0008 tells what binds the two visits together.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from litestar import Request, Response, get
from litestar.datastructures import Cookie, State
from litestar.params import FromPath

from adapters.http.describe import AUDIENCE, Audience
from adapters.http.page_urls import PageUrl, page_url
from adapters.http.wechat import CODE, ThePayerLogins
from application.official_account import LOGIN_LASTS
from application.official_account_ports import (
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from domain.errors import InvalidRequest, NotFound

OPEN = {AUDIENCE: Audience.ANYONE}

PATH = "/wechat/oauth/{account:str}"

COOKIE = "basepay_wechat_login"

#: What the payer reads: status, and a sentence in the language of most of them first.
PAGES: dict[type[Exception], tuple[int, str]] = {
    InvalidRequest: (400, "页面地址有误。\nThe address of the page to return to is wrong."),
    NotFound: (404, "没有这个公众号。\nThere is no such official account here."),
    WeChatCodeInvalid: (
        400,
        "登录已失效，请返回重新进入。\nThis login is over; go back and enter again.",
    ),
    WeChatPayerRefused: (
        403,
        "当前无法登录，请打开完整页面。\nYou can't log in here; open the full page.",
    ),
    WeChatMisconfigured: (
        502,
        "商户配置有误，请联系商户。\nThe merchant's set-up is wrong; tell the merchant.",
    ),
    WeChatUnavailable: (503, "微信繁忙，请稍后再试。\nWeChat is busy; try again later."),
}

#: The address holds a code or an openid: nobody keeps it, nobody passes it on.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

BrowserRequest = Request[None, None, State]


@dataclass(frozen=True, slots=True)
class Begun:
    """What the browser carries from the first visit to the second, in its cookie."""

    state: str
    page: PageUrl

    def cookie(self, path: str) -> Cookie:
        """Only this browser has it, and no script reads it."""
        page = urlsafe_b64encode(self.page.text.encode()).decode().rstrip("=")
        return Cookie(
            COOKIE,
            path=path,
            value=f"{self.state}.{page}",
            max_age=int(LOGIN_LASTS.total_seconds()),
            secure=True,
            httponly=True,
            samesite="lax",
        )


@get(PATH, status_code=302, opt=OPEN)
async def begin_wechat_login(
    request: BrowserRequest, account: FromPath[str], payer_logins: ThePayerLogins
) -> Response[bytes]:
    """Send a browser to WeChat's silent login."""
    page = page_url(request.query_params.get("return_url", ""))
    try:
        if page is None or not page.private:
            raise InvalidRequest
        begun = Begun(secrets.token_hex(16), page)
        address = payer_logins.begin(account, state=begun.state, host=page.host)
    except tuple(PAGES) as error:
        return _page(error)
    return _redirect(address, begun.cookie(request.scope["path"]))


@get(f"{PATH}/back", status_code=302, opt=OPEN)
async def end_wechat_login(
    request: BrowserRequest, account: FromPath[str], payer_logins: ThePayerLogins
) -> Response[bytes]:
    """Take a browser back from WeChat, and send it on to its page with the openid."""
    begun = _begun(request.cookies.get(COOKIE, ""))
    code, state = (request.query_params.get(name, "") for name in ("code", "state"))
    try:
        if begun is None or not re.fullmatch(CODE, code) or not _same(begun.state, state):
            raise WeChatCodeInvalid(account)
        openid = await payer_logins.end(account, state=state, host=begun.page.host, code=code)
    except tuple(PAGES) as error:
        return _page(error)
    return _redirect(begun.page.naming(openid))


ROUTES = [begin_wechat_login, end_wechat_login]


def _begun(cookie: str) -> Begun | None:
    """What the cookie says. A browser may have been given any: nothing in it is believed yet."""
    state, _, encoded = cookie.partition(".")
    try:
        page = page_url(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError:
        return None
    return Begun(state, page) if state and page is not None and page.private else None


def _same(ours: str, theirs: str) -> bool:
    return secrets.compare_digest(ours.encode(), theirs.encode())


def _redirect(address: str, *cookies: Cookie) -> Response[bytes]:
    return Response(
        b"",
        status_code=302,
        headers={**HEADERS, "Location": address},
        cookies=list(cookies),
        media_type="text/plain",
    )


def _page(error: Exception) -> Response[bytes]:
    status, text = next(PAGES[kind] for kind in type(error).__mro__ if kind in PAGES)
    headers = dict(HEADERS)
    if isinstance(error, WeChatUnavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(
        f"{text}\n".encode(),
        status_code=status,
        headers=headers,
        media_type="text/plain",
    )
