"""Serve several ASGI apps on one event loop, each on a socket that was bound beforehand."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from litestar.types import ASGIApp

from entrypoints.errors import Trouble

HOST = "127.0.0.1"

#: Seconds. A request takes 20 at the most; a client that dawdles longer must not hold up the end.
LAST_ANSWERS_SECONDS = 25

#: Of one process. Who comes then is sent away with 503 at once, before everybody waits too long.
MOST_CONNECTIONS = 1_000


class PortTaken(Trouble):
    """Another program listens there; the text says what to do."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to the process, which runs several servers


def bind(port: int, *, host: str = HOST) -> socket.socket:
    """Listen, on the loopback unless told otherwise; port 0 takes a free one. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        way_out = "choose another --port, for `serve` another http.port"
        text = f"{host}:{port} can't be listened on ({error.strerror}); {way_out}"
        raise PortTaken(text) from None
    listener.listen(1024)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients reach it."""
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve inside the block; afterwards finish what is in flight, then close."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whose word is taken about a client's address is ours to say
        lifespan="on",
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended before it had started")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task
