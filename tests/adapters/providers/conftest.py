"""What tests of the simulators share: real keys, a real server, a merchant that listens."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn

from adapters.providers.sandbox.keys import KeyRing

Serve = Callable[[Any], str]


@pytest.fixture(scope="session")
def sandbox_keys() -> KeyRing:
    """One ring of keys for all tests: making them costs half a second."""
    return KeyRing()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve an ASGI app over real HTTP and return its base URL; all stop with the test."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(served(app))


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI app over real HTTP inside the block, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass
class Merchant:
    """A callback receiver that remembers what came and answers what it is told to."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    #: Answers to give in turn, `(status, body)`; the last one stays.
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"success")])

    def waits_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """Wait until so many callbacks have come."""
        until(lambda: len(self.received) >= count)
        assert len(self.received) >= count, f"{len(self.received)} callbacks came, not {count}"
        return self.received


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    """A merchant's own server on a free port; header names arrive in lower case."""
    it = Merchant()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, answer = it.answers.pop(0) if len(it.answers) > 1 else it.answers[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    it.url = f"http://127.0.0.1:{server.server_port}/notify"
    yield it
    server.shutdown()
    server.server_close()
    thread.join(5)


def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for a condition, looking often; returns also when it never came true."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
