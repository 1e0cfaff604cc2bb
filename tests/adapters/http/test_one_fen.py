from adapters.http.app import create_http
from tests.adapters.http.conftest import Client

PATH = "/v1/test-switches/one-fen"


def test_operators_turn_the_switch_and_read_it(operator):
    assert operator.get(PATH).json() == {"on": False}

    assert operator.send("PUT", PATH, json={"on": True}).json() == {"on": True}
    assert operator.get(PATH).json() == {"on": True}
    assert operator.send("PUT", PATH, json={"on": False}).json() == {"on": False}


def test_while_it_is_on_payments_charge_one_fen_and_owe_their_amount(operator, shop, order):
    operator.send("PUT", PATH, json={"on": True})

    payment = shop.post("/v1/payments", order, key="k1").json()

    assert (payment["amount"], payment["charged_amount"]) == (8888, 1)


def test_apps_can_neither_read_nor_turn_it(shop):
    for answer in (shop.get(PATH), shop.send("PUT", PATH, json={"on": True})):
        assert (answer.status_code, answer.json()["code"]) == (403, "operator_key_required")


def test_nonsense_is_refused_with_its_field(operator):
    answer = operator.send("PUT", PATH, json={"on": "yes"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "on", "expected": "`true` or `false`"}]


def test_in_production_it_does_not_exist(world, run):
    operator = Client(run, create_http(world.app), "operator-key")

    assert operator.get(PATH).status_code == 404
    assert operator.send("PUT", PATH, json={"on": True}).status_code == 404
    assert PATH not in operator.get("/schema/openapi.json").json()["paths"]
