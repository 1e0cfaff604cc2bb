"""The 公众号 and the mini program of one WeChat account: what of the checklist can be asked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import httpx

from adapters.wechat_official_account.account import OfficialAccount
from adapters.wechat_official_account.addresses import listed_destinations
from adapters.wechat_official_account.config import OfficialAccountConfig
from adapters.wechat_official_account.tokens import Tokens
from application.official_account_ports import (
    AppKind,
    PayerLogin,
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatUnavailable,
)
from entrypoints.checkup.finding import Check, Finding, bad, good, look
from entrypoints.checkup.visiting import unreached, visit
from entrypoints.settings import Settings

#: Where a person finds what no interface tells.
MP_DOMAINS = "mp.weixin.qq.com, 设置与开发, 公众号设置, 功能设置"
PAY_DIRECTORY = "pay.weixin.qq.com, 产品中心, 开发配置, JSAPI支付授权目录"

#: A login code that WeChat never gave: it looks at the AppSecret first, then refuses the code.
NO_CODE = "basepay0doctor0no0code0000000000"


def pages_checks(
    name: str,
    official: OfficialAccount,
    config: OfficialAccountConfig,
    settings: Settings,
    transport: httpx.AsyncBaseTransport,
) -> Iterator[Check]:
    """One line for each entry of the checklist; nothing for an account that has neither."""
    if official.tokens is not None:
        yield Check(name, "AppSecret, IP whitelist", _token(official.tokens))
        yield Check(name, "JS ticket", _ticket(official.tokens))
        yield Check(name, "WeChat's addresses", _addresses(official.tokens, config.base_url))
        yield Check(name, "domains", _domains(config, settings))
        for domain in config.domains:
            yield Check(name, f"proof on {domain}", _proof(domain, settings, transport))
        yield Check(name, "OAuth and JS domain", _by_hand_domains(config))
        yield Check(name, "payment directory", _by_hand_directory(config))
    if AppKind.MINI_PROGRAM in official.apps.logins:
        login = official.apps.logins[AppKind.MINI_PROGRAM]
        yield Check(name, "mini program AppSecret", _login(login))


def _token(tokens: Tokens) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        await tokens.access_token()
        return good("WeChat gives us a stable access token")

    return _told(run)


def _ticket(tokens: Tokens) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        await tokens.jsapi_ticket()
        return good("WeChat gives us a ticket: pages can be signed")

    return _told(run)


def _addresses(tokens: Tokens, base_url: str) -> Callable[[], Awaitable[Finding]]:
    host = httpx.URL(base_url).host

    async def run() -> Finding:
        here = await _resolved(host)
        if not here:
            return bad(f"{host} has no address here", "mend this machine's DNS")
        known = await listed_destinations(tokens, here)
        strange = [address for address, listed in known.items() if not listed]
        if strange:
            return look(
                f"{host} is {', '.join(strange)} here, which WeChat does not list",
                "right behind a proxy of yours; otherwise ask who answers this machine's DNS",
            )
        return good(f"{host} is {', '.join(here)} here, as WeChat lists it")

    return _told(run)


def _login(login: PayerLogin) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        try:
            await login.openid(NO_CODE)
        except WeChatCodeInvalid:
            return good("WeChat takes it")
        return look("WeChat answers oddly to a code that never was", "log in once from the program")

    return _told(run)


def _domains(config: OfficialAccountConfig, settings: Settings) -> Callable[[], Awaitable[Finding]]:
    host = httpx.URL(settings.public_url).host

    async def run() -> Finding:
        if not config.domains:
            return look(
                "none is configured", "list the hosts of your pages in official_account.domains"
            )
        if host not in config.domains:
            return look(
                f"{host}, the host of public_url, is not among them",
                f"needed for basepay's own login page: add it here and at {MP_DOMAINS}",
            )
        return good(", ".join(config.domains))

    return run


def _proof(
    domain: str, settings: Settings, transport: httpx.AsyncBaseTransport
) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        for file, content in settings.wechat.mp_verify.items():
            seen = await visit(transport, f"https://{domain}/{file}")
            if seen.trouble:
                return unreached(seen, "open it from another network")
            if seen.status == 404 and seen.media_type == "application/problem+json":
                continue  # basepay itself: it shows the file to Tencent's addresses only
            if seen.status != 200 or seen.body != content.strip().encode():
                return bad(
                    f"{seen.url} is not the file (HTTP {seen.status})",
                    "let the domain's server pass /MP_verify_* to basepay, without a redirect",
                )
        if not settings.wechat.mp_verify:
            return look(
                "no proof is configured", "needed while the domain is saved: mp_verify_files"
            )
        return good("served there, or kept by basepay for Tencent's addresses")

    return run


def _by_hand_domains(config: OfficialAccountConfig) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        return look(
            "WeChat does not tell them",
            f"see at {MP_DOMAINS} that 网页授权域名 and JS接口安全域名 name "
            f"{' and '.join(config.domains) or 'the hosts of your pages'}",
        )

    return run


def _by_hand_directory(config: OfficialAccountConfig) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        pages = " and ".join(f"https://{domain}/…/" for domain in config.domains)
        return look(
            "WeChat does not tell it",
            f"see at {PAY_DIRECTORY} that the directory of the page that pays stands there: "
            f"{pages or 'https://…/'}",
        )

    return run


def _told(run: Callable[[], Awaitable[Finding]]) -> Callable[[], Awaitable[Finding]]:
    """WeChat's refusals bring their mend along."""

    async def told() -> Finding:
        try:
            return await run()
        except WeChatMisconfigured as error:
            return bad(f"WeChat refuses: errcode {error.errcode}", error.mend)
        except WeChatUnavailable as error:
            return look(str(error), "let this machine connect to WeChat, or ask again later")

    return told


async def _resolved(host: str) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]) for *_, address in found})
