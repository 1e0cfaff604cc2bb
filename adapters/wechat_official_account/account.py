"""Puts together what one merchant account has at WeChat beside payments."""

from dataclasses import dataclass

import httpx

from adapters.wechat_official_account.client import Client
from adapters.wechat_official_account.config import OfficialAccountConfig
from adapters.wechat_official_account.logins import mini_program_login, page_login
from adapters.wechat_official_account.pages import Pages
from adapters.wechat_official_account.tokens import Tokens
from application.official_account_ports import AppKind, PayerLogin, WeChatApps
from application.ports import Clock
from application.shared import Shared


@dataclass(frozen=True, slots=True)
class OfficialAccount:
    """What the use cases need (`apps`), and the tokens for whoever asks WeChat more."""

    apps: WeChatApps
    tokens: Tokens | None  # of the 公众号


def official_account(
    config: OfficialAccountConfig,
    transport: httpx.AsyncBaseTransport,
    shared: Shared,
    clock: Clock,
) -> OfficialAccount:
    """`clock` is business time, as everywhere a token's age is judged."""
    client = Client(config.base_url, transport)
    logins: dict[AppKind, PayerLogin] = {}
    pages, tokens = None, None
    if ours := config.official_account:
        tokens = Tokens(ours, client, shared, clock)
        pages = Pages(ours.app_id, config.authorize_url, tokens)
        logins[AppKind.OFFICIAL_ACCOUNT] = page_login(ours, client)
    if config.mini_program:
        logins[AppKind.MINI_PROGRAM] = mini_program_login(config.mini_program, client)
    apps = WeChatApps(logins, pages, frozenset(config.domains), config.back_url)
    return OfficialAccount(apps, tokens)
