import msgspec
import pytest

from adapters.http import webhook_schemas as schemas
from adapters.http.webhooks import EXAMPLE
from application.webhook_endpoints import MAX_ENDPOINTS
from tests.receivers import answering

PATH = "/v1/webhook-endpoints"
URL = "https://shop.example/hooks"
UNKNOWN = "whe_" + "0" * 26


@pytest.fixture
def endpoint(shop):
    return shop.post(PATH, {"url": URL}).json()


@pytest.fixture
def event_id(run, world, endpoint):
    """A payment's success, published and queued for the endpoint."""
    run(world.paid())
    run(world.settle())
    [message] = run(world.events())
    return message.id


@pytest.fixture
def deliver(run, world):
    return lambda: run(world.app.deliver_webhooks())


def log(shop, endpoint, **wanted):
    return shop.get(f"{PATH}/{endpoint['id']}/deliveries", params=wanted).json()["items"]


def test_an_endpoint_is_made_and_its_secret_shown_once(shop):
    response = shop.post(PATH, {"url": URL, "types": ["basepay.refund.failed"]})

    made = response.json()
    assert response.status_code == 201
    assert made["secret"].startswith("whsec_")
    assert made["status"] == "active"
    assert made["types"] == ["basepay.refund.failed"]
    msgspec.convert(made, schemas.NewWebhookEndpoint)
    [listed] = shop.get(PATH).json()["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    msgspec.convert(listed, schemas.WebhookEndpoint)


def test_the_example_is_accepted(shop):
    assert shop.post(PATH, EXAMPLE).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "ftp://shop.example"}, "url"),
        ({}, "url"),
        ({"url": URL, "types": ["basepay.payment.created"]}, "types[0]"),
        ({"url": URL, "secret": "whsec_x"}, "secret"),
    ],
)
def test_what_is_wrong_is_named(shop, wrong, field):
    response = shop.post(PATH, wrong)

    assert response.status_code == 422
    assert [each["field"] for each in response.json()["errors"]] == [field]
    assert shop.get(PATH).json()["items"] == []


def test_an_app_has_only_so_many(shop, rival):
    for _ in range(MAX_ENDPOINTS):
        shop.post(PATH, {"url": URL})

    refused = shop.post(PATH, {"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_limit_reached")
    assert rival.post(PATH, {"url": URL}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
    ],
)
def test_another_apps_endpoint_does_not_exist(shop, rival, endpoint, method, path):
    for caller, id in ((rival, endpoint["id"]), (shop, UNKNOWN), (shop, "whe_1")):
        response = caller.send(method, f"{PATH}/{id}{path}")
        assert (response.status_code, response.json()["code"]) == (
            404,
            "webhook_endpoint_not_found",
        )

    assert rival.get(PATH).json()["items"] == []
    [unchanged] = shop.get(PATH).json()["items"]
    assert unchanged["status"] == "active"


def test_operators_read_and_do_not_change(shop, operator, endpoint):
    assert len(operator.get(PATH, params={"app": "shop"}).json()["items"]) == 1
    assert operator.get(f"{PATH}/{endpoint['id']}/deliveries").status_code == 200
    assert operator.post(f"{PATH}/{endpoint['id']}/pause").json()["code"] == "app_key_required"
    assert operator.post(PATH, {"url": URL}).json()["code"] == "app_key_required"


def test_pause_and_resume_say_how_the_endpoint_stands(shop, endpoint):
    for _ in range(2):  # repeating it is harmless
        assert shop.post(f"{PATH}/{endpoint['id']}/pause").json()["status"] == "paused"
    for _ in range(2):
        assert shop.post(f"{PATH}/{endpoint['id']}/resume").json()["status"] == "active"


def test_rotation_shows_another_secret_and_how_long_the_old_one_signs(shop, endpoint):
    rotated = shop.post(f"{PATH}/{endpoint['id']}/rotate-secret").json()

    assert rotated["secret"] != endpoint["secret"]
    assert rotated["old_secret_until"] > rotated["created_at"]


