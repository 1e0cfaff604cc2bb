"""Method × situation: every cell is a scenario, or says why it can't occur.

`python -m tests.acceptance.table` prints the table that stands in docs/methods.md.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.method import TERMS, Method
from tests.acceptance.stage import Stage, Trouble, View
from tests.acceptance.story import Story
from tests.asking import ASKS_PASSWORD, HAS_NO_BALANCE, an_order_by

AMOUNT = 8888  # fen
FIRST_PART = 5000
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Situation:
    """One column: what happens, and for which methods it can't."""

    title: str
    play: Callable[["Till"], Awaitable[None]]
    impossible: Callable[[Method], str] = lambda _: ""  # why; empty: it can


class Till(Story):
    """A shop that takes one order by one method and looks at what comes of it."""

    def __init__(self, stage: Stage, method: Method) -> None:
        super().__init__(stage)
        self.method, self.amount = method, AMOUNT
        self.by(method)
        self.at_once_charged = TERMS[method].charges_at_once

    async def show(self, wallet: str = ASKS_PASSWORD) -> View:
        """Place the order so far that the payer can act."""
        self.how = an_order_by(self.method, wallet=wallet)
        await self.place()
        assert self.payment["status"] == "created", self.payment
        assert self.payment["action"], self.payment
        return self.payment

    async def payer(self, action: str) -> None:
        assert await self.stage.payer(action, self.payment), f"the payer could not {action}"

    async def becomes(self, status: str) -> View:
        payment = await self.payment_becomes(self.payment, status)
        assert payment["status"] == status, payment
        return payment

    async def told_only(self, *words: str) -> None:
        told = await self.told_at_least(self.payment, words[-1])
        assert told == list(words), told

    async def charged(self, times: int) -> None:
        truth = await self.stage.truth(self.payment)
        assert truth.charges == times, truth
        if times:
            assert truth.amount == AMOUNT, truth


async def paid(till: Till) -> None:
    await till.show()
    await till.payer("pay")
    await till.becomes("succeeded")
    await till.charged(1)
    await till.told_only("succeeded")


async def declined(till: Till) -> None:
    till.how = an_order_by(till.method, wallet=HAS_NO_BALANCE)
    reply = await till.place()
    assert (reply.view["status"], reply.view["failure"]["code"]) == ("failed", "refused")
    await till.charged(0)
    await till.told_only("failed")


async def expired(till: Till) -> None:
    await till.show()
    await till.payer("scan")
    await till.stage.time_passes(8 * DAY)
    await till.becomes("closed")
    await till.charged(0)
    await till.told_only("closed")


async def closed_while_paying(till: Till) -> None:
    await till.show()
    await till.payer("scan")
    await till.close()
    if till.at_once_charged:  # WeChat Pay takes nothing back while its payer types
        await till.stage.time_passes(60)
    await till.becomes("closed")
    assert not await till.stage.payer("pay", till.payment)
    await till.charged(0)
    await till.told_only("closed")


async def refunded_in_two_parts(till: Till) -> None:
    await paid(till)
    await till.refund_part(FIRST_PART)
    assert (await till.refund_becomes("succeeded"))["status"] == "succeeded"
    await till.stage.time_passes(62)  # WeChat Pay wants a minute between two refunds
    await till.refund_part(AMOUNT - FIRST_PART)
    assert (await till.refund_becomes("succeeded"))["status"] == "succeeded"
    assert await till.returned_becomes(AMOUNT) == AMOUNT
    await till.becomes("succeeded")  # never left again, not even now
    await till.told_only("succeeded")


async def callback_lost(till: Till) -> None:
    await till.show()
    await till.stage.trouble(Trouble.CALLBACKS_LOST, till.provider)
    await till.payer("pay")
    await till.stage.time_passes(11)
    await till.becomes("succeeded")
    await till.charged(1)
    await till.told_only("succeeded")


async def callback_doubled(till: Till) -> None:
    await till.show()
    await till.stage.trouble(Trouble.CALLBACKS_TWICE, till.provider)
    await till.payer("pay")
    await till.becomes("succeeded")
    await till.charged(1)
    await till.told_only("succeeded")


async def answer_lost(till: Till) -> None:
    await till.stage.trouble(Trouble.ANSWERS_LOST, till.provider)
    reply = await till.place()
    assert (reply.view["status"], reply.view["action"]) == ("created", None)
    await till.stage.mend()
    await till.stage.time_passes(6)
    if not till.at_once_charged:
        till.payments[-1] = await till.payment_once(lambda it: it["action"] is not None)
        await till.payer("pay")
    await till.becomes("succeeded")
    await till.charged(1)
    await till.told_only("succeeded")


def _only_codes(method: Method) -> str:
    if TERMS[method].charges_at_once:
        return ""
    return "a payer who declines may try again until the order expires"


def _not_wechat_code(method: Method) -> str:
    return "WeChat Pay sends none for codes" if method is Method.WECHAT_CODE else ""


def _only_calls(method: Method) -> str:
    return "built here, without a call" if TERMS[method].built_here else ""


SITUATIONS = [
    Situation("paid", paid),
    Situation("declined", declined, _only_codes),
    Situation("expired", expired),
    Situation("closed while paying", closed_while_paying),
    Situation("refunded in two parts", refunded_in_two_parts),
    Situation("callback lost", callback_lost, _not_wechat_code),
    Situation("callback doubled", callback_doubled, _not_wechat_code),
    Situation("answer lost", answer_lost, _only_calls),
]

CELLS = [
    (method, situation)
    for method in Method
    for situation in SITUATIONS
    if not situation.impossible(method)
]


def markdown() -> str:
    """The table as it stands in docs/methods.md: ✓ is a passing scenario, a number a reason."""
    reasons: list[str] = []
    rows = [
        "| method | " + " | ".join(each.title for each in SITUATIONS) + " |",
        "| --- |" + " --- |" * len(SITUATIONS),
    ]
    for method in Method:
        cells = (_cell(situation.impossible(method), reasons) for situation in SITUATIONS)
        rows.append(f"| `{method}` | " + " | ".join(cells) + " |")
    notes = [f"{place}. {reason}" for place, reason in enumerate(reasons, 1)]
    return "\n".join([*rows, "", "Cells that can't occur:", "", *notes]) + "\n"


def _cell(reason: str, reasons: list[str]) -> str:
    if not reason:
        return "✓"
    if reason not in reasons:
        reasons.append(reason)
    return f"– ({reasons.index(reason) + 1})"


if __name__ == "__main__":
    sys.stdout.write(markdown())
