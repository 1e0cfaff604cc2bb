"""basepay in memory behind its HTTP face, and those who call it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

import httpx
import pytest
from litestar.types import ASGIApp

from adapters.http.app import create_http
from application.app import App
from application.records import Caller
from tests.builders import NOON
from tests.worlds import MemoryWorld

Run = Callable[[Any], Any]

KEYS = {
    "shop-key": Caller("shop"),
    "rival-key": Caller("rival"),
    "operator-key": Caller("olga", operator=True),
}


class Client:
    """Somebody who speaks HTTP to basepay, with one API key or none."""

    def __init__(self, run: Run, http: ASGIApp, api_key: str | None) -> None:
        self._run, self._http = run, http
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Read something."""
        return self.send("GET", path, **more)

    def post(self, path: str, json: Any = None, *, key: str | None = None) -> httpx.Response:
        """Ask for something, with an Idempotency-Key if given."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send("POST", path, json=json, headers=headers)

    def send(self, method: str, path: str, headers: Any = (), **more: Any) -> httpx.Response:
        """Send exactly this, beside the API key."""
        pairs = [*self._headers.items(), *dict(headers).items()]
        if isinstance(headers, list):  # the same header may come twice
            pairs = [*self._headers.items(), *headers]
        response: httpx.Response = self._run(self._send(method, path, headers=pairs, **more))
        return response

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._http)  # type: ignore[arg-type]  # two spellings of ASGI
        async with httpx.AsyncClient(transport=transport, base_url="http://basepay") as client:
            return await client.request(method, path, **more)


@pytest.fixture
def world(run: Run) -> MemoryWorld:
    """A fresh world in which everybody holds a key."""
    world = MemoryWorld()
    for api_key, caller in KEYS.items():
        run(world.app.directory.add_key(caller, sha256(api_key.encode()).hexdigest(), NOON))
    return world


class Present:
    """Whatever app the present test has: building the routes takes longer than most tests."""

    app: App

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    @property
    def directory(self) -> Any:
        return self

    async def authenticate(self, key_hash: str) -> Caller | None:
        return await self.app.directory.authenticate(key_hash)


@pytest.fixture(scope="session")
def routes() -> tuple[Present, ASGIApp]:
    """Both roles in one process, over the app of the present test."""
    present = Present()
    return present, create_http(cast("App", present), test_switches=True)


@pytest.fixture
def http(world: MemoryWorld, routes: tuple[Present, ASGIApp]) -> ASGIApp:
    present, http = routes
    present.app = world.app
    return http


@pytest.fixture
def shop(run: Run, http: ASGIApp) -> Client:
    return Client(run, http, "shop-key")


@pytest.fixture
def rival(run: Run, http: ASGIApp) -> Client:
    return Client(run, http, "rival-key")


@pytest.fixture
def operator(run: Run, http: ASGIApp) -> Client:
    return Client(run, http, "operator-key")


@pytest.fixture
def stranger(run: Run, http: ASGIApp) -> Client:
    return Client(run, http, None)


@pytest.fixture
def order() -> dict[str, Any]:
    """What a shop sends for a payment of 88.88 yuan."""
    return {
        "order_no": "SO-1",
        "amount": 8888,
        "subject": "Two cups of tea",
        "method": "wechat_native",
    }


@pytest.fixture
def return_of_10_yuan() -> dict[str, Any]:
    """What a shop sends for a refund; the payment is still to be named."""
    return {"refund_no": "RF-1", "amount": 1000, "reason": "Tea was cold"}