def test_a_deleted_endpoint_is_shown_a_last_time(shop, endpoint):
    assert shop.send("DELETE", f"{PATH}/{endpoint['id']}").json()["id"] == endpoint["id"]
    assert shop.get(PATH).json()["items"] == []


def test_the_log_shows_what_waits_and_what_came_of_each_attempt(
    shop, world, endpoint, event_id, deliver
):
    [waiting] = log(shop, endpoint)
    assert (waiting["status"], waiting["event_id"], waiting["attempts"]) == (
        "waiting",
        event_id,
        [],
    )
    world.receivers.behaves(URL, answering(500))
    deliver()

    [tried] = log(shop, endpoint)
    [attempt] = tried["attempts"]
    assert (attempt["status"], attempt["answer"]) == (500, "status 500")
    assert tried["next_attempt_at"] > attempt["at"]
    msgspec.convert(tried, schemas.Delivery)
    assert log(shop, endpoint, status="delivered") == []
    assert log(shop, endpoint, event_id=event_id) == [tried]


def test_redelivering_twice_adds_nothing_while_one_is_under_way(
    shop, world, endpoint, event_id, deliver
):
    deliver()
    for _ in range(3):
        answer = shop.post(f"/v1/events/{event_id}/redeliver").json()
        assert answer == {"events": 1, "deliveries": 1, "next_cursor": None}

    assert [each["redelivery"] for each in log(shop, endpoint)] == [True, False]
    deliver()
    assert world.receivers.ids(URL) == [event_id, event_id]
    shop.post(f"/v1/events/{event_id}/redeliver")
    deliver()
    assert len(world.receivers.ids(URL)) == 3


def test_a_range_is_redelivered_oldest_first(run, shop, rival, world, endpoint, event_id, deliver):
    run(world.paid(order_no="SO-2"))
    run(world.settle())
    events = [message.id for message in run(world.events())]
    deliver()
    world.receivers.posts.clear()

    asked = {"created_from": "2020-01-01T00:00:00Z", "status": "succeeded"}
    assert shop.post("/v1/events/redeliver", asked).json()["deliveries"] == 2
    assert shop.post("/v1/events/redeliver", asked).json()["deliveries"] == 2
    assert rival.post("/v1/events/redeliver", asked).json()["events"] == 0
    deliver()

    assert world.receivers.ids(URL) == events


def test_a_redelivery_is_narrowed_by_time_status_order_and_endpoint(shop, endpoint, event_id):
    def events(**asked):
        return shop.post("/v1/events/redeliver", asked).json()["events"]

    order_id = shop.get(f"/v1/events/{event_id}").json()["subject"]
    assert events(created_to="2020-01-01T00:00:00Z") == 0
    assert events(status="closed") == 0
    assert events(order_id="pay_" + "0" * 26) == 0
    assert events(order_id=order_id) == 1
    assert events(endpoint_id=endpoint["id"]) == 1


def test_a_redelivery_to_an_endpoint_that_is_not_the_apps_is_refused(shop, rival, endpoint):
    for caller, id in ((shop, UNKNOWN), (rival, endpoint["id"])):
        response = caller.post("/v1/events/redeliver", {"endpoint_id": id})
        assert (response.status_code, response.json()["code"]) == (
            404,
            "webhook_endpoint_not_found",
        )


def test_another_apps_event_is_not_redelivered(rival, operator, event_id):
    assert rival.post(f"/v1/events/{event_id}/redeliver").json()["code"] == "event_not_found"
    assert operator.post(f"/v1/events/{event_id}/redeliver").status_code == 200


def test_without_a_key_to_seal_with_there_are_no_webhooks(run, world, shop, event_id, monkeypatch):
    for part in ("webhook_endpoints", "redeliver_events"):
        monkeypatch.setattr(getattr(world.app, part), "_webhooks", None)

    for answer in (shop.get(PATH), shop.post(f"/v1/events/{event_id}/redeliver")):
        assert (answer.status_code, answer.json()["code"]) == (409, "webhooks_not_configured")
        assert "webhooks.seal_key" in answer.json()["detail"]
