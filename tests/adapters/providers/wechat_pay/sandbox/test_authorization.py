"""Whoever does not sign exactly what is sent is refused with SIGN_ERROR."""

import time
from base64 import b64encode

import msgspec
import pytest

NATIVE = "/v3/pay/transactions/native"


def refusal(response):
    """Read an error answer: its status, code and detail."""
    body = response.json()
    return response.status_code, body["code"], body.get("detail")


def test_a_well_signed_call_passes(shop):
    assert shop.prepay("ORDER-0001").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature": b64encode(b"x" * 256).decode()},
        {"signature": "not base64 at all!"},
        {"serial_no": "0" * 40},
        {"mchid": "1900000999"},
        {"timestamp": str(int(time.time()) - 100_000)},
        {"timestamp": str(int(time.time()) + 100_000)},
        {"timestamp": str(int(time.time() * 1000))},
    ],
    ids=["other bytes", "no base64", "serial", "mchid", "old", "early", "milliseconds"],
)
def test_a_wrong_authorization_is_refused(shop, wrong):
    answer = shop.call("POST", NATIVE, shop.native("ORDER-0001"), **wrong)

    assert refusal(answer)[:2] == (401, "SIGN_ERROR")
    assert shop.book()["orders"] == []


def test_a_body_altered_on_the_way_is_refused_with_what_was_received(shop):
    cheaper = msgspec.json.encode(shop.native("ORDER-0001", fen=1))
    answer = shop.call("POST", NATIVE, shop.native("ORDER-0001"), sent=cheaper)

    status, code, detail = refusal(answer)
    assert (status, code) == (401, "SIGN_ERROR")
    assert detail["detail"] == {"issue": "sign not match"}
    assert detail["sign_information"]["url"] == NATIVE


def test_a_query_string_that_was_not_signed_is_refused(shop):
    shop.prepay("ORDER-0001")
    target = "/v3/pay/transactions/out-trade-no/ORDER-0001"
    signed = shop.call("GET", target).request.headers["Authorization"]
    mchid = shop.credentials["mchid"]
    answer = shop.http.get(
        f"{target}?mchid={mchid}", headers={"Authorization": signed, "Accept": "*/*"}
    )

    assert refusal(answer)[:2] == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    "header",
    [
        "",
        'WECHATPAY2-SM2-WITH-SM3 mchid="1"',
        "WECHATPAY2-SHA256-RSA2048 mchid=1900000001",
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="x"',
    ],
)
def test_a_malformed_authorization_is_refused(shop, header):
    answer = shop.call("GET", "/v3/certificates", headers={"Authorization": header})

    assert refusal(answer)[:2] == (401, "SIGN_ERROR")


@pytest.mark.parametrize("missing", ["Accept", "User-Agent"])
def test_a_call_without_accept_or_user_agent_is_refused(shop, missing):
    answer = shop.call("GET", "/v3/certificates", headers={missing: ""})

    assert refusal(answer)[:2] == (400, "PARAM_ERROR")


def test_every_answer_is_signed_and_has_a_request_id(shop):
    for answer in (shop.prepay("ORDER-0001"), shop.close("ORDER-0001"), shop.query("NO-SUCH-ONE")):
        assert answer.headers["Request-ID"]
        assert answer.headers["Wechatpay-Serial"] == shop.credentials["platform_serial_no"]
        assert len(answer.headers["Wechatpay-Signature"]) == 344
