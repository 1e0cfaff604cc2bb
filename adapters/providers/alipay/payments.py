"""Orders at one Alipay merchant account: precreate, query, close."""

from typing import assert_never

from adapters.providers.alipay.answers import Next, failure, order_answer
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.products import PRODUCTS, Product
from adapters.providers.alipay.reading import outcome_of
from adapters.providers.alipay.requests import order_content
from adapters.providers.alipay.wire import read_closing, read_trade
from adapters.providers.checked import NotUnderstood
from application.ports import Clock, Prepared
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    NotFound,
    Outcome,
    Payee,
    Unknown,
)
from domain.payment import Payment

UNSIGNED = "the answer is not signed by Alipay"


class AlipayPayments:
    """A PaymentProvider. What Alipay did not sign never ends a payment."""

    def __init__(self, config: AlipayConfig, client: Client, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock

    def prepare(self, payment: Payment) -> Prepared:
        """Build the business content once, its absolute `time_expire` included."""
        return Prepared(
            payee=Payee(self._config.seller_id, self._config.app_id),
            request=PRODUCTS[payment.method].content(self._config, payment),
        )

    async def start(self, payment: Payment) -> Outcome:
        """Send the stored content; a repetition can't make a second order."""
        product = PRODUCTS[payment.method]
        answer = await self._client.call(
            product.api, payment.request, notify_url=self._config.notify_url
        )
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        step = order_answer(answer.head)
        match step:
            case Next.DONE:
                return self._started(answer, product, payment)
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return _declined(answer, step, payment)
            case Next.ASK:
                return await self._refused_unless_there(answer, payment)
            case Next.LATER | Next.ABSENT | Next.UNKNOWN:
                return answer.unknown(f"answered {answer.head.code}")
            case _:
                assert_never(step)

    async def query(self, payment: Payment) -> Outcome:
        """Ask for the order by our number."""
        answer = await self._client.call("alipay.trade.query", order_content(payment))
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        match order_answer(answer.head):
            case Next.DONE:
                return self._read_trade(answer, payment)
            case Next.ABSENT:  # nobody scanned yet, or it never arrived
                return NotFound(trace=answer.trace)
            case _:
                return answer.unknown("the query was refused")

    async def close(self, payment: Payment) -> Outcome:
        """Close; if Alipay does not confirm that, its own state tells. Source: MAPPING.md §4."""
        answer = await self._client.call("alipay.trade.close", order_content(payment))
        if isinstance(answer, Unknown):
            return answer
        if answer.genuine and order_answer(answer.head) is Next.DONE and _is_ours(answer, payment):
            return Closed(trace=answer.trace)
        return await self.query(payment)

    def _started(self, answer: Answer, product: Product, payment: Payment) -> Outcome:
        try:
            details = product.details(answer.node, payment)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
        stale_at = self._clock.now() + product.lasts
        action = Action(
            payment.terms.action, details, stale_at if stale_at < payment.expires_at else None
        )
        return AwaitingPayer(action, trace=answer.trace)

    async def _refused_unless_there(self, answer: Answer, payment: Payment) -> Outcome:
        """Say what is true of a number that is in use.

        Not found proves little here: a code that nobody scanned is unknown to Alipay.
        """
        there = await self.query(payment)
        if isinstance(there, NotFound):
            return answer.unknown(f"answered {answer.head.sub_code[:64]}")
        return there

    def _read_trade(self, answer: Answer, payment: Payment) -> Outcome:
        try:
            trade = read_trade(answer.node)
            if trade.out_trade_no != payment.provider_order_no:
                return answer.unknown(f"the answer is about {trade.out_trade_no[:64]!r}")
            return outcome_of(trade, at=self._clock.now(), trace=answer.trace)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")


def _declined(answer: Answer, step: Next, payment: Payment) -> Outcome:
    if payment.action is not None:  # the payer already has a code: only the repetition was refused
        return answer.unknown(f"repetition refused: {answer.head.sub_code[:64]}")
    return Declined(failure(answer.head, step), trace=answer.trace)


def _is_ours(answer: Answer, payment: Payment) -> bool:
    try:
        return read_closing(answer.node).out_trade_no == payment.provider_order_no
    except NotUnderstood:
        return False
