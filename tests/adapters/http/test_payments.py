import pytest

from domain.status import PaymentStatus

UNKNOWN_ID = "pay_" + "0" * 26


def test_a_new_payment_is_created_with_its_action_and_location(shop, order):
    response = shop.post("/v1/payments", order, key="k1")

    payment = response.json()
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["location"] == f"/v1/payments/{payment['id']}"
    assert payment["action"]["type"] == "show_qr_code"
    assert (payment["app"], payment["amount"], payment["status"]) == ("shop", 8888, "created")


def test_what_was_created_is_read_back_the_same(shop, order):
    created = shop.post("/v1/payments", order, key="k1")

    assert shop.get(created.headers["location"]).content == created.content


def test_every_field_reaches_the_payment(run, world, shop, order):
    more = {
        "method": "wechat_h5",
        "client_ip": "2001:DB8:0:0::1",
        "return_url": "https://shop.test/done?x=1",
        "expires_in": 600,
        "account": "wechat-main",
        "metadata": {"table": "7"},
    }

    created = shop.post("/v1/payments", order | more, key="k1").json()

    async def stored():
        async with world.store.work() as work:
            return await work.payments.get(created["id"])

    payment = run(stored())
    assert payment.client_ip == "2001:db8::1"
    assert payment.return_url == more["return_url"]
    assert (payment.expires_at - payment.created_at).total_seconds() == 600
    assert created["metadata"] == {"table": "7"}
    assert created["account"] == "wechat-main"


def test_an_unknown_outcome_answers_202_and_tells_where_to_ask(world, shop, order):
    world.wechat.stops_answering()

    response = shop.post("/v1/payments", order, key="k1")

    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/payments/{response.json()['id']}"
    assert response.json()["status"] == "created"


def test_the_same_open_order_is_answered_200_without_a_location(shop, order):
    first = shop.post("/v1/payments", order, key="k1").json()

    again = shop.post("/v1/payments", order, key="k2")

    assert again.status_code == 200
    assert "location" not in again.headers
    assert again.json()["id"] == first["id"]


def test_refresh_asks_the_provider_first(world, shop, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.payer_pays(payment["provider_order_no"])
    path = f"/v1/payments/{payment['id']}"

    assert shop.get(path).json()["status"] == "created"
    assert shop.get(path, params={"refresh": "false"}).json()["status"] == "created"
    assert shop.get(path, params={"refresh": "true"}).json()["status"] == "succeeded"


def test_a_close_the_provider_confirms_answers_200(shop, order):
    payment = shop.post("/v1/payments", order, key="k1").json()

    response = shop.post(f"/v1/payments/{payment['id']}/close")

    assert (response.status_code, response.json()["status"]) == (200, "closed")


def test_a_close_the_provider_can_not_confirm_answers_202(world, shop, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.stops_answering()

    response = shop.post(f"/v1/payments/{payment['id']}/close")

    assert response.status_code == 202
    assert (response.json()["status"], response.json()["closing"]) == ("created", True)


def test_closing_a_paid_order_is_a_problem(world, shop, order):
    payment = shop.post("/v1/payments", order, key="k1").json()
    world.wechat.payer_pays(payment["provider_order_no"])

    response = shop.post(f"/v1/payments/{payment['id']}/close")

    assert (response.status_code, response.json()["code"]) == (409, "payment_already_succeeded")
    assert response.json()["payment_id"] == payment["id"]


@pytest.mark.parametrize(("body", "status"), [(b"{}", 200), (b'{"force":true}', 422), (b"x", 400)])
def test_a_close_takes_no_fields(shop, order, body, status):
    payment = shop.post("/v1/payments", order, key="k1").json()

    response = shop.send("POST", f"/v1/payments/{payment['id']}/close", content=body)

    assert response.status_code == status


def test_a_paid_order_names_its_winner(run, world, shop, order):
    winner = run(world.paid())

    response = shop.post("/v1/payments", order | {"order_no": "SO-1"}, key="k9")

    assert (response.status_code, response.json()["code"]) == (409, "order_already_paid")
    assert response.json()["payment_id"] == winner


@pytest.mark.parametrize("id", [UNKNOWN_ID, "pay_1", "ref_" + "0" * 26, "%00", "pay_" + "é" * 26])
@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/close")])
def test_an_id_that_is_nobodys_is_not_found(shop, id, method, suffix):
    response = shop.send(method, f"/v1/payments/{id}{suffix}")

    assert (response.status_code, response.json()["code"]) == (404, "payment_not_found")


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/close")])
def test_another_apps_payment_is_not_found(shop, rival, order, method, suffix):
    payment = shop.post("/v1/payments", order, key="k1").json()

    response = rival.send(method, f"/v1/payments/{payment['id']}{suffix}")

    assert (response.status_code, response.json()["code"]) == (404, "payment_not_found")
    assert shop.get(f"/v1/payments/{payment['id']}").json()["status"] == PaymentStatus.CREATED


def test_an_operator_reads_every_apps_payment_but_moves_no_money(shop, operator, order):
    payment = shop.post("/v1/payments", order, key="k1").json()

    assert operator.get(f"/v1/payments/{payment['id']}").json()["id"] == payment["id"]
    for path, body in [("/v1/payments", order), (f"/v1/payments/{payment['id']}/close", None)]:
        response = operator.post(path, body, key="k2")
        assert (response.status_code, response.json()["code"]) == (403, "app_key_required")
