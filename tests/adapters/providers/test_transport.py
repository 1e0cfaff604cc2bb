"""The fault matrix: what our transport says when the line misbehaves, over a raw socket server."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from adapters.providers.transport import AiohttpTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Line:
    """A server that reads whole requests and then does what the script of that connection says."""

    script: list[list[bytes | float | None]]
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        steps = self.script[min(self.connections, len(self.script) - 1)]
        self.connections += 1
        try:
            for step in steps:
                if step is None:
                    self.requests.append(await read_request(reader))
                    self.asked.set()
                elif isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                else:
                    await asyncio.sleep(step)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


@asynccontextmanager
async def line(*script: list[bytes | float | None]) -> AsyncIterator[tuple[Line, str]]:
    there = Line(list(script))
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    async with server:
        yield there, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask(
    transport: AiohttpTransport, url: str, method: str = "POST", **limits: float
) -> tuple[httpx.Response, bytes]:
    request = httpx.Request(
        method, url, content=b"{}" if method == "POST" else None, extensions={"timeout": limits}
    )
    answer = await transport.handle_async_request(request)
    return answer, b"".join([part async for part in answer.aiter_raw()])


READ = None  # a step: read one whole request
MATRIX = [
    pytest.param([], httpx.ReadError, id="accepted then closed"),
    pytest.param([READ], httpx.ReadError, id="cut after the request was read"),
    pytest.param([READ, b"HTTP/1.1 200 OK\r\nContent-"], httpx.ReadError, id="cut mid-headers"),
    pytest.param(
        [READ, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"],
        httpx.ReadError,
        id="cut mid-body",
    ),
    pytest.param(
        [READ, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhal"],
        httpx.ReadError,
        id="cut mid-chunk",
    ),
    pytest.param([READ, b"SSH-2.0-nonsense\r\n\r\n"], httpx.ReadError, id="not HTTP"),
    pytest.param([READ, 30.0], httpx.ReadTimeout, id="silent"),
    pytest.param([30.0], httpx.ReadTimeout, id="accepts and never reads"),
    pytest.param(
        [READ, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", 30.0],
        httpx.ReadTimeout,
        id="silent mid-body",
    ),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("steps", "error"), MATRIX)
def test_once_connected_every_failure_says_that_the_provider_may_have_acted(
    run, steps, error, method
):
    async def story():
        async with line(steps) as (there, url), AiohttpTransport() as transport:
            with pytest.raises(error) as failure:
                await ask(transport, url + "/?sign=c2lnbmVk", method, read=0.2)
            return there.connections, str(failure.value)

    connections, words = run(story())

    assert connections == 1
    assert "c2lnbmVk" not in words


def test_a_refused_connection_says_that_nothing_was_sent(run, free_port):
    async def story():
        async with AiohttpTransport() as transport:
            await ask(transport, f"http://127.0.0.1:{free_port}/")

    with pytest.raises(httpx.ConnectError):
        run(story())


def test_a_failed_handshake_says_that_nothing_was_sent(run):
    async def story():
        async with line([0.05, b"not TLS at all\r\n"]) as (_, url), AiohttpTransport() as transport:
            await ask(transport, url.replace("http", "https"))

    with pytest.raises(httpx.ConnectError):
        run(story())


def test_a_silent_handshake_times_out_before_anything_was_sent(run):
    async def story():
        async with line([30.0]) as (_, url), AiohttpTransport() as transport:
            await ask(transport, url.replace("http", "https") + "/?sign=c2lnbmVk", connect=0.2)

    with pytest.raises(httpx.ConnectTimeout) as failure:
        run(story())

    assert "c2lnbmVk" not in str(failure.value)


def test_waiting_for_a_free_connection_times_out_before_anything_was_sent(run):
    async def story():
        async with (
            line([READ, 30.0]) as (there, url),
            AiohttpTransport(max_connections=1) as transport,
        ):
            first = asyncio.ensure_future(ask(transport, url))
            await there.asked.wait()
            with pytest.raises(httpx.ConnectTimeout):
                await ask(transport, url, pool=0.1, connect=0.1)
            first.cancel()
            return len(there.requests)

    assert run(story()) == 1


def test_an_answer_that_dribbles_for_ever_is_ended(run):
    drops: list[bytes | float | None] = [b"x", 0.05] * 200

    async def story():
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
        async with (
            line([READ, head, *drops]) as (_, url),
            AiohttpTransport(total_seconds=0.3) as transport,
        ):
            await ask(transport, url, read=5.0)

    with pytest.raises(httpx.ReadTimeout):
        run(story())


@pytest.mark.parametrize("head", [b"Content-Length: 50\r\n\r\n", b"\r\n"], ids=["told", "untold"])
def test_an_answer_longer_than_the_bound_is_refused(run, head):
    async def story():
        answer = b"HTTP/1.1 200 OK\r\n" + head + b"x" * 50
        async with (
            line([READ, answer]) as (_, url),
            AiohttpTransport(max_answer_bytes=49) as transport,
        ):
            await ask(transport, url)

    with pytest.raises(httpx.ReadError):
        run(story())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stale_pooled_connection_is_reported_and_nothing_is_sent_again(run, method):
    async def story():
        async with line([READ, OK, READ]) as (there, url), AiohttpTransport() as transport:
            await ask(transport, url, method)
            with pytest.raises(httpx.ReadError):
                await ask(transport, url, method)
            return there

    there = run(story())

    assert (there.connections, len(there.requests)) == (1, 2)


def test_after_a_cut_the_next_request_gets_through(run):
    async def story():
        async with line([READ], [READ, OK]) as (_, url), AiohttpTransport() as transport:
            with pytest.raises(httpx.ReadError):
                await ask(transport, url)
            return await ask(transport, url)

    assert run(story())[1] == b"ok"


def test_a_connection_is_used_again(run):
    async def story():
        async with line([READ, OK, READ, OK]) as (there, url), AiohttpTransport() as transport:
            await ask(transport, url)
            await ask(transport, url)
            return there.connections

    assert run(story()) == 1


def test_a_redirect_is_handed_back_and_not_followed(run):
    away = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    async def story():
        async with line([READ, away]) as (there, url), AiohttpTransport() as transport:
            answer, _ = await ask(transport, url)
            return answer, there

    answer, there = run(story())

    assert (answer.status_code, answer.headers["location"]) == (302, "/elsewhere")
    assert len(there.requests) == 1


def test_a_cookie_is_not_sent_back(run):
    baked = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok"

    async def story():
        async with line([READ, baked, READ, OK]) as (there, url), AiohttpTransport() as transport:
            await ask(transport, url)
            await ask(transport, url)
            return there.requests

    assert b"cookie" not in run(story())[1].lower()


def test_a_compressed_body_stays_as_it_was_on_the_wire(run):
    packed = gzip.compress(b"{}")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"

    async def story():
        answer = head.encode() + packed
        async with line([READ, answer]) as (_, url), AiohttpTransport() as transport:
            return await ask(transport, url)

    answer, body = run(story())

    assert body == packed
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/a%7Eb%2Fc?d=%7E&e=%2B+", "/a~b?d=~", "/x?sign=A%2B%2F%3D"])
def test_the_address_goes_out_exactly_as_it_was_signed(run, path):
    async def story():
        async with line([READ, OK]) as (there, url), AiohttpTransport() as transport:
            await ask(transport, url + path, "GET")
            return there.requests[0]

    assert run(story()).split(b" ")[1] == path.encode()


def test_only_the_callers_headers_and_body_go_out(run):
    async def story():
        async with line([READ, OK]) as (there, url), AiohttpTransport() as transport:
            request = httpx.Request("POST", url, headers={"Accept": "a/b"}, content=b"\x00raw")
            await transport.handle_async_request(request)
            return there.requests[0], httpx.URL(url).netloc

    sent, host = run(story())

    head, body = sent.split(b"\r\n\r\n")
    assert body == b"\x00raw"
    assert sorted(head.split(b"\r\n")[1:]) == sorted(
        [b"Host: " + host, b"Accept: a/b", b"Content-Length: 4"]
    )


def test_httpx_can_drive_it(run):
    async def story():
        async with (
            line([READ, OK]) as (_, url),
            httpx.AsyncClient(transport=AiohttpTransport()) as client,
        ):
            return await client.get(url)

    assert run(story()).text == "ok"
