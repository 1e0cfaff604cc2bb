from hashlib import sha256

import pytest
from litestar import Litestar

from adapters.http import auth
from adapters.http.app import create_http
from application.records import Caller
from tests.adapters.http.conftest import Client

API = ["/v1/payments", "/v1/refunds", "/v1/events", "/v1/incidents", "/v1/payments/pay_1"]


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong-key")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic shop-key")],
        [("Authorization", "shop-key")],
        [("Authorization", "Bearer shop-key"), ("Authorization", "Bearer shop-key")],
    ],
)
def test_without_a_live_key_nothing_is_told(stranger, path, headers):
    response = stranger.send("GET", path, headers=headers)

    assert (response.status_code, response.json()["code"]) == (401, "api_key_invalid")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_the_scheme_is_read_in_any_case(stranger):
    headers = {"Authorization": "bearer shop-key"}

    assert stranger.send("GET", "/v1/payments", headers=headers).status_code == 200


class Directory:
    """One key, and how often it was looked up."""

    def __init__(self):
        self.lookups = 0
        self.callers = {sha256(b"shop-key").hexdigest(): Caller("shop")}

    async def authenticate(self, key_hash):
        self.lookups += 1
        return self.callers.get(key_hash)


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def seconds(monkeypatch):
    """The time as authentication sees it; a list, so that tests can move it."""
    seconds = [0.0]
    monkeypatch.setattr(auth, "monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def callers(run, world, directory, seconds):
    world.app.directory = directory
    http: Litestar = create_http(world.app)
    return lambda key: Client(run, http, key)


def test_a_good_key_is_looked_up_rarely(callers, directory):
    for _ in range(5):
        assert callers("shop-key").get("/v1/payments").status_code == 200

    assert directory.lookups == 1


def test_a_retired_key_dies_within_seconds(callers, directory, seconds):
    callers("shop-key").get("/v1/payments")
    directory.callers.clear()

    seconds[0] += auth.BELIEVED_SECONDS
    assert callers("shop-key").get("/v1/payments").status_code == 401
    assert callers("shop-key").get("/v1/payments").status_code == 401


def test_a_new_key_works_at_once(callers, directory):
    assert callers("new-key").get("/v1/payments").status_code == 401
    directory.callers[sha256(b"new-key").hexdigest()] = Caller("shop")

    assert callers("new-key").get("/v1/payments").status_code == 200


def test_many_keys_do_not_fill_the_memory(run, directory, seconds, monkeypatch):
    monkeypatch.setattr(auth, "REMEMBERED", 3)
    authentication = auth.Authentication(directory)
    for number in range(10):
        directory.callers[str(number)] = Caller(f"app-{number}")
        assert run(authentication._caller(str(number))).name == f"app-{number}"

    assert len(authentication._believed) <= 3
