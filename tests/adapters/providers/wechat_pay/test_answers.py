"""The error tables: both spellings of a code are one, and every code has a consequence."""

import pytest

from adapters.providers.wechat_pay.answers import (
    ORDER_ANSWERS,
    REFUND_ANSWERS,
    Next,
    normal_code,
    order_answer,
    refund_answer,
)

PAIRS = [
    ("SYSTEMERROR", "SYSTEM_ERROR"),
    ("BANKERROR", "BANK_ERROR"),
    ("USERPAYING", "USER_PAYING"),
    ("ORDERNOTEXIST", "ORDER_NOT_EXIST"),
    ("ORDERPAID", "ORDER_PAID"),
    ("ORDERCLOSED", "ORDER_CLOSED"),
    ("NOTENOUGH", "NOT_ENOUGH"),
    ("NOAUTH", "NO_AUTH"),
    ("RULELIMIT", "RULE_LIMIT"),
    ("ACCOUNTERROR", "ACCOUNT_ERROR"),
    ("FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"),
    ("FREQUENCYLIMITED", "RATELIMIT_EXCEED"),
]


@pytest.mark.parametrize(("older", "newer"), PAIRS)
def test_both_generations_of_a_code_mean_the_same(older, newer):
    assert normal_code(older) == normal_code(newer)
    assert order_answer(older) is order_answer(newer)
    assert refund_answer(older) is refund_answer(newer)
    assert normal_code(older) in ORDER_ANSWERS


@pytest.mark.parametrize("table", [ORDER_ANSWERS, REFUND_ANSWERS])
def test_the_tables_are_written_in_the_normal_spelling(table):
    assert [code for code in table if normal_code(code) != code] == []


@pytest.mark.parametrize("code", ["", "TEAPOT", "系统错误"])
def test_a_code_nobody_heard_of_says_nothing(code):
    assert order_answer(code) is refund_answer(code) is Next.UNKNOWN
