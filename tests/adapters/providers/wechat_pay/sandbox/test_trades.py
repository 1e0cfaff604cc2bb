"""Native orders: placed, repeated, paid, closed, expired, as the reference tells."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


def code(response):
    """Read the status and code of a refusal."""
    return response.status_code, response.json()["code"]


def expiring(seconds):
    """Write a `time_expire` so many seconds ahead."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def test_a_native_order_is_paid_once(shop):
    code_url = shop.prepay("ORDER-0001").json()["code_url"]
    paid = shop.http.post("/sandbox/payer/pay", json={"code_url": code_url})
    again = shop.payer("pay", "ORDER-0001")

    assert paid.json()["state"] == "SUCCESS"
    assert again.status_code == 409
    assert shop.order("ORDER-0001")["charges"] == 1
    trade = shop.query("ORDER-0001").json()
    assert trade["amount"]["total"] == 1999
    assert trade["success_time"].endswith("+08:00")
    assert len(trade["transaction_id"]) == 28


def test_an_unpaid_order_shows_no_amount_and_no_transaction(shop):
    shop.prepay("ORDER-0001")

    assert shop.query("ORDER-0001").json().keys() == {
        "appid", "mchid", "out_trade_no", "trade_state", "trade_state_desc",
    }  # fmt: skip


def test_a_payer_who_scans_types_or_declines_leaves_the_order_open(shop):
    shop.prepay("ORDER-0001")
    for action in ("scan", "password", "decline"):
        assert shop.payer(action, "ORDER-0001").json()["state"] == "NOTPAY"

    assert shop.order("ORDER-0001")["charges"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"out_trade_no": 1234567}, "/out_trade_no"),
        ({"out_trade_no": "short"}, "/out_trade_no"),
        ({"out_trade_no": "ORDER 0001"}, "/out_trade_no"),
        ({"description": ""}, "/description"),
        ({"description": "x" * 128}, "/description"),
        ({"description": "茶🍵"}, "/description"),
        ({"attach": None}, "/attach"),
        ({"amount": {"total": "1999"}}, "/amount/total"),
        ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": 19.99}}, "/amount/total"),
        ({"amount": {"total": True}}, "/amount/total"),
        ({"amount": {}}, "/amount/total"),
        ({"amount": 1999}, "/amount"),
        ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
        ({"notify_url": "https://shop.example/notify?tenant=1"}, "/notify_url"),
        ({"notify_url": "ftp://shop.example/notify"}, "/notify_url"),
        ({"time_expire": "2026-01-01 00:00:00"}, "/time_expire"),
        ({"time_expire": "tomorrow"}, "/time_expire"),
    ],
)
def test_a_bad_field_is_refused_and_named(shop, change, field):
    answer = shop.call("POST", "/v3/pay/transactions/native", shop.native("ORDER-0001") | change)

    assert code(answer) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert shop.book()["orders"] == []


def test_a_body_that_is_no_json_object_is_refused(shop):
    assert code(shop.call("POST", "/v3/pay/transactions/native", [1])) == (400, "PARAM_ERROR")


def test_a_foreign_app_id_or_merchant_is_refused(shop):
    assert code(shop.prepay("ORDER-0001", appid="wx9")) == (400, "APPID_MCHID_NOT_MATCH")
    assert code(shop.prepay("ORDER-0001", mchid="1900000009")) == (400, "INVALID_REQUEST")


def test_the_same_prepay_again_gives_a_fresh_code_for_the_same_order(shop):
    first = shop.prepay("ORDER-0001").json()["code_url"]
    second = shop.prepay("ORDER-0001").json()["code_url"]

    assert first != second
    assert len(shop.book()["orders"]) == 1
    shop.http.post("/sandbox/payer/pay", json={"code_url": first}).raise_for_status()
    assert shop.http.post("/sandbox/payer/pay", json={"code_url": second}).status_code == 409


