import json

import pytest

from adapters.http.schemas import Payment, Refund

PAYMENT_FIELDS = {
    "order_no", "amount", "subject", "method", "payer", "client_ip", "return_url", "expires_in",
    "account", "metadata",
}  # fmt: skip
REFUND_FIELDS = {"payment_id", "refund_no", "amount", "reason"}


@pytest.fixture
def wanted_refund(return_of_10_yuan):
    return return_of_10_yuan | {"payment_id": "pay_" + "0" * 26}


def errors_of(response):
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    return [(error["field"], error["expected"]) for error in response.json()["errors"]]


@pytest.mark.parametrize("field", sorted(set(Payment.__struct_fields__) - PAYMENT_FIELDS))
def test_a_payment_can_not_bring_its_own_facts(shop, order, field):
    response = shop.post("/v1/payments", order | {field: "succeeded"}, key="k1")

    assert errors_of(response) == [(field, "no such field")]
    assert shop.get("/v1/payments").json()["items"] == []


@pytest.mark.parametrize("field", sorted(set(Refund.__struct_fields__) - REFUND_FIELDS))
def test_a_refund_can_not_bring_its_own_facts(shop, wanted_refund, field):
    response = shop.post("/v1/refunds", wanted_refund | {field: "succeeded"}, key="k1")

    assert errors_of(response) == [(field, "no such field")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 10_000_000_001}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"amount": "8888"}, "amount"),
        ({"amount": 88.88}, "amount"),
        ({"amount": 8888.0}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": None}, "amount"),
        ({"order_no": ""}, "order_no"),
        ({"order_no": "x" * 65}, "order_no"),
        ({"order_no": "SO 1"}, "order_no"),
        ({"order_no": "SO-1\n"}, "order_no"),
        ({"order_no": "dup-1"}, "order_no"),
        ({"subject": ""}, "subject"),
        ({"subject": "   "}, "subject"),
        ({"subject": "x" * 128}, "subject"),
        ({"subject": "tea\x00"}, "subject"),
        ({"subject": "tea\n"}, "subject"),
        ({"method": "cash"}, "method"),
        ({"payer": "o-1"}, "payer"),
        ({"payer": {"name": "Li"}}, "payer.name"),
        ({"payer": {"openid": ""}}, "payer.openid"),
        ({"payer": {"openid": 1}}, "payer.openid"),
        ({"method": "wechat_jsapi"}, "payer.openid"),
        ({"method": "wechat_h5"}, "client_ip"),
        ({"client_ip": "999.1.1.1"}, "client_ip"),
        ({"client_ip": "localhost"}, "client_ip"),
        ({"client_ip": "fe80::1%anything at all"}, "client_ip"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "https://shop.test/ x"}, "return_url"),
        ({"return_url": "https://shop.test/\N{BLACK HEART SUIT}"}, "return_url"),
        ({"return_url": "https://shop.test\\.elsewhere.test/"}, "return_url"),
        ({"expires_in": 299}, "expires_in"),
        ({"expires_in": 604_801}, "expires_in"),
        ({"method": "alipay_qr", "expires_in": 7_201}, "expires_in"),
        ({"account": "Main"}, "account"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {"a": "\x00"}}, "metadata"),
        ({"metadata": {"x" * 41: "1"}}, "metadata"),
        ({"metadata": {"a\x00": "1"}}, "metadata"),
        ({"metadata": {str(n): "" for n in range(51)}}, "metadata"),
    ],
)
def test_a_wrong_field_of_a_payment_is_named(shop, order, change, field):
    response = shop.post("/v1/payments", order | change, key="k1")

    [(named, expected)] = errors_of(response)
    assert named == field
    assert expected
    assert "Expected" not in expected  # the decoder's words are not ours


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payment_id": "pay_1"}, "payment_id"),
        ({"payment_id": "' OR 1=1 --"}, "payment_id"),
        ({"refund_no": "dup-1"}, "refund_no"),
        ({"amount": 0}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 81}, "reason"),
    ],
)
def test_a_wrong_field_of_a_refund_is_named(shop, wanted_refund, change, field):
    response = shop.post("/v1/refunds", wanted_refund | change, key="k1")

    assert [named for named, _ in errors_of(response)] == [field]


@pytest.mark.parametrize("field", ["order_no", "amount", "subject", "method"])
def test_a_missing_field_is_named(shop, order, field):
    del order[field]

    [(named, expected)] = errors_of(shop.post("/v1/payments", order, key="k1"))
    assert named == field
    assert expected.startswith("required: ")


def test_the_expectation_is_said_in_words(shop, order):
    response = shop.post("/v1/payments", order | {"amount": "1"}, key="k1")

    assert errors_of(response) == [("amount", "an integer from 1 to 10000000000, in fen")]


def test_a_payer_that_is_no_object_is_told_to_be_one(shop, order):
    response = shop.post("/v1/payments", order | {"payer": "o-1"}, key="k1")

    assert errors_of(response) == [("payer", "an object")]


def test_null_is_the_same_as_absent(shop, order):
    nothing = dict.fromkeys(["payer", "client_ip", "return_url", "expires_in", "account"])

    assert shop.post("/v1/payments", order | nothing, key="k1").status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"order_no":"\xff"}',
        b'{"subject":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"order_no=SO-1",
        b"NaN",
    ],
)
def test_what_is_not_json_is_malformed(shop, body):
    response = send(shop, body)

    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"[" * 100_000])
def test_what_is_not_an_object_is_refused(shop, body):
    assert send(shop, body).status_code in (400, 422)


@pytest.mark.parametrize("deep", [b'{"a":', b'{"metadata":', b'{"payer":'])
def test_deep_nesting_breaks_nothing(shop, deep):
    assert send(shop, deep * 50_000).status_code in (400, 422)


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_only_json_is_read(shop, order, media_type):
    response = send(shop, json.dumps(order).encode(), media_type)

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_an_oversized_body_is_refused(shop):
    response = send(shop, b" " * (1 << 20) + b"{}")

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def send(caller, body, media_type="application/json"):
    headers = {"Idempotency-Key": "k1"} | ({"Content-Type": media_type} if media_type else {})
    return caller.send("POST", "/v1/payments", content=body, headers=headers)
