"""Asking for a code, again, and letting its time run out."""

import pytest


def test_before_the_scan_there_is_no_trade(shop):
    order = shop.orders()

    assert order["code"] == "10000"
    assert order["qr_code"].startswith("https://qr.alipay.com/")
    assert shop.queries()["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_the_scan_brings_the_trade_into_being(shop):
    shop.orders()

    shop.payer("scan")

    told = shop.queries()
    assert (told["trade_status"], told["buyer_pay_amount"]) == ("WAIT_BUYER_PAY", "0.00")
    assert len(told["trade_no"]) == 28
    assert "send_pay_date" not in told


def test_a_paid_trade_tells_what_came_in_and_when(shop):
    shop.sells(amount="88.88")

    told = shop.queries()

    assert told["trade_status"] == "TRADE_SUCCESS"
    assert told["total_amount"] == told["buyer_pay_amount"] == told["receipt_amount"] == "88.88"
    assert told["send_pay_date"] == shop.china_time()
    assert shop.book.order("alipay", "T1").charges == 1


def test_the_trade_can_be_asked_for_by_alipays_number_which_wins(shop):
    shop.sells()
    shop.orders("T2")
    trade_no = shop.queries()["trade_no"]

    told = shop.ask("query", {"trade_no": trade_no, "out_trade_no": "T2"})

    assert told["out_trade_no"] == "T1"


def test_nobody_pays_twice(shop):
    shop.sells()

    with pytest.raises(Exception, match="Already paid"):
        shop.payer("pay")

    assert shop.book.order("alipay", "T1").charges == 1


@pytest.mark.parametrize("action", ["decline", "password"])
def test_a_payer_who_hesitates_leaves_the_trade_waiting(shop, action):
    shop.orders()

    shop.payer(action)

    assert shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    shop.payer("pay")
    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


def test_the_same_order_again_gets_the_same_code(shop):
    first = shop.orders()

    assert shop.orders()["qr_code"] == first["qr_code"]
    assert len(shop.book.orders()) == 1


def test_the_same_order_again_is_refused_under_the_documented_rule(open_shop):
    shop = open_shop(repeats_the_code=False)
    shop.orders()

    assert shop.orders()["sub_code"] == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"


@pytest.mark.parametrize("other", [{"amount": "88.87"}, {"subject": "咖啡"}])
def test_the_same_number_for_another_order_is_refused(shop, other):
    shop.orders()

    assert shop.orders(**other)["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


def test_a_paid_order_gets_no_new_code(shop):
    shop.sells()

    assert shop.orders()["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


def test_a_closed_order_gets_no_new_code(shop):
    shop.orders()
    shop.payer("scan")
    shop.payer("expire")

    assert shop.orders()["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_an_unscanned_code_dies_after_two_hours(shop):
    first = shop.orders()
    shop.passes(hours=2)

    with pytest.raises(Exception, match="expired"):
        shop.payer("pay")

    assert shop.queries()["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert shop.orders()["qr_code"] != first["qr_code"]


def test_a_code_may_ask_for_a_shorter_life_than_its_order(shop):
    shop.orders(qr_code_timeout_express="10m")
    shop.passes(minutes=10)

    with pytest.raises(Exception, match="expired"):
        shop.payer("scan")


def test_at_its_very_deadline_a_trade_is_over(shop):
    shop.orders(timeout_express="5m")
    shop.payer("scan")

    shop.passes(minutes=5)

    assert shop.queries()["trade_status"] == "TRADE_CLOSED"


def test_a_code_dies_with_its_order(shop):
    shop.orders(timeout_express="5m")
    shop.passes(minutes=5)

    with pytest.raises(Exception, match="expired"):
        shop.payer("scan")


def test_a_scanned_trade_outlives_its_code_and_closes_at_its_own_deadline(shop):
    shop.orders()
    shop.passes(minutes=119)
    shop.payer("scan")

    shop.passes(minutes=60)
    assert shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    shop.passes(minutes=1)

    told = shop.queries()
    assert told["trade_status"] == "TRADE_CLOSED"
    assert (told["buyer_pay_amount"], "send_pay_date" in told) == ("0.00", False)


def test_the_absolute_deadline_wins_over_the_relative_one(shop):
    shop.orders(time_expire=shop.china_time(minutes=10), timeout_express="1d")
    shop.payer("scan")
    shop.passes(minutes=11)

    assert shop.queries()["trade_status"] == "TRADE_CLOSED"


def test_a_payer_in_time_beats_the_deadline(shop):
    shop.orders(timeout_express="5m")
    shop.passes(minutes=4)
    shop.payer("pay")
    shop.passes(days=1)

    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


def test_after_the_refund_window_the_trade_is_finished(shop):
    shop.sells()
    shop.passes(days=366)

    assert shop.queries()["trade_status"] == "TRADE_FINISHED"
    assert shop.refunds("R1", "1.00")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


def rename(wrong):
    """The shop calls number and amount by shorter names."""
    short = {"out_trade_no": "number", "total_amount": "amount"}
    return {short.get(name, name): value for name, value in wrong.items()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": "0.00"},
        {"total_amount": "1.001"},
        {"total_amount": "100000000.01"},
        {"total_amount": "1e2"},
        {"total_amount": "-1.00"},
        {"total_amount": "１.00"},
        {"subject": "a/b"},
        {"subject": ""},
        {"out_trade_no": "T 1"},
        {"out_trade_no": "x" * 65},
        {"timeout_express": "1.5h"},
        {"timeout_express": "16d"},
        {"timeout_express": "0m"},
        {"time_expire": "2026-01-15T10:00:00"},
        {"openid": "undocumented"},
        {"business_params": '{"mc_create_trade_ip":"203.0.113.9"}'},  # text is for links
        {"product_code": "QUICK_WAP_WAY"},
    ],
)
def test_a_wrong_field_is_refused_and_nothing_is_ordered(shop, wrong):
    refusal = shop.orders(**({"number": "T1", "amount": "1.00"} | rename(wrong)))

    assert refusal["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert not shop.book.orders()


@pytest.mark.parametrize("ahead", [{"days": 16}, {"seconds": 20}])
def test_a_deadline_too_near_or_too_far_is_refused(shop, ahead):
    assert shop.orders(time_expire=shop.china_time(**ahead))["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("url", ["ftp://shop.example/n", "shop.example/n", "http://" + "x" * 250])
def test_an_address_nobody_can_be_told_at_is_refused(shop, url):
    wanted = {"out_trade_no": "T1", "total_amount": "1.00", "subject": "茶"}

    refusal = shop.ask("precreate", wanted, notify_url=url)

    assert refusal["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("number", ["out_trade_no", "total_amount", "subject"])
def test_a_missing_field_is_refused_by_name(shop, number):
    wanted = {"out_trade_no": "T1", "total_amount": "1.00", "subject": "茶"}
    del wanted[number]

    refusal = shop.ask("precreate", wanted)

    assert refusal["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert number in refusal["sub_msg"]


def test_a_deadline_that_has_passed_is_refused(shop):
    refusal = shop.orders(time_expire=shop.china_time(minutes=-1))

    assert refusal["sub_code"] == "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"


def test_an_order_for_another_seller_is_refused(shop):
    assert shop.orders(seller_id="2088999999999999")["sub_code"] == "ACQ.SELLER_NOT_EXIST"


@pytest.mark.parametrize("express", ["5m", "1h", "15d", "1c"])
def test_every_documented_relative_deadline_is_taken(shop, express):
    assert shop.orders(timeout_express=express)["code"] == "10000"


def test_a_payers_address_is_told_as_an_object(shop):
    assert shop.orders(business_params={"mc_create_trade_ip": "203.0.113.9"})["code"] == "10000"


def test_undocumented_fields_pass_when_the_rule_is_off(open_shop):
    shop = open_shop(refuses_unknown_fields=False)

    assert shop.orders(openid="undocumented")["code"] == "10000"
