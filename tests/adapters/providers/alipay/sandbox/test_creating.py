"""Trades for one payer inside Alipay's app: they exist at once."""

import pytest

PAYER = "2088000000000022"


def creates(shop, number="T1", amount="88.88", **content):
    wanted = {"out_trade_no": number, "total_amount": amount, "subject": "茶"}
    wanted |= {"product_code": "JSAPI_PAY", "op_app_id": "2021000000000009"} | content
    if not wanted.keys() & {"buyer_id", "buyer_open_id"}:
        wanted["buyer_id"] = PAYER
    return shop.ask("create", wanted, notify_url="http://127.0.0.1:9/notify")


def test_the_trade_exists_before_the_payer_opens_it(shop):
    made = creates(shop)

    told = shop.queries()
    assert (told["trade_no"], told["trade_status"]) == (made["trade_no"], "WAIT_BUYER_PAY")
    assert told["buyer_user_id"] == PAYER


def test_the_payer_is_found_by_the_number_the_front_end_hands_over(shop):
    made = creates(shop)

    assert shop.book.order_by_code(made["trade_no"]).provider_order_no == "T1"


def test_the_one_who_pays_is_told_of_as_he_was_asked(shop):
    creates(shop)
    creates(shop, "T2", buyer_open_id="074a1")
    shop.payer("pay")
    shop.payer("pay", "T2")

    by_id, by_open_id = shop.notices()

    assert (by_id["buyer_id"], "buyer_open_id" in by_id) == (PAYER, False)
    assert (by_open_id["buyer_open_id"], "buyer_id" in by_open_id) == ("074a1", False)


def test_the_same_order_again_is_the_same_trade(shop):
    assert creates(shop)["trade_no"] == creates(shop)["trade_no"]
    assert len(shop.book.orders()) == 1


@pytest.mark.parametrize(
    ("other", "sub_code"),
    [
        ({"amount": "1.00"}, "ACQ.CONTEXT_INCONSISTENT"),
        ({"buyer_id": "2088000000000033"}, "ACQ.TRADE_BUYER_NOT_MATCH"),
    ],
)
def test_another_order_under_the_number_is_refused(shop, other, sub_code):
    creates(shop)

    assert creates(shop, **other)["sub_code"] == sub_code


def test_an_order_with_a_code_is_no_trade_for_one_payer(shop):
    shop.orders()

    assert creates(shop)["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


def test_a_paid_order_is_not_created_again(shop):
    creates(shop)
    shop.payer("pay")

    assert creates(shop)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


@pytest.mark.parametrize(
    "wrong",
    [
        {"op_app_id": ""},
        {"buyer_id": ""},
        {"buyer_id": "1088000000000022"},
        {"product_code": "QUICK_WAP_WAY"},
        {"auth_code": "285000000000000000"},
    ],
)
def test_a_wrong_field_is_refused(shop, wrong):
    assert creates(shop, **wrong)["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert not shop.book.orders()


def test_nobody_buys_from_himself(shop):
    assert creates(shop, buyer_id="2088000000000001")["sub_code"] == "ACQ.BUYER_SELLER_EQUAL"


@pytest.mark.parametrize(("product_code", "status"), [
    ("JSAPI_PAY", "WAIT_BUYER_PAY"), ("FACE_TO_FACE_PAYMENT", "TRADE_CLOSED"),
])  # fmt: skip
def test_without_a_deadline_the_product_says_how_long_a_trade_waits(shop, product_code, status):
    creates(shop, product_code=product_code)

    shop.passes(hours=3)

    assert shop.queries()["trade_status"] == status
