"""Two live payments of one order can't both be kept, however many pay at the same moment.

`PROOF_ORDERS` sets how many orders are fought over (default 12), `PROOF_SEED` how.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from domain.method import TERMS, Method
from domain.order import Order
from tests.acceptance.stack import Stack
from tests.asking import an_order_by
from tests.books import View, by_order, disagreements
from tests.load import Lines

ORDERS = int(os.environ.get("PROOF_ORDERS", "12"))
SEED = int(os.environ.get("PROOF_SEED", "20261126"))

#: Clients that ask for the same order, each with a price and a method of its own.
RIVALS = 6

#: What a rival may hear instead of a payment.
TOO_LATE = {"order_already_paid", "payment_in_progress"}

#: Whether an order's payers pay as soon as they can, all at one moment, or never.
HURRIED, TOGETHER, UNPAID = "HURRIED", "TOGETHER", "UNPAID"
FATES = (UNPAID, HURRIED, TOGETHER, HURRIED)

OVER_TIME = [method for method in Method if not TERMS[method].charges_at_once]
AT_TILL = [method for method in Method if TERMS[method].charges_at_once]


class Contest:
    """Customers who fight over orders; some pay at once, some all together, some never."""

    def __init__(self, lines: Lines, chance: random.Random) -> None:
        self._lines, self._chance = lines, chance
        self._lines.look_every_seconds = 0.1
        self.placed: list[View] = []
        self.refused: Counter[str] = Counter()

    async def run(self) -> None:
        """Everybody asks, one provider falls silent for a while, and all pay at one moment."""
        await self._trouble()
        await asyncio.gather(self._provider_is_cut(), *self._rivals())
        wanted = [each for each in self.placed if _fate_of(each["order_no"]) != UNPAID]
        await asyncio.gather(*(self._pay(each) for each in wanted))
        (await self._lines.sandbox.delete("/sandbox/faults")).raise_for_status()

    async def _trouble(self) -> None:
        """WeChat Pay can't be told to close, and every callback comes twice."""
        await self._lines.arm(
            kind="cut_before_effect", provider="wechat", operation="close", times=None
        )
        await self._lines.arm(kind="callback_twice", times=None)

    async def _provider_is_cut(self) -> None:
        await asyncio.sleep(0.1)
        await self._lines.arm(kind="cut_before_effect", provider="alipay", times=None)
        await asyncio.sleep(0.5)
        (await self._lines.sandbox.delete("/sandbox/faults")).raise_for_status()
        await self._trouble()

    def _rivals(self) -> Iterator[Coroutine[Any, Any, None]]:
        for number in range(ORDERS):
            methods = self._chance.sample(OVER_TIME, RIVALS)
            if FATES[number % len(FATES)] == HURRIED:
                methods[self._chance.randrange(RIVALS)] = self._chance.choice(AT_TILL)
            for place, method in enumerate(methods):
                yield self._ask(f"{FATES[number % len(FATES)]}-{number}", method, 1000 + place)

    async def _ask(self, order_no: str, method: Method, price: int) -> None:
        await asyncio.sleep(self._chance.uniform(0, 0.8))
        body = {"order_no": order_no, "amount": price, "subject": "tea", **an_order_by(method)}
        key = {"Idempotency-Key": f"{order_no}-{price}"}
        answer = await self._lines.api.post("/v1/payments", json=body, headers=key)
        if answer.is_error:
            self.refused[answer.json()["code"]] += 1
            return
        self.placed.append(answer.json())
        if _fate_of(order_no) == HURRIED:
            await self._pay(answer.json())

    async def _pay(self, payment: View) -> None:
        if payment["status"] == "created":
            await self._lines.payer("pay", payment)


def _fate_of(order_no: str) -> str:
    return order_no.partition("-")[0]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as stack:
        yield stack


@pytest.mark.timeout(120 + 5 * ORDERS)
def test_of_all_who_pay_for_one_order_one_is_kept_and_the_others_get_their_money_back(run, stack):
    async def whole() -> tuple[Contest, View, Sequence[View], list[str]]:
        async with Lines.to(asdict(stack.started)) as lines:
            contest = Contest(lines, random.Random(SEED))
            await contest.run()
            await lines.settle()
            book, payments, refunds, events = await lines.books()
        return contest, book, payments, disagreements(book, payments, refunds, events)

    contest, book, payments, found = run(whole())

    orders = by_order(payments)
    paid = Counter(_paid(rivals) for rivals in orders.values())
    charges = sum(order["charges"] for order in book["orders"])
    print(  # noqa: T201 -- the proof's figures
        f"\n{ORDERS} orders, {len(payments)} payments, {charges} charges, seed {SEED}; orders by "
        f"successes {dict(sorted(paid.items()))}; refused {dict(contest.refused)}"
    )
    assert found == []
    assert contest.refused.keys() <= TOO_LATE
    assert not any(_paid(rivals) for number, rivals in orders.items() if _fate_of(number) == UNPAID)
    assert sum(paid[successes] for successes in paid if successes > 1) > ORDERS // 4, "no contest"


@pytest.mark.timeout(120 + 5 * ORDERS)
def test_the_contest_is_noticed_when_nobody_checks_for_a_winner(run, stack, monkeypatch):
    monkeypatch.setattr(Order, "won_by", lambda *_: True)

    async def whole() -> list[str]:
        async with Lines.to(asdict(stack.started)) as lines:
            contest = Contest(lines, random.Random(SEED))
            await contest.run()
            await lines.quiet()
            return disagreements(*await lines.books())

    assert any("paid ones are kept" in each for each in run(whole()))


def _paid(payments: Sequence[View]) -> int:
    return sum(payment["status"] == "succeeded" for payment in payments)
