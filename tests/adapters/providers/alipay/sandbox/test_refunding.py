"""Giving money back: the idempotency table and what the refund query tells."""

from datetime import timedelta

import pytest

from adapters.providers.sandbox.provider import PayerRefused


@pytest.fixture
def sold(shop):
    shop.sells(amount="20.00")
    return shop


def test_a_part_goes_back_and_the_trade_stays_successful(sold):
    answer = sold.refunds("R1", "5.00")

    assert (answer["fund_change"], answer["refund_fee"]) == ("Y", "5.00")
    assert sold.queries()["trade_status"] == "TRADE_SUCCESS"


def test_refund_fee_is_what_went_back_in_all(sold):
    sold.refunds("R1", "5.00")

    answer = sold.refunds("R2", "7.00")

    assert (answer["refund_fee"], answer["send_back_fee"]) == ("12.00", "7.00")


def test_the_last_part_closes_the_trade(sold):
    sold.refunds("R1", "5.00")
    sold.refunds("R2", "15.00")

    told = sold.queries()

    assert (told["trade_status"], "send_pay_date" in told) == ("TRADE_CLOSED", True)


def test_the_same_refund_again_moves_nothing(sold):
    sold.refunds("R1", "5.00")

    again = sold.refunds("R1", "5.00")

    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "5.00")
    assert [refund.amount for refund in sold.book.refunds()] == [500]


def test_the_last_refund_can_be_repeated_after_it_closed_the_trade(sold):
    sold.refunds("R1", "20.00")

    assert sold.refunds("R1", "20.00")["fund_change"] == "N"


def test_the_same_number_with_another_amount_is_discordant(sold):
    sold.refunds("R1", "5.00")

    assert sold.refunds("R1", "5.01")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"


def test_more_than_was_paid_never_goes_back(sold):
    sold.refunds("R1", "15.00")

    assert sold.refunds("R2", "5.01")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert sum(refund.amount for refund in sold.book.refunds()) == 1500


def test_a_new_refund_after_the_full_one_meets_a_closed_trade(sold):
    sold.refunds("R1", "20.00")

    assert sold.refunds("R2", "1.00")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_a_part_without_a_number_is_refused(sold):
    refusal = sold.ask("refund", {"out_trade_no": "T1", "refund_amount": "5.00"})

    assert refusal["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"


def test_the_whole_without_a_number_goes_under_the_orders_own(sold):
    sold.ask("refund", {"out_trade_no": "T1", "refund_amount": "20.00"})

    assert sold.queries_refund("T1")["refund_status"] == "REFUND_SUCCESS"


def test_an_unpaid_trade_has_nothing_to_give_back(shop):
    shop.orders()
    shop.payer("scan")

    assert shop.refunds("R1", "1.00")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_an_order_nobody_scanned_has_nothing_to_give_back(shop):
    shop.orders()

    assert shop.refunds("R1", "1.00")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize("amount", ["0.00", "1.001", "-1.00", ""])
def test_an_amount_that_is_none_is_refused(sold, amount):
    assert sold.refunds("R1", amount)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_one_number_may_stand_for_refunds_of_two_trades(sold):
    sold.sells("T2", "3.00")
    sold.refunds("R1", "5.00")

    other = {"out_trade_no": "T2", "out_request_no": "R1", "refund_amount": "3.00"}

    assert sold.ask("refund", other)["fund_change"] == "Y"


def test_a_refund_is_told_of_by_its_number(sold):
    sold.refunds("R1", "5.00")
    sold.refunds("R2", "6.00")

    told = sold.queries_refund("R1")

    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "5.00")
    assert (told["total_amount"], told["out_request_no"]) == ("20.00", "R1")
    assert "gmt_refund_pay" not in told


def test_the_moment_of_a_refund_is_told_when_asked_for(sold):
    sold.refunds("R1", "5.00")

    assert "gmt_refund_pay" in sold.queries_refund("R1", query_options=["gmt_refund_pay"])


def test_an_unknown_refund_is_no_error_and_has_no_data(sold):
    assert sold.queries_refund("R9") == {"code": "10000", "msg": "Success"}


def test_a_refund_of_an_unknown_trade_is_an_error(shop):
    assert shop.queries_refund("R1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_the_merchants_own_site_refunds_past_all_systems(sold):
    order = sold.book.order("alipay", "T1")

    sold.alipay.merchant_refunds(order, "site1", 500, "rainy day")

    *_, notice = sold.notices()
    assert (notice["out_biz_no"], notice["refund_fee"]) == ("site1", "5.00")
    assert sold.queries_refund("site1")["refund_reason"] == "rainy day"
    assert sold.refunds("R1", "5.00")["refund_fee"] == "10.00"


@pytest.mark.parametrize(("number", "amount"), [("site2", 2001), ("site1", 1)])
def test_the_site_gives_back_neither_too_much_nor_twice(sold, number, amount):
    sold.alipay.merchant_refunds(sold.book.order("alipay", "T1"), "site1", 500, "")

    with pytest.raises(PayerRefused):
        sold.alipay.merchant_refunds(sold.book.order("alipay", "T1"), number, amount, "")

    assert sum(refund.amount for refund in sold.book.refunds()) == 500


def test_the_site_has_nothing_to_give_back_of_an_order_nobody_opened(shop):
    shop.orders()

    with pytest.raises(PayerRefused):
        shop.alipay.merchant_refunds(shop.book.order("alipay", "T1"), "site1", 1, "")


def test_alipay_has_no_abnormal_refund_to_mend(sold):
    sold.refunds("R1", "5.00")

    with pytest.raises(PayerRefused, match="no abnormal refunds"):
        sold.alipay.merchant_mends(sold.book.refunds()[0], arrives=True)


def test_the_channels_of_a_refund_are_listed_when_asked_for(sold):
    option = {"query_options": ["refund_detail_item_list"]}
    wanted = {"out_trade_no": "T1", "out_request_no": "R1", "refund_amount": "5.00"}

    made = sold.ask("refund", wanted | option)
    told = sold.queries_refund("R1", **option)

    items = [{"amount": "5.00", "fund_channel": "ALIPAYACCOUNT"}]
    assert made["refund_detail_item_list"] == told["refund_detail_item_list"] == items
    assert "refund_detail_item_list" not in sold.queries_refund("R1")


def test_a_refund_asked_about_too_soon_may_not_be_found_yet(open_shop):
    shop = open_shop(refund_shows_after=timedelta(seconds=10))
    shop.sells(amount="20.00")
    shop.refunds("R1", "5.00")

    assert shop.queries_refund("R1") == {"code": "10000", "msg": "Success"}
    shop.passes(seconds=10)
    assert shop.queries_refund("R1")["refund_status"] == "REFUND_SUCCESS"
