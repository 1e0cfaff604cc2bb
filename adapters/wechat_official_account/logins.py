"""Login codes into openids: the 公众号's page login and the mini program's `wx.login`."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta, Struct

from adapters.wechat_official_account.client import Client
from adapters.wechat_official_account.config import Credentials
from adapters.wechat_official_account.errcodes import Refused, meaning
from application.official_account_ports import WeChatPayerRefused


class LoggedIn(Struct, frozen=True):
    """Source: «网页授权», «小程序登录», MAPPING.md §1. Tokens and session keys are not read."""

    openid: Annotated[str, Meta(min_length=1, max_length=128)]
    is_snapshotuser: int = 0


@dataclass(frozen=True, slots=True)
class Login:
    """The login of one app id; the two kinds differ in the path and the name of the code."""

    credentials: Credentials
    client: Client = field(repr=False)
    path: str
    code_name: str

    @property
    def app_id(self) -> str:
        """The openids are this app id's."""
        return self.credentials.app_id

    async def openid(self, code: str) -> str:
        """Exchange a code. Raises what application.official_account_ports.PayerLogin lists."""
        query = {
            "appid": self.app_id,
            "secret": self.credentials.secret,
            self.code_name: code,
            "grant_type": "authorization_code",
        }
        try:
            payer = await self.client.get(self.path, query, LoggedIn)
        except Refused as refused:
            raise meaning(refused, self.app_id) from None
        if payer.is_snapshotuser:
            raise WeChatPayerRefused(
                "The page runs in WeChat's snapshot mode, whose user is not a real payer; "
                "ask the payer to open the full page."
            )
        return payer.openid


def page_login(credentials: Credentials, client: Client) -> Login:
    """How a browser's code becomes an openid of the 公众号."""
    return Login(credentials, client, "/sns/oauth2/access_token", "code")


def mini_program_login(credentials: Credentials, client: Client) -> Login:
    """How a mini program's code becomes its openid (code2session)."""
    return Login(credentials, client, "/sns/jscode2session", "js_code")
