"""Too often: nothing was done, and the whole account leaves WeChat Pay alone for so long."""

import time
from datetime import timedelta
from email.utils import formatdate

import pytest

from domain.method import Method
from domain.outcome import Unknown
from tests.adapters.providers.wechat_pay.desk import a_payment, a_refund

LIMITED = (429, {"code": "FREQUENCY_LIMITED", "message": "频率超限"})
UNSIGNED: dict[str, str] = {}

QUESTIONS = {
    "start": lambda account: account.payments.start(a_payment()),
    "charge": lambda account: account.payments.start(a_payment(method=Method.WECHAT_CODE)),
    "query": lambda account: account.payments.query(a_payment()),
    "close": lambda account: account.payments.close(a_payment()),
    "reverse": lambda account: account.payments.close(a_payment(method=Method.WECHAT_CODE)),
    "refund": lambda account: account.refunds.refund(a_refund(), a_payment()),
    "query_refund": lambda account: account.refunds.query_refund(a_refund(), a_payment()),
    "look_up": lambda account: account.refunds.look_up("MP-1", a_payment()),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("headers", [None, UNSIGNED], ids=["signed", "unsigned"])
def test_every_question_hears_how_long_to_wait(run, account, desk, question, headers):
    desk.says(*LIMITED, headers=headers, beside={"Retry-After": "42"})

    outcome = run(QUESTIONS[question](account))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=42)
    assert len(desk.heard) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        LIMITED,
        (403, {"code": "RATELIMIT_EXCEEDED"}),
        (429, {"code": "TEAPOT"}),
        (429, b"<html>too many</html>"),
    ],
)
def test_who_does_not_say_how_long_is_left_alone_for_a_moment(run, account, desk, status, body):
    desk.says(status, body)

    outcome = run(account.payments.query(a_payment()))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("1", 1),
        ("0", 1),
        ("900", 900),
        ("901", 900),
        ("9" * 400, 900),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
        ("soon", 5),
        ("-3", 5),
        ("١٢", 5),
        ("", 5),
        ("Thu, 99 Foo 1970 00:00:00 GMT", 5),
    ],
)
def test_no_slip_of_theirs_stops_the_shop_for_long(run, account, desk, told, expected):
    desk.says(*LIMITED, beside={"Retry-After": told})

    outcome = run(account.payments.query(a_payment()))

    assert outcome.retry_after == timedelta(seconds=expected)


def test_a_date_is_a_pause_until_then(run, account, desk):
    desk.says(*LIMITED, beside={"Retry-After": formatdate(time.time() + 300, usegmt=True)})

    outcome = run(account.payments.query(a_payment()))

    assert timedelta(seconds=240) < outcome.retry_after <= timedelta(seconds=300)


def test_a_server_that_is_down_may_say_how_long(run, account, desk):
    desk.says(503, b"", headers=UNSIGNED, beside={"Retry-After": "60"})
    desk.says(503, b"", headers=UNSIGNED)

    told, silent = (run(account.payments.query(a_payment())) for _ in range(2))

    assert told.retry_after == timedelta(minutes=1)
    assert silent.retry_after is None


def test_a_good_answer_orders_no_pause(run, account, desk):
    desk.says(200, b"{}", beside={"Retry-After": "60"})

    assert run(account.payments.query(a_payment())).retry_after is None
