"""Providers' calls over ASGI: faults around the answer, the book on disk before it leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar.types import HTTPScope, Receive, Send

from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.faults import Faults, Struck
from adapters.providers.sandbox.provider import Answer, Call, SandboxProvider

#: Nothing these protocols know is longer than a few kilobytes.
LONGEST_BODY_BYTES = 1_048_576


class Wire:
    """Answer what comes in for any of the providers."""

    def __init__(self, providers: Sequence[SandboxProvider], faults: Faults, book: Book) -> None:
        self._providers = providers
        self._faults = faults
        self._book = book

    def provider_of(self, path: str) -> SandboxProvider | None:
        """Find whose protocol lives at a path."""
        for provider in self._providers:
            if path.startswith(tuple(provider.paths)):
                return provider
        return None

    async def serve(
        self, provider: SandboxProvider, scope: HTTPScope, receive: Receive, send: Send
    ) -> None:
        """Read one call, answer it, or cut its connection."""
        call = await _read(scope, receive)
        struck = self._faults.strike(provider.name, provider.operation(call))
        answer = await self._answer(provider, call, struck)
        if answer is None:
            await _cut(receive, send)
        else:
            await _write(answer, send)

    async def _answer(self, provider: SandboxProvider, call: Call, struck: Struck) -> Answer | None:
        if latency := struck.get("latency"):
            await asyncio.sleep(latency.seconds)
        if "cut_before_effect" in struck:
            return None
        provider.pass_time()
        trouble = struck.get("status") or struck.get("error")
        if trouble and not trouble.effect:
            return provider.trouble(call, trouble)
        answer = provider.answer(call, struck)
        # Also a mere question waits: it may have seen what another call is still writing.
        await self._book.durable()
        if "cut_after_effect" in struck:
            return None
        return provider.trouble(call, trouble) if trouble else answer


async def _read(scope: HTTPScope, receive: Receive) -> Call:
    body = bytearray()
    while len(body) <= LONGEST_BODY_BYTES:
        message: Any = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    query = scope["query_string"].decode("latin-1")
    target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return Call(
        method=str(scope["method"]),
        target=f"{target}?{query}" if query else target,
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=bytes(body),
    )


async def _write(answer: Answer, send: Send) -> None:
    headers = [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _cut(receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """Abort the TCP connection. ASGI has no word for it, so reach for uvicorn's transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError("the simulator cut this connection")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
