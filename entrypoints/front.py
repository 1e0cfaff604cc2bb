"""One address for many processes, as a load balancer gives them in production."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, cast

import aiohttp
import yarl

if TYPE_CHECKING:
    from litestar.types import (
        HTTPReceiveMessage,
        HTTPScope,
        LifeSpanReceive,
        LifeSpanScope,
        LifeSpanSend,
        Receive,
        Scope,
        Send,
    )

#: What the gateway serves; everything else is the API's.
OF_THE_GATEWAY = ("/callbacks/", "/MP_verify_")

#: Seconds. Longer than any request takes.
PATIENCE = 30

#: Seconds. Shorter than the processes keep an idle connection open.
KEPT_OPEN = 2

#: What belongs to one connection and not to the message.
_OF_THE_LINE = {b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"te"}
_WE_ADD_NONE = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

_NOBODY_ANSWERS = json.dumps(
    {
        "type": "urn:basepay:problem:unavailable",
        "title": "Unavailable",
        "status": 503,
        "detail": "Repeat the request later, a POST with the same Idempotency-Key.",
        "code": "unavailable",
    }
).encode()


class Front:
    """Passes each request on by its path, byte for byte."""

    def __init__(self, *, api_url: str, gateway_url: str) -> None:
        self._api_url, self._gateway_url = api_url, gateway_url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: "Scope | LifeSpanScope",
        receive: "Receive | LifeSpanReceive",
        send: "Send | LifeSpanSend",
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(cast("LifeSpanReceive", receive), cast("LifeSpanSend", send))
        else:
            call = cast("HTTPScope", scope)
            body = await _body(cast("Receive", receive))
            status, headers, answer = await self._pass_on(call, body)
            reply = cast("Send", send)
            await reply({"type": "http.response.start", "status": status, "headers": headers})
            await reply({"type": "http.response.body", "body": answer, "more_body": False})

    async def _live(self, receive: "LifeSpanReceive", send: "LifeSpanSend") -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN)
        async with aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
        ) as self._session:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(
        self, scope: "HTTPScope", body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        assert self._session is not None  # noqa: S101 -- the lifespan comes first
        headers = _text(scope["headers"])
        if client := scope["client"]:
            headers.append(("X-Forwarded-For", client[0]))
        try:
            async with self._session.request(
                scope["method"],
                self._url(scope),
                headers=headers,
                data=BytesIO(body) if body else None,  # bytes would be sent in one piece
                allow_redirects=False,
                skip_auto_headers=_WE_ADD_NONE,
            ) as answer:
                content = await answer.read()
                kept = [(k, v) for k, v in answer.raw_headers if k.lower() not in _OF_THE_LINE]
                return answer.status, [*kept, (b"content-length", b"%d" % len(content))], content
        except (aiohttp.ClientError, TimeoutError, OSError):
            told: Mapping[bytes, bytes] = {
                b"content-type": b"application/problem+json",
                b"retry-after": b"1",
            }
            return 503, list(told.items()), _NOBODY_ANSWERS

    def _url(self, scope: "HTTPScope") -> yarl.URL:
        path = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        to = self._gateway_url if path.startswith(OF_THE_GATEWAY) else self._api_url
        return yarl.URL(f"{to}{path}{'?' if query else ''}{query}", encoded=True)


def _text(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.lower() not in _OF_THE_LINE
    ]


async def _body(receive: "Receive") -> bytes:
    parts = []
    while True:
        message = cast("HTTPReceiveMessage", await receive())
        if message["type"] != "http.request":
            return b""  # the client is gone
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
