"""The stable access token and the jsapi ticket of one app id, shared by all processes."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from adapters.wechat_official_account.client import Client
from adapters.wechat_official_account.config import Credentials
from adapters.wechat_official_account.errcodes import STALE_TOKEN, Refused, meaning
from application.official_account_ports import Token, WeChatUnavailable
from application.ports import Clock
from application.shared import Shared

T = TypeVar("T", bound=Struct)

#: Seconds. WeChat renews a token in its last 5 minutes; who asks then gets the next one.
MARGIN_SECONDS = 300
#: Seconds. Even a token about to be renewed serves a few calls; the old one lives on for a while.
AT_LEAST_SECONDS = 10

Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class AccessToken(Struct, frozen=True):
    """Source: «获取稳定版接口调用凭据», MAPPING.md §1."""

    access_token: Secret
    expires_in: Seconds


class Ticket(Struct, frozen=True):
    """Source: «JS-SDK使用权限签名算法», MAPPING.md §1."""

    ticket: Secret
    expires_in: Seconds


class Tokens:
    """Fetched once for everybody, ahead of expiry."""

    def __init__(
        self, credentials: Credentials, client: Client, shared: Shared, clock: Clock
    ) -> None:
        self._app_id, self._secret = credentials.app_id, credentials.secret
        self._client, self._shared, self._clock = client, shared, clock

    async def access_token(self, *, rejected: str | None = None) -> str:
        """A token that is not `rejected`. Raises WeChatMisconfigured, WeChatUnavailable."""
        fetch = partial(self._fetch, rejected)
        return await self._shared.get(
            f"wechat:access-token:{self._app_id}", fetch, rejected=rejected
        )

    async def jsapi_ticket(self) -> str:
        """What JS configurations are signed with. Raises likewise."""
        return await self._shared.get(f"wechat:jsapi-ticket:{self._app_id}", self._fetch_ticket)

    async def call(self, path: str, kind: type[T], query: Mapping[str, str] | None = None) -> T:
        """Ask with the token, once more if it is not taken any more. Raises likewise."""
        token = await self.access_token()
        try:
            return await self._client.get(path, {"access_token": token, **(query or {})}, kind)
        except Refused as refused:
            if refused.errcode not in STALE_TOKEN:
                raise meaning(refused, self._app_id) from None
        token = await self.access_token(rejected=token)
        try:
            return await self._client.get(path, {"access_token": token, **(query or {})}, kind)
        except Refused as refused:
            if refused.errcode not in STALE_TOKEN:
                raise meaning(refused, self._app_id) from None
        raise WeChatUnavailable(
            f"WeChat does not take its own access tokens of {self._app_id}: "
            "another system may be refreshing them by force"
        )

    async def _fetch(self, rejected: str | None) -> Token:
        token = await self._ask(force=False)
        if token.value == rejected:  # WeChat itself takes it for good: by force, 20 times a day
            token = await self._ask(force=True)
        return token

    async def _ask(self, *, force: bool) -> Token:
        body = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._secret,
            "force_refresh": force,
        }
        try:
            answer = await self._client.post("/cgi-bin/stable_token", body, AccessToken)
        except Refused as refused:
            raise meaning(refused, self._app_id) from None
        return self._lasting(answer.access_token, answer.expires_in)

    async def _fetch_ticket(self) -> Token:
        answer = await self.call("/cgi-bin/ticket/getticket", Ticket, {"type": "jsapi"})
        return self._lasting(answer.ticket, answer.expires_in)

    def _lasting(self, value: str, seconds: int) -> Token:
        ours = max(seconds - MARGIN_SECONDS, AT_LEAST_SECONDS)
        return Token(value, self._clock.now() + timedelta(seconds=ours))