def test_the_same_number_with_another_amount_or_expiry_is_refused(shop):
    shop.prepay("ORDER-0001", time_expire=expiring(600))

    assert code(shop.prepay("ORDER-0001", 2000, time_expire=expiring(600)))[0] == 403
    assert code(shop.prepay("ORDER-0001", time_expire=expiring(900)))[0] == 403
    # The expiry counts as an instant, however it is written, and may be left out.
    assert shop.prepay("ORDER-0001").status_code == 200


def test_a_paid_order_takes_neither_prepay_nor_close(shop):
    shop.paid("ORDER-0001")

    assert code(shop.prepay("ORDER-0001")) == (400, "ORDERPAID")
    assert code(shop.close("ORDER-0001")) == (400, "ORDERPAID")
    assert shop.state("ORDER-0001") == "SUCCESS"


def test_a_closed_order_can_not_be_paid_or_placed_again(shop):
    shop.prepay("ORDER-0001")
    assert shop.close("ORDER-0001").status_code == 204

    assert shop.state("ORDER-0001") == "CLOSED"
    assert shop.close("ORDER-0001").status_code == 204
    assert shop.payer("pay", "ORDER-0001").status_code == 409
    assert code(shop.prepay("ORDER-0001")) == (400, "ORDER_CLOSED")


def test_what_nobody_placed_is_unknown(shop):
    assert code(shop.query("NO-SUCH-ONE")) == (404, "ORDER_NOT_EXIST")
    assert code(shop.close("NO-SUCH-ONE")) == (404, "ORDER_NOT_EXIST")
    mchid = shop.credentials["mchid"]
    by_id = shop.call("GET", f"/v3/pay/transactions/id/4200?mchid={mchid}")
    assert code(by_id) == (404, "ORDER_NOT_EXIST")


def test_a_query_must_name_its_merchant(shop):
    shop.prepay("ORDER-0001")
    target = "/v3/pay/transactions/out-trade-no/ORDER-0001"

    assert code(shop.call("GET", target)) == (400, "PARAM_ERROR")
    assert code(shop.call("GET", f"{target}?mchid=1")) == (400, "INVALID_REQUEST")


def test_an_order_past_its_time_can_not_be_paid_but_is_not_closed_by_itself(shop):
    shop.prepay("ORDER-0001", time_expire=expiring(300))
    shop.passes(301)

    assert shop.payer("pay", "ORDER-0001").status_code == 409
    assert shop.state("ORDER-0001") == "NOTPAY"
    assert shop.close("ORDER-0001").status_code == 204


def test_an_expiry_too_near_is_raised_to_a_minute(shop):
    shop.prepay("ORDER-0001", time_expire=expiring(-5))
    shop.passes(50)

    assert shop.payer("pay", "ORDER-0001").status_code == 200


def test_a_code_goes_stale_after_two_hours_and_a_fresh_one_revives_the_order(shop):
    shop.prepay("ORDER-0001")
    shop.passes(2 * 3600 + 1)
    assert shop.payer("pay", "ORDER-0001").status_code == 409

    shop.prepay("ORDER-0001")
    assert shop.payer("pay", "ORDER-0001").status_code == 200


def test_the_payer_may_let_one_order_expire(shop):
    shop.prepay("ORDER-0001")
    shop.prepay("ORDER-0002")
    shop.payer("expire", "ORDER-0001").raise_for_status()

    assert shop.payer("pay", "ORDER-0001").status_code == 409
    assert shop.payer("pay", "ORDER-0002").status_code == 200


def test_assumptions_can_be_switched(new_shop):
    settings = WeChatPaySandboxSettings(
        new_spelling=False, closes_at_expiry=True, close_again_is_fine=False
    )
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    shop.prepay("ORDER-0001")
    shop.payer("expire", "ORDER-0001")

    assert shop.state("ORDER-0001") == "CLOSED"
    assert code(shop.close("ORDER-0001")) == (400, "ORDERCLOSED")
    assert code(shop.query("NO-SUCH-ONE")) == (404, "ORDERNOTEXIST")
