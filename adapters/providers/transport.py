"""How our provider clients reach the network: httpx's transport interface over aiohttp's pool."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import httpx
from yarl import URL

#: The interface's four limits, in seconds, for a request that brings none of its own.
DEFAULT_SECONDS = {"connect": 4.0, "pool": 4.0, "read": 8.0}

#: WeChat Pay closes an idle connection after 8 s; leaving first avoids writing into a dead one.
KEEPALIVE_SECONDS = 5.0

#: What a provider may order us to wait. Beyond that a slip of its would stop a shop for the day.
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=15)

#: aiohttp would add these; what is on the wire is only what the caller wrote.
NO_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends each request at most once, as it is, and hands back the answer's raw bytes.

    Raises `httpx.ConnectError` or `httpx.ConnectTimeout` only when nothing was sent, otherwise
    `httpx.ReadError` or `httpx.ReadTimeout`: the provider may then have acted.
    No redirect is followed, no cookie kept, no body decompressed, TLS is always verified.
    """

    def __init__(
        self,
        *,
        total_seconds: float = 9.0,
        max_answer_bytes: int = 1 << 20,
        max_connections: int = 64,
    ) -> None:
        self._total_seconds = total_seconds
        self._max_answer_bytes = max_answer_bytes
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the whole answer, which stays undecoded in its stream."""
        body = await request.aread()
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
        ]
        with _translated():
            async with self._pool().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=self._limits(request),
            ) as answer:
                content = await self._content(answer)
        return httpx.Response(
            answer.status, headers=list(answer.raw_headers), stream=httpx.ByteStream(content)
        )

    async def aclose(self) -> None:
        """Close every pooled connection."""
        if self._session is not None:
            await self._session.close()

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:  # aiohttp wants a running loop to be born in
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_connections,
                    keepalive_timeout=KEEPALIVE_SECONDS,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=NO_OWN_HEADERS,
                middlewares=(_send_once,),
            )
        return self._session

    def _limits(self, request: httpx.Request) -> aiohttp.ClientTimeout:
        seconds = DEFAULT_SECONDS | request.extensions.get("timeout", {})
        return aiohttp.ClientTimeout(
            total=self._total_seconds,  # a dribbling answer ends too
            connect=seconds["pool"] + seconds["connect"],  # aiohttp counts the waiting in
            sock_connect=seconds["connect"],
            sock_read=seconds["read"],
        )

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes:
        parts = bytearray()
        async for part in answer.content.iter_any():
            parts += part
            if len(parts) > self._max_answer_bytes:
                answer.close()
                raise aiohttp.ClientError(f"answer longer than {self._max_answer_bytes} bytes")
        return bytes(parts)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Stop aiohttp from sending a cut GET again: it repeats after its own errors only."""
    with _translated():
        return await handler(request)


@contextmanager
def _translated() -> Iterator[None]:
    """Say in httpx's words what went wrong; "connect" means that nothing was sent.

    aiohttp raises connector errors before the first byte; all others may come after the last.
    """
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout("no connection in time") from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout("no answer in time") from error
    except aiohttp.ClientResponseError as error:  # its own text quotes the whole address
        raise httpx.ReadError(error.message) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error)) from error


def retry_after(headers: Mapping[str, str], *, at: float) -> timedelta | None:
    """How long the answer asks to be left alone, within bounds; None if it does not say.

    The header is a number of seconds or a date (`at`: wall time now).
    """
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return _bounded(int(told[:9]))
    try:
        return _bounded(parsedate_to_datetime(told).replace(tzinfo=UTC).timestamp() - at)
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> timedelta:
    return max(SHORTEST_PAUSE, min(timedelta(seconds=seconds), LONGEST_PAUSE))


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request
) -> tuple[httpx.Response, bytes]:
    """Send a request; the answer with its body as it came, on which signatures are checked.

    Raises httpx.HTTPError, of which nothing may be concluded about what the provider did.
    """
    answer = await transport.handle_async_request(request)
    return answer, b"".join([part async for part in answer.aiter_raw()])
