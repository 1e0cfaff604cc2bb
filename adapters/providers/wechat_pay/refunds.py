"""Refunds at one WeChat Pay merchant account: ask, and ask about."""

from typing import assert_never
from urllib.parse import quote

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay.answers import Next, failure, refund_answer
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.reading import refund_outcome_of
from adapters.providers.wechat_pay.requests import refund_body
from adapters.providers.wechat_pay.wire import Refusal, read_refund
from domain.money import Money
from domain.outcome import (
    FoundRefund,
    RefundNotFound,
    RefundOutcome,
    RefundPostponed,
    RefundRefused,
    Unknown,
)
from domain.payment import Payment
from domain.refund import Refund

REFUNDS = "/v3/refund/domestic/refunds"


class WeChatRefunds:
    """A RefundProvider. Only signed answers end a refund, refusals included."""

    def __init__(self, config: WeChatPayConfig, client: Client) -> None:
        self._config = config
        self._client = client

    def prepare_refund(self, refund: Refund, payment: Payment) -> bytes:
        """Build the refund request once."""
        return refund_body(self._config, refund, payment)

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Send the stored request; under one number it never pays twice."""
        answer = await self._client.call("POST", REFUNDS, refund.request)
        if isinstance(answer, Unknown):
            return answer
        if answer.status != 200:
            return await self._refused(answer, refund, payment)
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        found = _read_refund(answer, refund.provider_refund_no, payment)
        return found.outcome if isinstance(found, FoundRefund) else found

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Ask for the refund by our number."""
        found = await self.look_up(refund.provider_refund_no, payment)
        return found.outcome if isinstance(found, FoundRefund) else found

    async def look_up(
        self, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        """Ask for any refund of the payment; others' numbers may bear signs that ours never do."""
        answer = await self._client.call("GET", f"{REFUNDS}/{quote(provider_refund_no, safe='')}")
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        if answer.status == 200:
            return _read_refund(answer, provider_refund_no, payment)
        if answer.refusal and refund_answer(answer.refusal.code) is Next.ABSENT:
            return RefundNotFound(trace=answer.trace)
        return answer.unknown("the query was refused")

    async def _refused(self, answer: Answer, refund: Refund, payment: Payment) -> RefundOutcome:
        refusal = answer.refusal
        if refusal is None or not answer.genuine:
            return answer.unknown(answer.doubt or "answer not understood")
        if "retry-after" in answer.headers:  # the whole account is to pause, not this refund only
            return answer.unknown(f"answered {refusal.code[:64]}")
        step = refund_answer(refusal.code)
        match step:
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return RefundRefused(failure(refusal, step), trace=answer.trace)
            case Next.LATER:
                return RefundPostponed(_words(refusal), trace=answer.trace)
            case Next.ASK:
                return await self._refused_unless_there(refusal, answer, refund, payment)
            case Next.ABSENT | Next.PAYING | Next.UNKNOWN:
                return answer.unknown(f"answered {refusal.code[:64]}")
            case _:
                assert_never(step)

    async def _refused_unless_there(
        self, refusal: Refusal, answer: Answer, refund: Refund, payment: Payment
    ) -> RefundOutcome:
        """Say what is true: a number in use is told by the same codes as a bad request."""
        there = await self.query_refund(refund, payment)
        if isinstance(there, RefundNotFound):
            return RefundRefused(failure(refusal, Next.REFUSED), trace=answer.trace)
        return there


def _words(refusal: Refusal) -> str:
    return f"{refusal.code[:64]} {refusal.message[:256]}".strip()


def _read_refund(answer: Answer, number: str, payment: Payment) -> FoundRefund | Unknown:
    try:
        there = read_refund(answer.body)
        if (there.out_refund_no, there.out_trade_no) != (number, payment.provider_order_no):
            return answer.unknown(f"the answer is about {there.out_refund_no[:64]!r}")
        amount = Money(there.amount.refund, there.amount.currency)
        return FoundRefund(amount, refund_outcome_of(there, trace=answer.trace))
    except NotUnderstood as error:
        return answer.unknown(f"answer not understood: {error}")
