"""Closing and cancelling, before and after the payer was there."""

import pytest

from adapters.providers.sandbox.faults import Fault


def closes(shop):
    return shop.ask("close", {"out_trade_no": "T1"})


def cancels(shop):
    return shop.ask("cancel", {"out_trade_no": "T1"})


def test_what_nobody_scanned_cannot_be_closed_and_stays_payable(shop):
    shop.orders()

    assert closes(shop)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    shop.payer("pay")
    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


def test_a_waiting_trade_is_closed_for_its_payer_too(shop):
    shop.orders()
    shop.payer("scan")

    closed = closes(shop)

    assert (closed["code"], closed["out_trade_no"]) == ("10000", "T1")
    assert closed["trade_no"] == shop.queries()["trade_no"]
    assert shop.queries()["trade_status"] == "TRADE_CLOSED"
    with pytest.raises(Exception, match="Closed"):
        shop.payer("pay")


def test_a_paid_trade_is_not_closed(shop):
    shop.sells()

    assert closes(shop)["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert shop.queries()["trade_status"] == "TRADE_SUCCESS"


def test_which_code_refuses_a_close_can_be_switched(open_shop):
    shop = open_shop(not_closable="ACQ.REASON_TRADE_STATUS_INVALID")
    shop.sells()

    assert closes(shop)["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"


def test_cancelling_what_does_not_exist_does_nothing_and_says_so(shop):
    shop.orders()

    answer = cancels(shop)

    assert (answer["code"], answer["retry_flag"], "action" in answer) == ("10000", "N", False)
    shop.payer("pay")


def test_cancelling_may_kill_the_code_nobody_scanned(open_shop):
    shop = open_shop(cancel_kills_code=True)
    shop.orders()

    cancels(shop)

    with pytest.raises(Exception, match="expired"):
        shop.payer("pay")


def test_cancelling_a_waiting_trade_closes_it(shop):
    shop.orders()
    shop.payer("scan")

    assert (cancels(shop)["action"], cancels(shop)["action"]) == ("close", "close")
    assert shop.queries()["trade_status"] == "TRADE_CLOSED"


def test_cancelling_a_paid_trade_gives_everything_back_once(shop):
    shop.sells(amount="88.88")

    assert (cancels(shop)["action"], cancels(shop)["action"]) == ("refund", "refund")
    assert [refund.amount for refund in shop.book.refunds()] == [8888]
    assert shop.queries()["trade_status"] == "TRADE_CLOSED"


def test_a_partly_refunded_trade_is_not_cancelled(shop):
    shop.sells()
    shop.refunds("R1", "1.00")

    assert cancels(shop)["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"


def test_a_day_later_a_paid_trade_is_refunded_not_cancelled(shop):
    shop.sells()
    shop.passes(hours=24)

    assert cancels(shop)["sub_code"] == "ACQ.TRADE_CANCEL_TIME_OUT"


@pytest.mark.parametrize("effect", [False, True])
def test_a_cancel_may_have_to_be_called_again(shop, effect):
    shop.sells()
    flaw = Fault(kind="retry_flag", operation="reverse", effect=effect)

    first = shop.ask("cancel", {"out_trade_no": "T1"}, struck={"retry_flag": flaw})

    assert (first["code"], first["retry_flag"]) == ("10000", "Y")
    assert len(shop.book.refunds()) == effect
    assert (cancels(shop)["action"], cancels(shop)["retry_flag"]) == ("refund", "N")
    assert len(shop.book.refunds()) == 1
