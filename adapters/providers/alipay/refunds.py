"""Refunds at one Alipay merchant account: ask, and ask about."""

from datetime import timedelta
from typing import assert_never

from adapters.providers.alipay.answers import Next, failure, refund_answer
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.orders import UNSIGNED
from adapters.providers.alipay.reading import refunded
from adapters.providers.alipay.requests import refund_content, refund_query_content
from adapters.providers.alipay.wire import read_refund_done, read_refund_found, yuan
from adapters.providers.checked import NotUnderstood
from application.ports import Clock
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

#: An earlier sending may still be under way and unseen by the refund query; the docs ask for 10 s.
#: Until then a refusal of a repetition proves nothing.
SETTLED_AFTER = timedelta(seconds=60)


class AlipayRefunds:
    """A RefundProvider. Only signed answers end a refund, refusals included."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def prepare_refund(self, refund: Refund, payment: Payment) -> bytes:
        """Build the business content once."""
        return refund_content(refund, payment)

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Send the stored content; under one number it never pays twice."""
        answer = await self._client.call("alipay.trade.refund", refund.request)
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        step = refund_answer(answer.head)
        match step:
            case Next.DONE:
                return await self._done(answer, refund, payment)
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return RefundRefused(failure(answer.head, step), trace=answer.trace)
            case Next.LATER:
                return RefundPostponed(_words(answer), trace=answer.trace)
            case Next.ASK:
                return await self._refused_unless_there(answer, refund, payment)
            case Next.ABSENT | Next.TAKE_BACK | Next.UNKNOWN:
                return answer.unknown(f"answered {answer.head.code}")
            case _:
                assert_never(step)

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Ask for the refund by our number."""
        found = await self.look_up(refund.provider_refund_no, payment)
        return found.outcome if isinstance(found, FoundRefund) else found

    async def look_up(
        self, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        """Ask for a refund by its number, whoever gave it.

        One made without a number has the order's own.
        """
        answer = await self._client.call(
            "alipay.trade.fastpay.refund.query", refund_query_content(provider_refund_no, payment)
        )
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        if refund_answer(answer.head) is not Next.DONE:
            return answer.unknown("the refund query was refused")
        return self._read_found(answer, provider_refund_no, payment)

    async def _done(self, answer: Answer, refund: Refund, payment: Payment) -> RefundOutcome:
        """`fund_change=Y`: this call moved our amount. Otherwise only the query may tell."""
        try:
            done = read_refund_done(answer.node)
            if done.out_trade_no != payment.provider_order_no:
                return answer.unknown(f"the answer is about {done.out_trade_no[:64]!r}")
            if done.fund_change == "Y":
                now = self._clock.now()
                return refunded(
                    refund.charged_amount, done.gmt_refund_pay, at=now, trace=answer.trace
                )
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
        return await self.query_refund(refund, payment)

    async def _refused_unless_there(
        self, answer: Answer, refund: Refund, payment: Payment
    ) -> RefundOutcome:
        """Say what is true: an earlier sending may be why this one was refused."""
        there = await self.query_refund(refund, payment)
        if not isinstance(there, RefundNotFound):
            return there
        if self._clock.now() - refund.created_at < SETTLED_AFTER:
            return answer.unknown(f"answered {answer.head.sub_code[:64]}")
        return RefundRefused(failure(answer.head, Next.REFUSED), trace=answer.trace)

    def _read_found(
        self, answer: Answer, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        try:
            found = read_refund_found(answer.node)
            if not found.refund_status:  # also what Alipay says of a number it never saw
                return RefundNotFound(trace=answer.trace)
            amount = yuan(found.refund_amount)
            if found.refund_status != "REFUND_SUCCESS" or amount is None:
                return answer.unknown(f"refund_status {found.refund_status[:64]!r}")
            wanted = (provider_refund_no, payment.provider_order_no)
            if (found.out_request_no, found.out_trade_no) != wanted:
                return answer.unknown(f"the answer is about {found.out_request_no[:64]!r}")
            now = self._clock.now()
            done = refunded(amount, found.gmt_refund_pay, at=now, trace=answer.trace)
            return FoundRefund(amount, done)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")


def _words(answer: Answer) -> str:
    return f"{(answer.head.sub_code or answer.head.code)[:64]} {answer.head.sub_msg[:256]}".strip()
