import pytest

from domain.money import Money


@pytest.fixture
def event_id(run, world):
    run(world.paid())
    run(world.settle())
    [message] = run(world.events())
    return message.id


def test_an_event_is_listed_and_read_alone_as_a_cloudevent(shop, event_id):
    [listed] = shop.get("/v1/events").json()["items"]

    assert listed == shop.get(f"/v1/events/{event_id}").json()
    assert listed["id"] == event_id
    assert (listed["specversion"], listed["type"]) == ("1.0", "basepay.payment.succeeded")
    assert listed["data"]["status"] == "succeeded"


def test_the_right_event_is_found_among_many(run, world, shop):
    for number in range(5):
        run(world.paid(order_no=f"SO-{number}"))
    run(world.settle())

    for message in run(world.events()):
        assert shop.get(f"/v1/events/{message.id}").json()["id"] == message.id


def test_events_are_filtered_by_what_happened(shop, event_id):
    assert shop.get("/v1/events", params={"status": "closed"}).json()["items"] == []
    assert len(shop.get("/v1/events", params={"status": "succeeded"}).json()["items"]) == 1


def test_another_apps_events_do_not_exist(rival, operator, event_id):
    assert rival.get("/v1/events").json()["items"] == []
    assert rival.get(f"/v1/events/{event_id}").json()["code"] == "event_not_found"
    assert operator.get(f"/v1/events/{event_id}").status_code == 200


@pytest.mark.parametrize("id", ["evt_" + "0" * 26, "evt_" + "Z" * 26, "evt_1", "x"])
def test_an_event_that_never_was_is_not_found(shop, event_id, id):
    response = shop.get(f"/v1/events/{id}")

    assert (response.status_code, response.json()["code"]) == (404, "event_not_found")


def test_operators_see_incidents_and_apps_do_not(run, world, shop, operator, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.payer_pays(payment["provider_order_no"], Money(1))
    shop.get(f"/v1/payments/{payment['id']}", params={"refresh": "true"})

    [incident] = operator.get("/v1/incidents").json()["items"]

    assert (incident["kind"], incident["order_id"]) == ("payment_mismatch", payment["id"])
    refused = shop.get("/v1/incidents")
    assert (refused.status_code, refused.json()["code"]) == (403, "operator_key_required")
