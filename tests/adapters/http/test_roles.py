import pytest

from adapters.http.app import create_http
from tests.adapters.http.conftest import Client


@pytest.fixture(params=["api", "gateway"])
def role(request):
    return request.param


@pytest.fixture
def caller(run, world, role):
    return Client(run, create_http(world.app, roles=[role]), "shop-key")


def test_a_role_serves_its_own_routes_only(caller, role):
    callback = caller.send("POST", "/callbacks/wechat/nobody", content=b"")

    assert callback.json()["code"] == {"api": "not_found", "gateway": "account_not_found"}[role]
    for path in ("/v1/payments", "/schema", "/schema/openapi.json"):
        assert caller.get(path).status_code == {"api": 200, "gateway": 404}[role]


def test_every_role_tells_its_health(caller):
    assert caller.get("/healthz").json() == {"status": "ok"}
    assert caller.get("/readyz").json() == {"status": "ok", "checks": {"database": "ok"}}


def test_not_ready_says_why(world, stranger, monkeypatch):
    async def ready():
        return {"database": "ok", "queue": "no answer in 2 s"}

    monkeypatch.setattr(world.app, "ready", ready)
    response = stranger.get("/readyz")

    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"]["queue"] == "no answer in 2 s"
