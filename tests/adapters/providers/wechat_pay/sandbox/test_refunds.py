"""Refunds: parts, repeats, limits and ends."""

from functools import partial

import msgspec

from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


def code(response):
    """Read the status and code of a refusal."""
    return response.status_code, response.json()["code"]


def test_parts_go_back_a_minute_apart_up_to_the_paid_sum(shop):
    shop.paid("ORDER-0001")
    assert shop.refund("ORDER-0001", "R-1", 999).json()["status"] == "PROCESSING"
    assert code(shop.refund("ORDER-0001", "R-2", 1000)) == (429, "FREQUENCY_LIMITED")
    shop.passes(60)
    assert code(shop.refund("ORDER-0001", "R-2", 1001)) == (400, "INVALID_REQUEST")
    assert shop.refund("ORDER-0001", "R-2", 1000).status_code == 200
    shop.passes(60)

    assert code(shop.refund("ORDER-0001", "R-3", 1)) == (400, "INVALID_REQUEST")
    assert shop.state("ORDER-0001") == "REFUND"
    states = [(each["provider_refund_no"], each["state"]) for each in shop.book()["refunds"]]
    assert states == [("R-1", "SUCCESS"), ("R-2", "SUCCESS")]


def test_the_same_refund_again_is_one_refund(shop):
    shop.paid("ORDER-0001")
    first = shop.refund("ORDER-0001", "R-1", 500).json()
    shop.passes(1)
    again = shop.refund("ORDER-0001", "R-1", 500).json()

    assert again["refund_id"] == first["refund_id"]
    assert again["status"] == "SUCCESS"
    assert len(shop.book()["refunds"]) == 1


def test_the_same_number_for_another_amount_or_order_is_refused(shop):
    shop.paid("ORDER-0001")
    shop.paid("ORDER-0002")
    shop.refund("ORDER-0001", "R-1", 500)

    assert code(shop.refund("ORDER-0001", "R-1", 501)) == (400, "INVALID_REQUEST")
    assert code(shop.refund("ORDER-0002", "R-1", 500)) == (400, "INVALID_REQUEST")


def test_unpaid_unknown_and_wrongly_priced_orders_are_not_refunded(shop):
    shop.prepay("ORDER-0001")
    shop.paid("ORDER-0002")

    assert code(shop.refund("ORDER-0001", "R-1", 1)) == (400, "INVALID_REQUEST")
    assert code(shop.refund("NO-SUCH-ONE", "R-1", 1)) == (404, "RESOURCE_NOT_EXISTS")
    assert code(shop.refund("ORDER-0002", "R-1", 1, total=2000)) == (400, "INVALID_REQUEST")
    assert shop.book()["refunds"] == []


def test_a_refund_by_transaction_id_must_mean_the_same_order(shop):
    shop.paid("ORDER-0001")
    shop.paid("ORDER-0002")
    transaction_id = shop.query("ORDER-0001").json()["transaction_id"]

    mixed = shop.refund("ORDER-0002", "R-1", 1, transaction_id=transaction_id)
    assert code(mixed) == (404, "RESOURCE_NOT_EXISTS")
    body = {
        "transaction_id": transaction_id,
        "out_refund_no": "R-1",
        "amount": {"refund": 1, "total": 1999, "currency": "CNY"},
    }
    answer = shop.call("POST", "/v3/refund/domestic/refunds", body)
    assert answer.json()["out_trade_no"] == "ORDER-0001"


def test_an_order_takes_fifty_refunds(new_shop):
    settings = WeChatPaySandboxSettings(refund_spacing_seconds=0)
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    shop.paid("ORDER-0001")
    for each in range(50):
        assert shop.refund("ORDER-0001", f"R-{each}", 1).status_code == 200

    assert code(shop.refund("ORDER-0001", "R-50", 1)) == (400, "INVALID_REQUEST")


def test_a_year_later_it_is_too_late(shop):
    shop.paid("ORDER-0001")
    shop.passes(365 * 86400 + 10)

    assert code(shop.refund("ORDER-0001", "R-1", 1)) == (400, "INVALID_REQUEST")


def test_a_refund_nobody_asked_for_is_unknown(shop):
    answer = shop.call("GET", "/v3/refund/domestic/refunds/R-1")

    assert code(answer) == (404, "RESOURCE_NOT_EXISTS")


def test_an_empty_merchant_balance_refuses_and_the_same_number_works_later(shop):
    shop.paid("ORDER-0001")
    shop.arm("error", operation="refund", code="NOT_ENOUGH")

    assert code(shop.refund("ORDER-0001", "R-1", 500)) == (403, "NOT_ENOUGH")
    assert shop.book()["refunds"] == []
    assert shop.refund("ORDER-0001", "R-1", 500).status_code == 200


def test_a_closed_refund_gives_its_amount_back_and_tells(shop, merchant):
    shop.paid("ORDER-0001")
    shop.arm("refund_closed")
    shop.refund("ORDER-0001", "R-1", 1999, notify_url=merchant.url)
    shop.passes(61)
    _, body = merchant.waits_for(1)[0]

    assert msgspec.json.decode(body)["event_type"] == "REFUND.CLOSED"
    assert shop.refund_status("R-1") == "CLOSED"
    assert shop.refund("ORDER-0001", "R-2", 1999).status_code == 200


def test_an_abnormal_refund_keeps_its_amount(shop):
    shop.paid("ORDER-0001")
    shop.arm("refund_abnormal")
    shop.refund("ORDER-0001", "R-1", 1999)
    shop.passes(61)

    assert shop.refund_status("R-1") == "ABNORMAL"
    assert code(shop.refund("ORDER-0001", "R-2", 1)) == (400, "INVALID_REQUEST")
