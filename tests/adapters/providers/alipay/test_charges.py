"""Charging the code that the payer shows: once, and taken back until that is certain."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.providers.alipay.answers import (
    CANCEL_REFUSALS,
    GATEWAY_ANSWERS,
    ORDER_ANSWERS,
    Next,
)
from domain.money import Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    NotFound,
    Paid,
    Payee,
    Unknown,
)
from tests.adapters.providers.alipay.desk import (
    NOW,
    ORDER_NO,
    TRADE_NO,
    a_charge,
    a_trade,
    cancelled,
    charged,
    config,
)

PAY, CANCEL, QUERY = "alipay.trade.pay", "alipay.trade.cancel", "alipay.trade.query"


def test_a_charge_that_goes_through_is_paid(run, account, desk):
    desk.says(charged())

    paid = run(account.payments.start(a_charge()))

    assert paid == Paid(
        provider_transaction_id=TRADE_NO,
        amount=Money(8888),
        paid_at=datetime(2026, 1, 15, 2, 0, 9, tzinfo=UTC),
        payee=Payee(None, None),
        payer="2088000000000011",
        payer_amount=Money(8000),
        settled_amount=Money(8800),
    )
    assert desk.asked() == [PAY]
    assert desk.heard[0].url.params["notify_url"] == config().notify_url
    assert desk.contents() == [{"stored": "content, a+b &c"}]


def test_a_payer_who_types_a_password_is_awaited(run, account, desk):
    desk.refuses("ACQ.USER_CONFIRM", code="10003")

    assert run(account.payments.start(a_charge())) == AwaitingPayer()
    assert desk.asked() == [PAY]


@pytest.mark.parametrize(
    "node",
    [
        charged(out_trade_no="d1OTHER"),
        charged(total_amount="88.888"),
        charged(trade_no=""),
        charged(gmt_payment=""),
        charged(gmt_payment="soon"),
        {"code": "10000"},
        {"code": "20000", "sub_code": "isp.unknow-error"},
        {"code": "99999"},
    ],
)
def test_a_charge_that_makes_no_sense_is_unknown_and_not_repeated(run, account, desk, node):
    desk.says(node)

    assert isinstance(run(account.payments.start(a_charge())), Unknown)
    assert desk.asked() == [PAY]


@pytest.mark.parametrize("owner", [None, "somebody"])
@pytest.mark.parametrize(
    "node", [charged(), {"code": "10003"}, {"code": "40004", "sub_code": "ACQ.INVALID_PARAMETER"}]
)
def test_what_alipay_did_not_sign_says_nothing_of_a_charge(run, account, desk, node, owner):
    desk.says(node, owner=owner)

    assert isinstance(run(account.payments.start(a_charge())), Unknown)
    assert desk.asked() == [PAY]


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ReadTimeout("silent"), httpx.ReadError("cut")]
)
def test_a_charge_on_a_broken_line_is_sent_once(run, account, desk, fault):
    desk.breaks(fault)

    assert isinstance(run(account.payments.start(a_charge())), Unknown)
    assert desk.asked() == [PAY]


@pytest.mark.parametrize("code", ORDER_ANSWERS)
def test_every_order_code_has_a_consequence_at_the_till(run, account, desk, code):
    step = ORDER_ANSWERS[code]
    nothing_there = cancelled(None)
    answers = {Next.TAKE_BACK: [nothing_there]}
    desk.refuses(f"ACQ.{code}")
    for each in answers.get(step, []):
        desk.says(each)
    desk.refuses("ACQ.TRADE_NOT_EXIST")

    outcome = run(account.payments.start(a_charge()))

    if step in (Next.REFUSED, Next.REFUSED_FOR_NOW, Next.TAKE_BACK):
        assert isinstance(outcome, Declined)
        assert outcome.failure.provider_code == f"ACQ.{code}"
        assert outcome.failure.retryable is (step is not Next.REFUSED)
    else:
        assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("code", [c for c in GATEWAY_ANSWERS if c not in ("10000", "10003")])
def test_what_the_gateway_refuses_was_not_charged(run, account, desk, code):
    desk.refuses("isv.something", code=code)

    outcome = run(account.payments.start(a_charge()))

    refused = GATEWAY_ANSWERS[code] is Next.REFUSED_FOR_NOW
    assert isinstance(outcome, Declined if refused else Unknown)


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("PAYMENT_AUTH_CODE_INVALID", True),
        ("BUYER_BALANCE_NOT_ENOUGH", True),
        ("BUYER_ENABLE_STATUS_FORBID", False),
        ("TOTAL_FEE_EXCEED", False),
    ],
)
def test_a_declined_payer_is_told_whether_another_try_may_do(run, account, desk, code, retryable):
    desk.refuses(f"ACQ.{code}").says(cancelled("close"))

    assert run(account.payments.start(a_charge())).failure.retryable is retryable


@pytest.mark.parametrize(
    "code", ["TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "CONTEXT_INCONSISTENT", "PAYMENT_FAIL"]
)
@pytest.mark.parametrize(
    ("status", "expected"),
    [("TRADE_SUCCESS", Paid), ("TRADE_CLOSED", Closed), ("WAIT_BUYER_PAY", AwaitingPayer)],
)
def test_of_a_number_in_use_a_query_tells(run, account, desk, code, status, expected):
    desk.refuses(f"ACQ.{code}").says(a_trade(status))

    assert isinstance(run(account.payments.start(a_charge())), expected)
    assert desk.asked() == [PAY, QUERY]


def test_what_a_payer_without_money_left_open_is_closed_first(run, account, desk):
    desk.refuses("ACQ.BUYER_BALANCE_NOT_ENOUGH").says(cancelled("close"))

    assert isinstance(run(account.payments.start(a_charge())), Declined)
    assert desk.asked() == [PAY, CANCEL]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([cancelled(None, "Y")], Unknown),
        ([cancelled("refund")], Closed),
        ([{"code": "20000"}, {"code": "20000"}], Unknown),
        ([{"code": "20000"}, a_trade()], Unknown),
        ([{"code": "40004", "sub_code": "ACQ.CANCEL_NOT_ALLOWED"}, a_trade()], Paid),
        ([{"code": "20000"}, a_trade("WAIT_BUYER_PAY")], AwaitingPayer),
    ],
)
def test_while_it_may_be_open_a_payer_without_money_has_not_failed(
    run, account, desk, said, expected
):
    desk.refuses("ACQ.BUYER_BALANCE_NOT_ENOUGH")
    for each in said:
        desk.says(each)

    assert isinstance(run(account.payments.start(a_charge())), expected)


# Taking it back


@pytest.mark.parametrize(
    ("action", "expected"), [("close", Closed()), ("refund", Closed(reversed=True))]
)
def test_a_cancel_tells_whether_money_went_back(run, account, desk, action, expected):
    desk.says(cancelled(action))

    assert run(account.payments.close(a_charge())) == expected
    assert desk.asked() == [CANCEL]
    assert desk.contents() == [{"out_trade_no": ORDER_NO}]


@pytest.mark.parametrize("action", ["close", "refund", None])
def test_a_cancel_to_be_repeated_says_nothing(run, account, desk, action):
    desk.says(cancelled(action, "Y"))

    assert isinstance(run(account.payments.close(a_charge())), Unknown)


ABSENT = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}

UNCLEAR = [
    cancelled("something"),
    cancelled("close", out_trade_no="d1OTHER"),
    {"code": "10000"},
    {"code": "20000"},
    {"code": "40004", "sub_code": "AQC.SYSTEM_ERROR"},
    {"code": "40004", "sub_code": "ACQ.TEAPOT"},
]
REFUSED = [{"code": "40004", "sub_code": f"ACQ.{code}"} for code in sorted(CANCEL_REFUSALS)]
REFUSED += [{"code": "40006", "sub_code": "isv.insufficient-isv-permissions"}, cancelled(None)]


@pytest.mark.parametrize("said", [*UNCLEAR, *REFUSED])
@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (a_trade("TRADE_CLOSED"), Closed),
        (a_trade("TRADE_CLOSED", send_pay_date="2026-01-15 10:00:09"), Paid),
        (a_trade("WAIT_BUYER_PAY"), AwaitingPayer),
        (ABSENT, NotFound),
        ({"code": "20000"}, Unknown),
    ],
)
def test_after_any_other_answer_a_query_tells(run, account, desk, said, there, expected):
    desk.says(said).says(there)

    assert isinstance(run(account.payments.close(a_charge())), expected)
    assert desk.asked() == [CANCEL, QUERY]


@pytest.mark.parametrize("said", REFUSED)
def test_what_can_certainly_not_be_taken_back_is_paid(run, account, desk, said):
    desk.says(said).says(a_trade())

    assert isinstance(run(account.payments.close(a_charge())), Paid)


@pytest.mark.parametrize("said", UNCLEAR)
def test_money_that_may_yet_go_back_is_no_success(run, account, desk, said):
    desk.says(said).says(a_trade())

    assert isinstance(run(account.payments.close(a_charge())), Unknown)


@pytest.mark.parametrize("owner", [None, "somebody"])
def test_a_cancel_that_alipay_did_not_sign_took_nothing_back(run, account, desk, owner):
    desk.says(cancelled("close"), owner=owner)

    assert isinstance(run(account.payments.close(a_charge())), Unknown)


def test_a_cancel_on_a_broken_line_is_unknown(run, account, desk):
    desk.breaks(httpx.ReadError("cut"))

    assert isinstance(run(account.payments.close(a_charge())), Unknown)
    assert desk.asked() == [CANCEL]


def test_our_own_lost_cancel_is_no_refund_of_somebody_else(run, account, desk):
    """The answer to the cancel was cut; the trade tells that the money went back."""
    desk.says(cancelled(None)).says(a_trade("TRADE_CLOSED", send_pay_date="2026-01-15 10:00:09"))
    charge = a_charge()

    charge.learn(run(account.payments.close(charge)), at=NOW + timedelta(minutes=1))

    assert (charge.status, charge.reversed) == ("closed", True)
