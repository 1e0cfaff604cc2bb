"""Refunds at one WeChat Pay merchant account: ask, and ask about."""

from typing import assert_never

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay.answers import Next, failure, refund_answer
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.reading import refund_outcome_of
from adapters.providers.wechat_pay.requests import refund_body
from adapters.providers.wechat_pay.wire import Refusal, read_refund
from domain.outcome import (
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
        if answer.status == 200:
            return _read_refund(answer, refund, payment)
        return await self._refused(answer, refund, payment)

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Ask for the refund by our number."""
        answer = await self._client.call("GET", f"{REFUNDS}/{refund.provider_refund_no}")
        if isinstance(answer, Unknown):
            return answer
        if answer.status == 200:
            return _read_refund(answer, refund, payment)
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        if answer.refusal and refund_answer(answer.refusal.code) is Next.ABSENT:
            return RefundNotFound(trace=answer.trace)
        return answer.unknown("the query was refused")

    async def _refused(self, answer: Answer, refund: Refund, payment: Payment) -> RefundOutcome:
        refusal = answer.refusal
        if refusal is None or not answer.genuine:
            return answer.unknown(answer.doubt or "answer not understood")
        step = refund_answer(refusal.code)
        match step:
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return RefundRefused(failure(refusal, step), trace=answer.trace)
            case Next.LATER:
                return RefundPostponed(_words(refusal), trace=answer.trace)
            case Next.ASK:
                return await self._refused_unless_there(refusal, answer, refund, payment)
            case Next.ABSENT | Next.UNKNOWN:
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


def _read_refund(answer: Answer, refund: Refund, payment: Payment) -> RefundOutcome:
    if not answer.genuine:
        return answer.unknown(answer.doubt)
    try:
        there = read_refund(answer.body)
        ours = (refund.provider_refund_no, payment.provider_order_no)
        if (there.out_refund_no, there.out_trade_no) != ours:
            return answer.unknown(f"the answer is about {there.out_refund_no[:64]!r}")
        return refund_outcome_of(there, trace=answer.trace)
    except NotUnderstood as error:
        return answer.unknown(f"answer not understood: {error}")
