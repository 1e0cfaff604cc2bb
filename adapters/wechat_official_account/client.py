"""One call to api.weixin.qq.com. Secrets stand in its address, so no error quotes any of it."""

import json
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Struct

from adapters.wechat_official_account.errcodes import Refused
from application.official_account_ports import WeChatUnavailable

T = TypeVar("T", bound=Struct)

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "basepay"}


class Refusal(Struct, frozen=True):
    """Every answer may be one: an error comes with status 200. 0 or absent: none."""

    errcode: int = 0
    errmsg: str = ""


class Client:
    """Asks, and reads the answer as JSON whatever type it is said to be."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._base_url, self._transport = base_url, transport

    async def get(self, path: str, query: Mapping[str, str], kind: type[T]) -> T:
        """Raises Refused, WeChatUnavailable."""
        url = f"{self._base_url}{path}?{urlencode(query)}"
        return await self._ask(path, httpx.Request("GET", url, headers=HEADERS), kind)

    async def post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        """Raises Refused, WeChatUnavailable."""
        request = httpx.Request(
            "POST",
            self._base_url + path,
            headers={**HEADERS, "Content-Type": "application/json"},
            content=json.dumps(body),
        )
        return await self._ask(path, request, kind)

    async def _ask(self, path: str, request: httpx.Request, kind: type[T]) -> T:
        status, content = await self._exchange(path, request)
        # Raised outside of `except`: its error would quote what was sent or answered.
        if refusal := _read(content, Refusal):
            if refusal.errcode:
                raise Refused(refusal.errcode, refusal.errmsg)
            if answer := _read(content, kind):
                return answer
        raise WeChatUnavailable(f"WeChat answers {path} with status {status} and nothing readable")

    async def _exchange(self, path: str, request: httpx.Request) -> tuple[int, bytes]:
        """Status and body. httpx's client is left out: it logs every address at INFO."""
        try:
            answer = await self._transport.handle_async_request(request)
            return answer.status_code, b"".join([part async for part in answer.aiter_raw()])
        except httpx.HTTPError as error:
            trouble = type(error).__name__
        raise WeChatUnavailable(f"WeChat gives no answer to {path} ({trouble})")


def _read(content: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
