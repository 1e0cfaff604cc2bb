import pytest


@pytest.fixture
def payment_id(run, world):
    return run(world.paid())


def test_a_refund_is_created_and_read_back(shop, payment_id, return_of_10_yuan):
    created = shop.post("/v1/refunds", return_of_10_yuan | {"payment_id": payment_id}, key="k1")

    refund = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/refunds/{refund['id']}"
    assert (refund["amount"], refund["payment_id"]) == (1000, payment_id)
    assert refund["reason"] == "Tea was cold"
    assert shop.get(created.headers["location"]).content == created.content


def test_more_than_is_left_is_a_problem(shop, payment_id, return_of_10_yuan):
    wanted = return_of_10_yuan | {"payment_id": payment_id, "amount": 8889}

    response = shop.post("/v1/refunds", wanted, key="k1")

    assert (response.status_code, response.json()["code"]) == (409, "refund_exceeds_payment")


def test_an_unpaid_payment_gives_nothing_back(shop, order, return_of_10_yuan):
    payment = shop.post("/v1/payments", order, key="k1").json()

    wanted = return_of_10_yuan | {"payment_id": payment["id"]}
    response = shop.post("/v1/refunds", wanted, key="k2")

    assert (response.status_code, response.json()["code"]) == (409, "payment_not_succeeded")


def test_refresh_asks_the_provider_first(world, shop, payment_id, return_of_10_yuan):
    world.wechat.stops_answering()
    wanted = return_of_10_yuan | {"payment_id": payment_id}
    response = shop.post("/v1/refunds", wanted, key="k1")
    path = response.headers["location"]

    assert response.status_code == 202
    assert shop.get(path, params={"refresh": "true"}).json()["id"] == response.json()["id"]


def test_another_apps_refund_and_payment_are_not_found(
    shop, rival, operator, payment_id, return_of_10_yuan
):
    wanted = return_of_10_yuan | {"payment_id": payment_id}
    path = shop.post("/v1/refunds", wanted, key="k1").headers["location"]

    assert rival.get(path).json()["code"] == "refund_not_found"
    assert rival.post("/v1/refunds", wanted, key="k1").json()["code"] == "payment_not_found"
    assert operator.get(path).status_code == 200
    assert operator.post("/v1/refunds", wanted, key="k2").json()["code"] == "app_key_required"


@pytest.mark.parametrize("id", ["ref_" + "0" * 26, "ref_1", "pay_" + "0" * 26])
def test_an_id_that_is_nobodys_is_not_found(shop, id):
    response = shop.get(f"/v1/refunds/{id}")

    assert (response.status_code, response.json()["code"]) == (404, "refund_not_found")
