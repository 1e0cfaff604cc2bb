"""Orders at one WeChat Pay merchant account: prepay, query, close."""

from typing import assert_never

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay.answers import Next, failure, order_answer
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.products import PRODUCTS, Product
from adapters.providers.wechat_pay.reading import outcome_of
from adapters.providers.wechat_pay.requests import close_body, prepay_body
from adapters.providers.wechat_pay.wire import Refusal, read_trade
from application.ports import Clock, Prepared
from domain.outcome import (
    Action,
    AwaitingPayer,
    Declined,
    NotFound,
    Outcome,
    Payee,
    Unknown,
)
from domain.payment import Payment

ORDERS = "/v3/pay/transactions/out-trade-no/"


class WeChatPayments:
    """A PaymentProvider. What WeChat Pay did not sign never ends a payment."""

    def __init__(self, config: WeChatPayConfig, client: Client, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock

    def prepare(self, payment: Payment) -> Prepared:
        """Build the prepay once, its absolute `time_expire` included. Raises InvalidRequest."""
        product = PRODUCTS[payment.method]
        return Prepared(
            payee=Payee(self._config.mchid, product.app_id(self._config.app_ids)),
            request=prepay_body(self._config, product, payment),
        )

    async def start(self, payment: Payment) -> Outcome:
        """Send the stored prepay; sent again it brings a fresh code for the same order."""
        product = PRODUCTS[payment.method]
        answer = await self._client.call("POST", product.path, payment.request)
        if isinstance(answer, Unknown):
            return answer
        if answer.status == 200:
            return self._prepaid(answer, product, payment)
        return await self._refused(answer, payment)

    async def query(self, payment: Payment) -> Outcome:
        """Ask for the order by our number."""
        target = f"{ORDERS}{payment.provider_order_no}?mchid={self._config.mchid}"
        answer = await self._client.call("GET", target)
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        if answer.status == 200:
            return _read_order(answer, payment)
        if answer.refusal and order_answer(answer.refusal.code) is Next.ABSENT:
            return NotFound(trace=answer.trace)
        return answer.unknown("the query was refused")

    async def close(self, payment: Payment) -> Outcome:
        """Close, then query: only the order's own state confirms (MAPPING.md §4)."""
        target = f"{ORDERS}{payment.provider_order_no}/close"
        answer = await self._client.call("POST", target, close_body(self._config))
        if isinstance(answer, Unknown):
            return answer
        return await self.query(payment)

    def _prepaid(self, answer: Answer, product: Product, payment: Payment) -> Outcome:
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        try:
            details = product.details(answer.body)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
        stale_at = self._clock.now() + product.lasts
        action = Action(
            payment.terms.action, details, stale_at if stale_at < payment.expires_at else None
        )
        return AwaitingPayer(action, trace=answer.trace)

    async def _refused(self, answer: Answer, payment: Payment) -> Outcome:
        refusal = answer.refusal
        if refusal is None or not _believable(answer):
            return answer.unknown(answer.doubt or "answer not understood")
        step = order_answer(refusal.code)
        match step:
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return _declined(refusal, step, answer, payment)
            case Next.ASK:
                return await self._refused_unless_there(refusal, answer, payment)
            case Next.LATER | Next.ABSENT | Next.UNKNOWN:
                return answer.unknown(f"answered {refusal.code[:64]}")
            case _:
                assert_never(step)

    async def _refused_unless_there(
        self, refusal: Refusal, answer: Answer, payment: Payment
    ) -> Outcome:
        """Say what is true: a number in use is told by the same codes as a bad request."""
        there = await self.query(payment)
        if isinstance(there, NotFound):
            return _declined(refusal, Next.REFUSED, answer, payment)
        return there


def _believable(answer: Answer) -> bool:
    """Nothing can have been charged at a prepay, so an unsigned 4xx refuses too (MAPPING.md §7)."""
    return answer.genuine or (not answer.signed and 400 <= answer.status < 500)


def _declined(refusal: Refusal, step: Next, answer: Answer, payment: Payment) -> Outcome:
    if payment.action is not None:  # the payer already has a code: only the repetition was refused
        return answer.unknown(f"repetition refused: {refusal.code[:64]}")
    return Declined(failure(refusal, step), trace=answer.trace)


def _read_order(answer: Answer, payment: Payment) -> Outcome:
    try:
        trade = read_trade(answer.body)
        if trade.out_trade_no != payment.provider_order_no:
            return answer.unknown(f"the answer is about {trade.out_trade_no[:64]!r}")
        return outcome_of(trade, trace=answer.trace)
    except NotUnderstood as error:
        return answer.unknown(f"answer not understood: {error}")
