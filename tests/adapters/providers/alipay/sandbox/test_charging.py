"""Charging the code a payer shows: paid, asked for the password, declined, once and no more."""

import pytest

#: What the last two digits say of the wallet behind a code is the shared simulator's rule.
PAYS, ASKS = "285000000000000000", "285000000000000001"
NO_BALANCE, STALE, REFUSED = "285000000000000002", "285000000000000003", "285000000000000004"


def charges(shop, auth_code=PAYS, number="T1", amount="88.88", **content):
    wanted = {"out_trade_no": number, "total_amount": amount, "subject": "茶"}
    wanted |= {"auth_code": auth_code, "scene": "bar_code", **content}
    return shop.ask("pay", wanted, notify_url="http://127.0.0.1:9/notify")


def cancels(shop, **faults):
    return shop.ask("cancel", {"out_trade_no": "T1"}, **faults)


def test_a_wallet_with_money_pays_at_once(shop):
    answer = charges(shop)

    assert (answer["code"], answer["total_amount"]) == ("10000", "88.88")
    assert answer["fund_bill_list"] == [{"amount": "88.88", "fund_channel": "ALIPAYACCOUNT"}]
    assert "gmt_payment" in answer
    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


def test_the_success_of_a_charge_is_told_of_too_unless_switched_off(shop, open_shop):
    silent = open_shop(notifies_charge=False)
    for each in (shop, silent):
        charges(each)

    assert [notice["trade_status"] for notice in shop.notices()] == ["TRADE_SUCCESS"]
    assert not silent.notices()


@pytest.mark.parametrize("action", ["pay", "password"])
def test_a_wallet_may_ask_for_the_password_first(shop, action):
    answer = charges(shop, ASKS)

    assert (answer["code"], answer["msg"]) == ("10003", "order success pay inprocess")
    assert "sub_code" not in answer
    assert shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    shop.payer(action)
    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize(("amount", "code"), [("1000.00", "10000"), ("1000.01", "10003")])
def test_much_money_asks_for_the_password(shop, amount, code):
    assert charges(shop, amount=amount)["code"] == code


def test_no_amount_asks_for_the_password_when_the_rule_is_off(open_shop):
    assert charges(open_shop(password_above_fen=None), amount="5000.00")["code"] == "10000"


def test_who_never_gives_the_password_has_not_paid_in_the_end(shop):
    charges(shop, ASKS, timeout_express="5m")
    shop.payer("scan")

    shop.passes(minutes=5)

    assert shop.queries()["trade_status"] == "TRADE_CLOSED"


@pytest.mark.parametrize(
    ("auth_code", "sub_code"),
    [
        (NO_BALANCE, "ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        (STALE, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
        (REFUSED, "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH"),
        ("135000000000000000", "ACQ.PAYMENT_AUTH_CODE_INVALID"),  # of WeChat Pay
        ("2850000000000", "ACQ.PAYMENT_AUTH_CODE_INVALID"),
        ("fp12", "ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ],
)
def test_a_wallet_that_does_not_pay_says_why_and_leaves_nothing(shop, auth_code, sub_code):
    refusal = charges(shop, auth_code)

    assert (refusal["code"], refusal["sub_code"]) == ("40004", sub_code)
    assert (refusal["receipt_amount"], refusal["out_trade_no"]) == ("0.00", "T1")
    assert not shop.book.orders()


def test_a_declined_charge_may_leave_a_trade_to_be_cancelled(open_shop):
    shop = open_shop(declined_leaves_trade=True)
    charges(shop, NO_BALANCE)

    assert shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    assert cancels(shop)["action"] == "close"


def test_a_face_is_a_code_too(shop):
    assert charges(shop, "fp" + "0" * 33)["code"] == "10000"


def test_a_code_is_used_once(shop):
    charges(shop)

    assert charges(shop, number="T2")["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert len(shop.book.orders()) == 1


def test_the_same_number_never_charges_twice(shop):
    charges(shop)

    assert charges(shop)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    assert charges(shop, "285000000000000099")["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    assert [order.charges for order in shop.book.orders()] == [1]


def test_a_repeated_charge_may_be_called_in_process_though_it_was_paid(open_shop):
    shop = open_shop(repeated_charge_in_process=True)
    charges(shop)

    assert charges(shop)["code"] == "10003"
    assert [order.charges for order in shop.book.orders()] == [1]


def test_the_same_charge_goes_on_waiting_for_the_password(shop):
    first, again = charges(shop, ASKS), charges(shop, ASKS)

    assert (again["code"], again["trade_no"]) == ("10003", first["trade_no"])


@pytest.mark.parametrize("other", [{"amount": "1.00"}, {"auth_code": PAYS}])
def test_a_waiting_charge_is_not_another_one(shop, other):
    charges(shop, ASKS)

    assert charges(shop, **({"auth_code": ASKS} | other))["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


def test_a_cancelled_charge_is_over(shop):
    charges(shop, ASKS)

    assert cancels(shop)["action"] == "close"
    assert charges(shop, ASKS)["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_cancelling_a_charge_that_never_arrived_does_nothing(shop):
    answer = cancels(shop)

    assert (answer["retry_flag"], "action" in answer) == ("N", False)


def test_a_merchant_charges_nobody_for_another(shop):
    assert charges(shop, seller_id="2088999999999999")["sub_code"] == "ACQ.SELLER_NOT_EXIST"
