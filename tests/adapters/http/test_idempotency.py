import json
from hashlib import sha256

import msgspec
import pytest

from adapters.http.reading import fingerprint
from adapters.http.requests import PaymentRequest


def test_a_repetition_hears_the_first_answer_byte_for_byte(world, shop, order):
    first = shop.post("/v1/payments", order, key="k1")
    world.wechat.payer_pays(first.json()["provider_order_no"])
    shop.get(first.headers["location"], params={"refresh": "true"})

    again = shop.post("/v1/payments", order, key="k1")

    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]


def test_order_of_keys_white_space_and_nulls_do_not_matter(shop, order):
    first = shop.post("/v1/payments", order | {"metadata": {"a": "1", "b": "2"}}, key="k1")
    other = dict(reversed(order.items())) | {"metadata": {"b": "2", "a": "1"}, "payer": None}
    body = json.dumps(other, indent=3).encode()

    again = shop.send(
        "POST",
        "/v1/payments",
        content=body,
        headers={"Idempotency-Key": "k1", "Content-Type": "application/json; charset=utf-8"},
    )

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("change", [{"amount": 8889}, {"metadata": {"a": "1"}}])
def test_a_key_with_another_body_is_a_problem(shop, order, change):
    shop.post("/v1/payments", order, key="k1")

    response = shop.post("/v1/payments", order | change, key="k1")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_two_apps_may_use_the_same_key(shop, rival, order):
    mine = shop.post("/v1/payments", order, key="k1").json()
    theirs = rival.post("/v1/payments", order | {"order_no": "SO-2"}, key="k1")

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine["id"]


def test_payments_and_refunds_do_not_share_keys(run, world, shop, order, return_of_10_yuan):
    paid = run(world.paid(order_no="SO-paid"))
    shop.post("/v1/payments", order, key="k1")

    response = shop.post("/v1/refunds", return_of_10_yuan | {"payment_id": paid}, key="k1")

    assert response.status_code == 201


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/refunds"])
def test_no_key_is_a_problem(shop, order, return_of_10_yuan, path):
    body = order if "payments" in path else return_of_10_yuan | {"payment_id": "pay_" + "0" * 26}
    response = shop.post(path, body)

    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize("keys", [["k1", "k1"], ["k1", "k2"], [""], ["a b"], ["ключ"], ["x" * 256]])
def test_a_doubled_or_misspelt_key_is_a_problem(shop, order, keys):
    headers = [("Idempotency-Key", key.encode()) for key in keys]
    response = shop.send("POST", "/v1/payments", json=order, headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize("key", ["~", "x" * 255, "7f0c:3d1e/5a52"])
def test_every_visible_key_is_taken(shop, order, key):
    assert shop.post("/v1/payments", order, key=key).status_code == 201


def test_a_problem_leaves_the_key_free(shop, order):
    assert shop.post("/v1/payments", order | {"account": "nobody"}, key="k1").status_code == 422

    assert shop.post("/v1/payments", order, key="k1").status_code == 201


def test_a_new_optional_field_would_change_no_old_fingerprint(order):
    canonical = json.dumps(order, separators=(",", ":")).encode()

    assert fingerprint(msgspec.convert(order, PaymentRequest)) == sha256(canonical).hexdigest()
