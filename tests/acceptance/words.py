"""The words that the sentences are made of, and what they stand for."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from pytest_bdd import parsers, step

from domain.method import Provider
from domain.money import Money
from tests.acceptance.stage import Trouble

P = ParamSpec("P")
T = TypeVar("T")

PROVIDERS = {"WeChat Pay": Provider.WECHAT, "Alipay": Provider.ALIPAY}
SECONDS = {"ten seconds": 10, "a minute": 60, "ten minutes": 600, "three hours": 10_800}
ORDINALS = {"first": 0, "second": 1}

TROUBLES = {
    " stops answering": Trouble.SILENT,
    "'s answers get lost": Trouble.ANSWERS_LOST,
    " forgets the order": Trouble.FORGETFUL,
    " refuses new orders": Trouble.REFUSES_ORDERS,
    " refuses refunds": Trouble.REFUSES_REFUNDS,
    "'s callbacks get lost": Trouble.CALLBACKS_LOST,
    "'s callbacks come twice": Trouble.CALLBACKS_TWICE,
}
REFUSALS = {
    "the payment has already succeeded": "payment_already_succeeded",
    "the order is already paid": "order_already_paid",
    "the payment is in progress": "payment_in_progress",
    "nothing has been paid": "payment_not_succeeded",
    "it is more than what is left": "refund_exceeds_payment",
    "the refund number is taken": "refund_no_reused",
    "the key belongs to another request": "idempotency_key_reused",
}
INCIDENTS = {
    "another sum was paid": "payment_mismatch",
    "the order was paid twice": "duplicate_payment",
    "the refund is stuck": "refund_stuck",
    "the refund came back": "refund_abnormal",
}
STATUSES = {
    "is open": "created",
    "is paid": "succeeded",
    "is closed": "closed",
    "has failed": "failed",
    "has succeeded": "succeeded",
    "is paid late": "succeeded late",
}


def fen(yuan: str) -> int:
    return Money.from_yuan(yuan.replace(",", "")).fen


def any_of(words: Mapping[str, object]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


YUAN = r"(?P<amount>[\d,]+\.\d\d) yuan"
WHO = f"(?P<who>{any_of(PROVIDERS)})"
NTH = "(?P<nth>first|second)"
CONVERT: Mapping[str, Callable[[str], Any]] = {
    "amount": fen,
    "who": PROVIDERS.__getitem__,
    "nth": ORDINALS.__getitem__,
    "span": SECONDS.__getitem__,
    "trouble": TROUBLES.__getitem__,
    "times": int,
}


def says(pattern: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A sentence: amounts in yuan, providers and counts come to the step as values."""
    named = re.compile(pattern).groupindex
    converters = {name: read for name, read in CONVERT.items() if name in named}
    return step(parsers.re(pattern), converters=converters)
