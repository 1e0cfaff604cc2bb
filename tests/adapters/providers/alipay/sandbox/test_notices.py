"""What Alipay tells by itself: when, with which fields, and how it is signed."""

import base64
import json
from urllib.parse import parse_qsl

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.sandbox.faults import Fault


def verify(shop, body):
    """The merchant's rule: all that came but sign and sign_type, sorted (REFERENCE.md §2.3)."""
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = base64.b64decode(fields.pop("sign"))
    del fields["sign_type"]
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    shop.keys.key("alipay").public_key().verify(signature, text.encode(), PKCS1v15(), SHA256())


def statuses(shop):
    return [notice["trade_status"] for notice in shop.notices()]


def test_only_the_payment_is_told_of_not_the_scan(shop):
    shop.orders()
    shop.payer("scan")
    assert not shop.notices()

    shop.payer("pay")

    (notice,) = shop.notices()
    assert notice["trade_status"] == "TRADE_SUCCESS"
    assert (notice["out_trade_no"], notice["total_amount"]) == ("T1", "88.88")
    assert notice["seller_id"] == "2088000000000001"
    assert "gmt_refund" not in notice


def test_the_channel_of_the_money_is_written_in_camel_case(shop):
    shop.sells()

    (notice,) = shop.notices()

    assert json.loads(notice["fund_bill_list"]) == [
        {"amount": "88.88", "fundChannel": "ALIPAYACCOUNT"}
    ]


def test_what_the_shop_passed_along_comes_back_as_it_was(shop):
    shop.orders(passback_params="a%3D1%26b%3D2", body="两杯茶")
    shop.payer("pay")

    (notice,) = shop.notices()

    assert (notice["passback_params"], notice["body"]) == ("a%3D1%26b%3D2", "两杯茶")


def test_refunds_are_told_of_as_further_news_of_the_trade(shop):
    shop.sells(amount="20.00")
    shop.refunds("R1", "5.00")
    shop.refunds("R2", "15.00")

    _, part, rest = shop.notices()

    assert (part["trade_status"], part["refund_fee"]) == ("TRADE_SUCCESS", "5.00")
    assert (part["out_biz_no"], part["send_back_fee"]) == ("R1", "5.00")
    assert (rest["trade_status"], rest["refund_fee"]) == ("TRADE_CLOSED", "20.00")
    assert (rest["out_biz_no"], "gmt_close" in rest) == ("R2", True)


def test_a_repeated_refund_is_not_told_again(shop):
    shop.sells(amount="20.00")
    shop.refunds("R1", "5.00")
    shop.refunds("R1", "5.00")

    assert statuses(shop) == ["TRADE_SUCCESS", "TRADE_SUCCESS"]


def test_the_notice_of_a_full_refund_can_be_switched_off(open_shop):
    shop = open_shop(notifies_full_refund=False)
    shop.sells()
    shop.refunds("R1", "88.88")

    assert statuses(shop) == ["TRADE_SUCCESS"]


def test_an_unpaid_trade_closes_silently_unless_switched_on(shop, open_shop):
    talkative = open_shop(notified=frozenset(TradeStatus))
    for each in (shop, talkative):
        each.orders()
        each.payer("scan")
        each.passes(hours=3)

    assert statuses(shop) == []
    assert statuses(talkative) == ["WAIT_BUYER_PAY", "TRADE_CLOSED"]


def test_without_an_address_nothing_is_told(shop):
    shop.ask("precreate", {"out_trade_no": "T1", "total_amount": "1.00", "subject": "茶"})
    shop.payer("pay")

    assert not shop.notices()


def test_every_delivery_is_signed_for_itself_and_keeps_its_id(shop):
    shop.sells()
    (callback,) = shop.book.pending_callbacks()

    first = shop.alipay.render(callback, {}).body
    shop.passes(minutes=4)
    second = shop.alipay.render(callback, {}).body

    verify(shop, first)
    verify(shop, second)
    one, two = dict(parse_qsl(first.decode())), dict(parse_qsl(second.decode()))
    assert one["notify_id"] == two["notify_id"]
    assert one["notify_time"] != two["notify_time"]
    assert one["sign"] != two["sign"]


@pytest.mark.parametrize("kind", ["callback_forged", "bad_signature"])
def test_a_forged_or_spoilt_delivery_does_not_verify(shop, kind):
    shop.sells()
    (callback,) = shop.book.pending_callbacks()

    body = shop.alipay.render(callback, {kind: Fault(kind=kind)}).body

    with pytest.raises(InvalidSignature):
        verify(shop, body)


def test_a_delivery_can_lack_its_signature(shop):
    shop.sells()
    (callback,) = shop.book.pending_callbacks()

    message = shop.alipay.render(callback, {"missing_signature": Fault(kind="missing_signature")})

    assert "sign" not in dict(parse_qsl(message.body.decode()))


@pytest.mark.parametrize(("status", "body", "counts"), [
    (200, b"success", True), (200, b"success\n", False), (200, b'"success"', False),
    (200, b"SUCCESS", False), (200, b"", False), (200, b"fail", False), (204, b"success", False),
    (500, b"success", False),
])  # fmt: skip
def test_only_the_very_word_success_ends_a_notice(shop, status, body, counts):
    assert shop.alipay.acknowledged(status, body) is counts


def test_an_upper_case_success_counts_when_switched_on(open_shop):
    assert open_shop(upper_case_ack_counts=True).alipay.acknowledged(200, b"SUCCESS")


def test_a_notice_is_tried_eight_times_within_twenty_five_hours(shop):
    delays = shop.alipay.retry_delays_seconds

    assert list(delays) == [240, 600, 600, 3600, 7200, 21600, 54000]
    assert sum(delays) == 24 * 3600 + 24 * 60
