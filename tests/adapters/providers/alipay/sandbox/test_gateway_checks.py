"""What the gateway refuses before it looks at the business, and in which order."""

import html
import json
from datetime import UTC, datetime, timedelta

import pytest

QUERY = "alipay.trade.query"
CONTENT = {"out_trade_no": "T1"}

COMPLETE = ("app_id", "method", "version", "timestamp", "sign", "sign_type")


def answer_to(shop, parameters):
    whole = json.loads(shop.send(parameters))
    (name,) = whole.keys() - {"sign"}
    return name, whole[name], "sign" in whole


@pytest.fixture
def good(shop):
    return shop.parameters(QUERY, CONTENT)


def test_a_signed_request_of_the_app_reaches_the_business(shop, good):
    name, node, signed = answer_to(shop, shop.signed(good))

    assert (name, node["sub_code"], signed) == (
        "alipay_trade_query_response", "ACQ.TRADE_NOT_EXIST", True,
    )  # fmt: skip


def test_a_stranger_learns_so_before_anybody_looks_at_a_signature(shop, good):
    name, node, signed = answer_to(shop, {**good, "app_id": "2021999999999999"})

    assert name == "alipay_trade_query_response"
    assert (node["code"], node["sub_code"], signed) == ("40002", "isv.invalid-app-id", False)


def test_a_request_without_an_app_gets_an_unsigned_error_response(shop):
    name, node, signed = answer_to(shop, {"charset": "utf-8"})

    assert (name, node["sub_code"], signed) == ("error_response", "isv.missing-app-id", False)


@pytest.mark.parametrize(
    ("changes", "code", "sub_code"),
    [
        ({"method": ""}, "40001", "isv.missing-method"),
        ({"method": "alipay.trade.gift"}, "40002", "isv.invalid-method"),
        ({"version": ""}, "40001", "isv.missing-version"),
        ({"version": "2.0"}, "40002", "isv.invalid-parameter"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"charset": "latin-1"}, "40002", "isv.invalid-charset"),
        ({"charset": ""}, "40002", "isv.invalid-charset"),
        ({"timestamp": ""}, "40001", "isv.missing-timestamp"),
        ({"timestamp": "2026-01-15T10:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"sign_type": ""}, "40001", "isv.missing-signature-type"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
    ],
)
def test_a_flaw_in_the_common_parameters_is_named_and_signed(shop, changes, code, sub_code):
    _, node, signed = answer_to(shop, shop.signed(shop.parameters(QUERY, CONTENT, **changes)))

    assert (node["code"], node["sub_code"], signed) == (code, sub_code, True)


@pytest.mark.parametrize("left", range(len(COMPLETE)))
def test_of_several_missing_parameters_the_first_in_the_gateways_order_is_named(shop, good, left):
    signed = shop.signed(good)
    present = {name: v for name, v in signed.items() if name not in COMPLETE[left:]}

    _, node, _ = answer_to(shop, present)

    word = {"app_id": "app-id", "sign": "signature", "sign_type": "signature-type"}
    missing = word.get(COMPLETE[left], COMPLETE[left])
    assert node["sub_code"] == f"isv.missing-{missing}"


def test_a_wrong_signature_is_answered_with_the_string_that_was_verified(shop, good):
    forged = {**shop.signed(good), "biz_content": json.dumps({"out_trade_no": "T2"})}

    _, node, signed = answer_to(shop, forged)

    expected = "&".join(f"{name}={forged[name]}" for name in sorted(good))
    assert (node["code"], node["sub_code"], signed) == ("40002", "isv.invalid-signature", True)
    assert node["sub_msg"].endswith(html.escape(expected))
    assert "&amp;" in node["sub_msg"]


@pytest.mark.parametrize("signature", ["", "not base64!", "QUJD", "签名"])
def test_a_signature_that_is_none_is_refused(shop, good, signature):
    _, node, _ = answer_to(shop, {**good, "sign": signature})

    assert node["sub_code"] in {"isv.invalid-signature", "isv.missing-signature"}


def test_alipays_own_key_does_not_sign_for_the_app(shop, good):
    shop.key = shop.keys.key("alipay")

    _, node, _ = answer_to(shop, shop.signed(good))

    assert node["sub_code"] == "isv.invalid-signature"


@pytest.mark.parametrize(("minutes", "sub_code"), [
    (-11, "isv.invalid-timestamp"), (11, "isv.invalid-timestamp"),
    (-9, "ACQ.TRADE_NOT_EXIST"), (9, "ACQ.TRADE_NOT_EXIST"),
])  # fmt: skip
def test_a_timestamp_counts_within_ten_minutes_of_chinas_wall_time(shop, minutes, sub_code):
    china = datetime.now(UTC) + timedelta(hours=8, minutes=minutes)
    written = china.strftime("%Y-%m-%d %H:%M:%S")

    _, node, _ = answer_to(shop, shop.signed(shop.parameters(QUERY, CONTENT, timestamp=written)))

    assert node["sub_code"] == sub_code


def test_the_moved_clock_of_business_does_not_touch_the_timestamp_window(shop, good):
    shop.passes(days=30)

    _, node, _ = answer_to(shop, shop.signed(good))

    assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_utc_written_where_china_time_belongs_is_refused(shop):
    utc = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")

    _, node, _ = answer_to(shop, shop.signed(shop.parameters(QUERY, CONTENT, timestamp=utc)))

    assert node["sub_code"] == "isv.invalid-timestamp"


def test_every_extra_parameter_is_part_of_what_is_signed(shop, good):
    with_extra = {**good, "alipay_sdk": "any"}

    _, accepted, _ = answer_to(shop, shop.signed(with_extra))
    _, refused, _ = answer_to(shop, {**shop.signed(good), "alipay_sdk": "any"})

    assert accepted["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert refused["sub_code"] == "isv.invalid-signature"


def test_blank_parameters_are_not_part_of_what_is_signed(shop, good):
    _, node, _ = answer_to(shop, {**shop.signed(good), "app_auth_token": " ", "return_url": ""})

    assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_shop_that_writes_gbk_is_read_and_answered_in_gbk(shop):
    content = {"out_trade_no": "T1", "total_amount": "1.00", "subject": "红茶"}
    parameters = shop.parameters("alipay.trade.precreate", content, charset="GBK")

    shop.send(shop.signed(parameters, codec="gbk"), codec="gbk")
    refused = shop.send(
        shop.signed(shop.parameters(QUERY, CONTENT, charset="GBK"), codec="gbk"), codec="gbk"
    )

    assert shop.book.order("alipay", "T1").subject == "红茶"
    assert "交易不存在" in refused.decode("gbk")


@pytest.mark.parametrize("content", ["{", "[]", '"T1"', '{"out_trade_no":"T1",}', "null"])
def test_content_that_is_no_object_is_refused(shop, content):
    node = shop.ask("query", content)

    assert node["sub_code"] in {"isv.illegal-json", "ACQ.INVALID_PARAMETER"}
