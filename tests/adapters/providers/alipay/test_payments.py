"""Orders at Alipay: what each answer means, and what proves nothing."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.providers.alipay.answers import GATEWAY_ANSWERS, ORDER_ANSWERS, Next
from domain.method import ActionType
from domain.money import Money
from domain.outcome import (
    Action,
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
    a_code,
    a_payment,
    a_trade,
    answer,
)

QUESTIONS = pytest.mark.parametrize("question", ["start", "query", "close"])
PAID_AT = datetime(2026, 1, 15, 2, 0, 9, tzinfo=UTC)


def test_the_stored_content_is_sent_every_time(run, account, desk):
    desk.says(a_code())

    run(account.payments.start(a_payment()))
    run(account.payments.start(a_payment()))

    assert desk.asked() == ["alipay.trade.precreate"] * 2
    assert desk.heard[0].content == desk.heard[1].content
    assert desk.contents()[0] == json.loads(a_payment().request)
    assert desk.heard[0].headers["accept-encoding"] == "identity"


def test_a_code_is_shown_for_as_long_as_it_lasts(run, account, desk):
    desk.says(a_code())

    short = run(account.payments.start(a_payment(expires_at=NOW + timedelta(hours=2))))
    long = run(account.payments.start(a_payment(expires_at=NOW + timedelta(hours=3))))

    shown = {"code_url": "https://qr.alipay.com/bax0"}
    assert short == AwaitingPayer(Action(ActionType.SHOW_QR_CODE, shown, None))
    assert long.action.expires_at == NOW + timedelta(hours=2)
    assert short.trace == "T-1 10000"


@pytest.mark.parametrize("made", [a_code(out_trade_no="d1OTHER"), a_code(qr_code="")])
def test_a_code_that_is_not_this_orders_is_unknown(run, account, desk, made):
    desk.says(made)

    assert isinstance(run(account.payments.start(a_payment())), Unknown)


LINE_FAULTS = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("silent"),
    httpx.ReadError("cut"),
]


@pytest.mark.parametrize("fault", LINE_FAULTS, ids=lambda fault: type(fault).__name__)
@QUESTIONS
def test_a_broken_line_tells_us_nothing(run, account, desk, question, fault):
    desk.breaks(fault)

    outcome = run(getattr(account.payments, question)(a_payment()))

    assert isinstance(outcome, Unknown)
    assert type(fault).__name__ in outcome.reason


@pytest.mark.parametrize("owner", [None, "somebody"])
@pytest.mark.parametrize(
    ("question", "node"),
    [
        ("start", a_code()),
        ("start", {"code": "40004", "sub_code": "ACQ.INVALID_PARAMETER"}),
        ("start", {"code": "40002", "sub_code": "isv.invalid-app-id"}),
        ("query", a_trade()),
        ("query", a_trade("TRADE_CLOSED")),
        ("query", {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}),
        ("close", {"code": "10000", "out_trade_no": ORDER_NO}),
    ],
)
def test_what_alipay_did_not_sign_is_unknown(run, account, desk, question, node, owner):
    desk.says(node, owner=owner)

    assert isinstance(run(getattr(account.payments, question)(a_payment())), Unknown)


@pytest.mark.parametrize("status", [301, 404, 500, 502])
@QUESTIONS
def test_a_gateway_out_of_order_is_unknown(run, account, desk, question, status):
    desk.says(a_trade(), status=status)

    assert isinstance(run(getattr(account.payments, question)(a_payment())), Unknown)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"\xff", b'{"error_response":7}'])
@QUESTIONS
def test_an_unreadable_answer_is_unknown(run, account, desk, question, body):
    desk.says(body)

    assert isinstance(run(getattr(account.payments, question)(a_payment())), Unknown)


def test_a_forged_node_beside_the_signed_one_is_unknown(run, account, desk):
    genuine = answer("alipay.trade.query", {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"})
    forged = answer("alipay.trade.query", a_trade(), owner=None)

    desk.says(forged[:-1] + b"," + genuine[1:]).says(genuine[:-1] + b"," + forged[1:])

    assert isinstance(run(account.payments.query(a_payment())), Unknown)
    assert isinstance(run(account.payments.query(a_payment())), Unknown)


def test_every_order_code_has_a_consequence_at_the_precreate(run, account, desk):
    seen = set()
    for code, step in ORDER_ANSWERS.items():
        desk.script.clear()
        desk.refuses(f"ACQ.{code}").refuses("ACQ.TRADE_NOT_EXIST")

        outcome = run(account.payments.start(a_payment()))

        seen.add(step)
        if step in (Next.REFUSED, Next.REFUSED_FOR_NOW, Next.TAKE_BACK):
            assert isinstance(outcome, Declined), code
            assert outcome.failure.provider_code == f"ACQ.{code}"
            assert outcome.failure.retryable is (step is not Next.REFUSED)
        else:
            assert isinstance(outcome, Unknown), code
    assert seen == {*Next} - {Next.DONE, Next.LATER}


LIMITS = [("40005", "isv.app-call-limited"), ("40002", "isv.method-call-limited")]


@pytest.mark.parametrize(("code", "sub_code"), LIMITS)
@QUESTIONS
def test_too_many_calls_are_followed_by_silence(run, account, desk, question, code, sub_code):
    desk.refuses(sub_code, code=code)

    outcome = run(getattr(account.payments, question)(a_payment()))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=5)
    assert len(desk.heard) == 1


@pytest.mark.parametrize(
    ("status", "told", "quiet"),
    [
        (429, None, 5),
        (429, "7", 7),
        (503, "120", 120),
        (429, "0", 1),
        (429, "999999999999", 900),
        (429, "soon", 5),
        (429, "Wed, 01 Jan 2020 00:00:00 GMT", 1),
        (502, None, None),
    ],
)
def test_a_gateway_says_how_long_it_wants_silence(run, account, desk, status, told, quiet):
    desk.headers.update({"Retry-After": told} if told else {})
    desk.says(b"busy", status=status)

    outcome = run(account.payments.query(a_payment()))

    assert outcome.retry_after == (None if quiet is None else timedelta(seconds=quiet))


def test_one_orders_trouble_silences_nobody(run, account, desk):
    desk.refuses("ACQ.SYSTEM_ERROR").refuses("isp.unknow-error", code="20000")

    for _ in range(2):
        assert run(account.payments.query(a_payment())).retry_after is None


@pytest.mark.parametrize("code", [*GATEWAY_ANSWERS, "99999"])
def test_every_gateway_code_has_a_consequence_at_the_precreate(run, account, desk, code):
    desk.says(a_code(code=code, sub_code="isv.something")).refuses("ACQ.TRADE_NOT_EXIST")

    outcome = run(account.payments.start(a_payment()))

    expected = {Next.DONE: AwaitingPayer, Next.REFUSED_FOR_NOW: Declined}
    assert isinstance(outcome, expected.get(GATEWAY_ANSWERS.get(code), Unknown))  # type: ignore[arg-type] # no code, no row


@pytest.mark.parametrize(
    "code", ["TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "CONTEXT_INCONSISTENT", "TRADE_STATUS_ERROR"]
)
@pytest.mark.parametrize(
    ("status", "expected"),
    [("TRADE_SUCCESS", Paid), ("TRADE_CLOSED", Closed), ("WAIT_BUYER_PAY", AwaitingPayer)],
)
def test_a_number_in_use_is_asked_about(run, account, desk, code, status, expected):
    desk.refuses(f"ACQ.{code}").says(a_trade(status))

    assert isinstance(run(account.payments.start(a_payment())), expected)
    assert desk.asked()[1] == "alipay.trade.query"


@pytest.mark.parametrize(
    "spelling", ["ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR"]
)
def test_a_system_error_is_unknown_in_every_spelling(run, account, desk, spelling):
    desk.refuses(spelling)

    assert isinstance(run(account.payments.start(a_payment())), Unknown)


def test_a_refused_repetition_leaves_the_code_that_the_payer_has(run, account, desk):
    desk.refuses("ACQ.INVALID_PARAMETER")
    shown = a_payment(action=Action(ActionType.SHOW_QR_CODE, {"code_url": "…"}))

    assert isinstance(run(account.payments.start(shown)), Unknown)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_paid_order_brings_its_proof(run, account, desk, status):
    desk.says(a_trade(status))

    paid = run(account.payments.query(a_payment()))

    assert paid == Paid(
        provider_transaction_id=TRADE_NO,
        amount=Money(8888),
        paid_at=PAID_AT,
        payee=Payee(None, None),
        payer="2088000000000011",
        payer_amount=Money(8000),
        settled_amount=Money(8800),
    )
    assert desk.contents() == [{"out_trade_no": ORDER_NO}]


@pytest.mark.parametrize(
    ("proof", "paid_at"),
    [
        ({"send_pay_date": "2026-01-15 10:00:09"}, PAID_AT),
        ({"buyer_pay_amount": "88.88"}, NOW),
    ],
)
def test_a_closed_order_that_was_paid_is_paid(run, account, desk, proof, paid_at):
    desk.says(a_trade("TRADE_CLOSED", **proof))

    paid = run(account.payments.query(a_payment()))

    assert isinstance(paid, Paid)
    assert paid.paid_at == paid_at
    assert paid.returned


@pytest.mark.parametrize(
    ("status", "expected"), [("WAIT_BUYER_PAY", AwaitingPayer()), ("TRADE_CLOSED", Closed())]
)
def test_every_unpaid_state_has_its_meaning(run, account, desk, status, expected):
    desk.says(a_trade(status))

    assert run(account.payments.query(a_payment())) == expected


def test_an_order_that_nobody_scanned_is_not_found(run, account, desk):
    desk.refuses("ACQ.TRADE_NOT_EXIST")

    outcome = run(account.payments.query(a_payment()))

    assert outcome == NotFound()
    assert outcome.trace == "T-1 40004 ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize(
    "trade",
    [
        a_trade("TRADE_TRANSCENDED"),
        a_trade(out_trade_no="d1SOMEBODYELSES"),
        a_trade(trade_no=""),
        a_trade(send_pay_date=""),
        a_trade(send_pay_date="yesterday"),
        a_trade(send_pay_date="2026-13-45 10:00:00"),
        a_trade(send_pay_date="0001-01-01 00:00:00"),
        a_trade(send_pay_date="2026-01-15 10:00:09+00:00"),
        a_trade(total_amount="88.888"),
        a_trade(total_amount="NaN"),
        a_trade(total_amount="1e9"),
        a_trade(total_amount="-88.88"),
        a_trade(total_amount="８８.88"),
        a_trade(total_amount="88.88\n"),
        a_trade(total_amount=88.88),
        a_trade(buyer_pay_amount="sNaN"),
        a_trade(receipt_amount="1e999999999999999999"),
        {k: v for k, v in a_trade().items() if k != "trade_no"},
        {k: v for k, v in a_trade().items() if k != "trade_status"},
    ],
)
def test_an_order_that_makes_no_sense_is_unknown(run, account, desk, trade):
    desk.says(trade)

    assert isinstance(run(account.payments.query(a_payment())), Unknown)


@pytest.mark.parametrize("code", ["ACQ.SYSTEM_ERROR", "ACQ.INVALID_PARAMETER", "ACQ.TEAPOT", ""])
def test_a_refused_query_is_unknown(run, account, desk, code):
    desk.refuses(code)

    assert isinstance(run(account.payments.query(a_payment())), Unknown)


def test_a_close_that_alipay_confirms_is_closed(run, account, desk):
    desk.says({"code": "10000", "out_trade_no": ORDER_NO, "trade_no": TRADE_NO})

    assert run(account.payments.close(a_payment())) == Closed()
    assert desk.asked() == ["alipay.trade.close"]
    assert desk.contents() == [{"out_trade_no": ORDER_NO}]


@pytest.mark.parametrize(
    "said",
    [
        {"code": "40004", "sub_code": "ACQ.TRADE_STATUS_ERROR"},
        {"code": "40004", "sub_code": "ACQ.REASON_TRADE_STATUS_INVALID"},
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "10000", "out_trade_no": "d1OTHER"},
        {"code": "10000"},
    ],
)
@pytest.mark.parametrize(
    ("status", "expected"),
    [("TRADE_CLOSED", Closed), ("WAIT_BUYER_PAY", AwaitingPayer), ("TRADE_SUCCESS", Paid)],
)
def test_any_other_answer_to_a_close_is_settled_by_a_query(
    run, account, desk, said, status, expected
):
    desk.says(said).says(a_trade(status))

    assert isinstance(run(account.payments.close(a_payment())), expected)
    assert desk.asked() == ["alipay.trade.close", "alipay.trade.query"]


def test_a_code_that_nobody_scanned_cannot_be_closed(run, account, desk):
    desk.refuses("ACQ.TRADE_NOT_EXIST")

    assert run(account.payments.close(a_payment())) == NotFound()
