"""Around every request: its id, and one line in the log. Never bodies, keys or queries."""

import logging
import re
from time import perf_counter
from urllib.parse import quote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from adapters.ids import new_nonce

log = logging.getLogger("basepay.access")

#: What we take over from callers; anything else could forge lines of the log.
SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Watch:
    """Wraps the whole application, what the framework refuses included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            log.info(
                "method=%s path=%s status=%d ms=%.1f request_id=%s caller=%s",
                scope["method"],
                quote(scope["path"]),
                status,
                (perf_counter() - began) * 1000,
                request_id,
                getattr(scope.get("user"), "name", "-"),
            )


def request_id_of(scope: Scope) -> str:
    """The id that the log, the answer's header and the problem share."""
    return str(scope["state"]["request_id"])


def _request_id(scope: Scope) -> str:
    sent = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(sent) == 1 and SANE.fullmatch(sent[0]):
        return sent[0].decode()
    return new_nonce()
