"""Faults meet the call they are armed for: with or without effect, once or until cleared."""

from base64 import b64decode

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def test_a_connection_cut_before_the_effect_leaves_nothing_behind(shop):
    shop.arm("cut_before_effect", operation="prepay")
    with pytest.raises(httpx.TransportError):
        shop.prepay("ORDER-0001")

    assert shop.book()["orders"] == []
    assert shop.prepay("ORDER-0001").status_code == 200


def test_a_connection_cut_after_the_effect_leaves_the_refund_behind(shop):
    shop.paid("ORDER-0001")
    shop.arm("cut_after_effect", operation="refund")
    with pytest.raises(httpx.TransportError):
        shop.refund("ORDER-0001", "R-1", 500)

    assert [each["provider_refund_no"] for each in shop.book()["refunds"]] == ["R-1"]
    assert shop.refund("ORDER-0001", "R-1", 500).status_code == 200


@pytest.mark.parametrize(
    ("status", "says"), [(429, "FREQUENCY_LIMITED"), (500, "SYSTEM_ERROR"), (502, None)]
)
def test_a_status_is_answered_in_the_providers_words(shop, status, says):
    shop.arm("status", operation="prepay", status=status)
    answer = shop.prepay("ORDER-0001")

    assert answer.status_code == status
    assert ("json" in answer.headers["Content-Type"]) is (says is not None)
    assert says is None or answer.json()["code"] == says
    assert shop.book()["orders"] == []


def test_a_429_says_when_to_return_if_told_so(shop):
    for seconds, says in ((0, None), (2.5, "3")):
        shop.arm("status", operation="query", status=429, seconds=seconds)
        assert shop.query("ORDER-0001").headers.get("Retry-After") == says


def test_a_status_after_the_effect_hides_that_it_worked(shop):
    shop.arm("status", operation="close", status=500, effect=True)
    shop.prepay("ORDER-0001")

    assert shop.close("ORDER-0001").status_code == 500
    assert shop.state("ORDER-0001") == "CLOSED"


def test_a_fault_is_armed_for_so_many_times(shop):
    shop.arm("status", operation="query", times=2)
    shop.prepay("ORDER-0001")

    assert [shop.query("ORDER-0001").status_code for _ in range(3)] == [500, 500, 200]


def test_a_fault_without_end_lasts_until_cleared(shop):
    shop.arm("status", times=None)
    assert [shop.query("ORDER-0001").status_code for _ in range(3)] == [500, 500, 500]

    shop.http.delete("/sandbox/faults").raise_for_status()
    assert shop.query("ORDER-0001").status_code == 404


def test_flawed_signatures_are_flawed_the_way_they_are_named(shop):
    for kind in ("missing_signature", "unknown_serial", "signtest", "stale_timestamp"):
        shop.arm(kind, operation="prepay")
        headers = shop.prepay("ORDER-0001").headers
        assert ("Wechatpay-Signature" in headers) is (kind != "missing_signature")
        assert headers.get("Wechatpay-Signature", "").startswith("WECHATPAY/SIGNTEST/") is (
            kind == "signtest"
        )
        known = headers["Wechatpay-Serial"] == shop.credentials["platform_serial_no"]
        assert known is (kind != "unknown_serial")


def test_an_unknown_fault_is_refused(shop):
    for fault in (
        {"kind": "earthquake"},
        {"kind": "latency", "operation": "prey"},
        {"kind": "latency", "provider": "paypal"},
    ):
        assert shop.http.post("/sandbox/faults", json=fault).status_code == 400
    assert shop.http.get("/sandbox/faults").json() == []


def test_a_refused_callback_comes_again_by_the_schedule(shop, merchant):
    merchant.answers = [(500, b""), (302, b""), (204, b"")]
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    merchant.waits_for(1)
    for seconds in (15, 15, 30):
        shop.passes(seconds)
        until_settled(shop)

    assert len(merchant.received) == 3
    ids = {msgspec.json.decode(body)["id"] for _, body in merchant.received}
    assert len(ids) == 1
    assert len({headers["wechatpay-signature"] for headers, _ in merchant.received}) == 3
    assert shop.book()["pending_callbacks"] == []


def test_after_the_last_attempt_the_provider_gives_up(shop, merchant):
    merchant.answers = [(500, b"")]
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    merchant.waits_for(1)
    for _ in range(20):
        until_settled(shop)
        shop.passes(21600)

    assert len(merchant.received) == 16
    assert shop.book()["pending_callbacks"] == []


def test_a_dropped_callback_is_sent_again(shop, merchant):
    shop.arm("callback_dropped")
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    until_settled(shop)
    assert merchant.received == []

    shop.passes(15)
    merchant.waits_for(1)


def test_a_late_callback_waits_in_business_time(shop, merchant):
    shop.arm("callback_late", seconds=600)
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    until_settled(shop, attempts=0)
    shop.passes(590)
    assert merchant.received == []

    shop.passes(10)
    merchant.waits_for(1)


@pytest.mark.parametrize("kind", ["callback_late", "callback_reordered"])
def test_a_callback_is_put_off_once_however_long_the_fault_lasts(shop, merchant, kind):
    shop.arm(kind, seconds=15, times=None)
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    until_settled(shop, attempts=0)
    shop.passes(15)
    merchant.waits_for(1)


def test_a_callback_can_come_twice(shop, merchant):
    shop.arm("callback_twice")
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    first, second = merchant.waits_for(2)

    assert first[1] == second[1]


def test_the_next_callback_overtakes_one_that_is_reordered(shop, merchant):
    shop.arm("callback_reordered")
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    until_settled(shop, attempts=0)
    assert merchant.received == []
    shop.paid("ORDER-0002")
    merchant.waits_for(2)
    until_settled(shop)

    orders = [merchant_reads(shop, body)["out_trade_no"] for _, body in merchant.received]
    assert orders == ["ORDER-0002", "ORDER-0001"]
    assert shop.book()["pending_callbacks"] == []


def test_a_callback_that_nothing_overtakes_comes_at_its_usual_retry(shop, merchant):
    shop.arm("callback_reordered")
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    until_settled(shop, attempts=0)
    assert merchant.received == []

    shop.passes(15)
    merchant.waits_for(1)


def merchant_reads(shop, body):
    """Open a callback with the merchant's key."""
    resource = msgspec.json.decode(body)["resource"]
    return msgspec.json.decode(
        AESGCM(shop.credentials["api_v3_key"].encode()).decrypt(
            resource["nonce"].encode(),
            b64decode(resource["ciphertext"]),
            resource["associated_data"].encode(),
        )
    )


def until_settled(shop, *, attempts=1):
    """Wait until nothing is due: every pending callback waits for a later moment."""
    for _ in range(500):
        now = shop.http.post("/sandbox/clock", json={"advance_seconds": 0}).json()["now"]
        pending = shop.book()["pending_callbacks"]
        if all(each["next_at"] > now and each["attempts"] >= attempts for each in pending):
            return
    raise AssertionError("the callbacks did not settle")
