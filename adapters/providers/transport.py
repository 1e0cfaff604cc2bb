"""How our provider clients reach the network: httpx's transport interface over aiohttp's pool."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import httpx
from yarl import URL

#: The interface's four limits, in seconds, for a request that brings none of its own.
DEFAULT_SECONDS = {"connect": 4.0, "pool": 4.0, "read": 8.0}

#: WeChat Pay closes an idle connection after 8 s; leaving first avoids writing into a dead one.
KEEPALIVE_SECONDS = 5.0

#: Names the extension of a request whose answer is a file: how long all of it may take.
DOWNLOAD_SECONDS = "download_seconds"

#: A refusal to hand out a file, in bytes.
MOST_WORDS = 1 << 16

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
        max_connections: int = 1_000,  # of all accounts; each one's circuit bounds its share
    ) -> None:
        self._total_seconds = total_seconds
        self._max_answer_bytes = max_answer_bytes
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the whole answer, which stays undecoded in its stream.

        With `DOWNLOAD_SECONDS` among its extensions the answer is read by the caller, as it comes.
        """
        body = await request.aread()
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
        ]
        with _translated():
            answer = await self._pool().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=self._limits(request),
            )
            if DOWNLOAD_SECONDS in request.extensions:
                stream: httpx.AsyncByteStream = _Arriving(answer)
            else:
                async with answer:
                    stream = httpx.ByteStream(await self._content(answer))
        return httpx.Response(answer.status, headers=list(answer.raw_headers), stream=stream)

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
            total=request.extensions.get(DOWNLOAD_SECONDS, self._total_seconds),  # dribbling ends
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


class _Arriving(httpx.AsyncByteStream):
    """An answer that is still on its way."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        self._answer.close()


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


async def save(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, target: str, *, most_bytes: int
) -> tuple[httpx.Response, bytes]:
    """Send a request and write a file that is answered with 200 to `target`, as it comes.

    Returns the answer, and the body of any other one. Raises httpx.HTTPError, also for more than
    `most_bytes`; what was written is then worth nothing.
    """
    answer = await transport.handle_async_request(request)
    try:
        if answer.status_code != 200:
            return answer, b"".join([part async for part in _bounded_parts(answer, MOST_WORDS)])
        with await asyncio.to_thread(Path(target).open, "wb") as file:
            async for part in _bounded_parts(answer, most_bytes):
                file.write(part)
        return answer, b""
    finally:
        await answer.aclose()


async def _bounded_parts(answer: httpx.Response, most_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > most_bytes:
            raise httpx.ReadError(f"answer longer than {most_bytes} bytes")
        yield part
