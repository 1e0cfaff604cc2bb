"""Orders at one WeChat Pay merchant account: prepay or charge, query, close or reverse."""

import time
from collections.abc import Callable
from typing import assert_never

from adapters.providers.checked import NotUnderstood
from adapters.providers.signer import Signer
from adapters.providers.wechat_pay.actions import Details, Prepaid
from adapters.providers.wechat_pay.answers import Next, charge_answer, failure, order_answer
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.products import PRODUCTS, Product
from adapters.providers.wechat_pay.reading import outcome_of
from adapters.providers.wechat_pay.requests import close_body, reverse_body
from adapters.providers.wechat_pay.wire import Refusal, Revoked, read_trade
from application.ports import Clock, Prepared
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    NotFound,
    Outcome,
    Paid,
    Payee,
    Unknown,
)
from domain.payment import Payment
from domain.status import PaymentStatus

ORDERS = "/v3/pay/transactions/out-trade-no/"


class WeChatPayments:
    """A PaymentProvider. What WeChat Pay did not sign never ends a payment."""

    def __init__(
        self,
        config: WeChatPayConfig,
        client: Client,
        signer: Signer,
        clock: Clock,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._client, self._signer = config, client, signer
        self._clock, self._wall = clock, wall

    def prepare(self, payment: Payment) -> Prepared:
        """Build the request once, its absolute `time_expire` included. Raises InvalidRequest."""
        product = PRODUCTS[payment.method]
        app_id = product.app_id(self._config.app_ids)
        return Prepared(
            payee=Payee(self._config.mchid, app_id),
            request=product.body(self._config, app_id, payment),
        )

    async def start(self, payment: Payment) -> Outcome:
        """Send the stored request. A prepay sent again brings a fresh code for the same order."""
        product = PRODUCTS[payment.method]
        answer = await self._client.call("POST", product.path, payment.request)
        if isinstance(answer, Unknown):
            return answer
        if answer.status != 200:
            return await self._refused(answer, payment)
        if not answer.genuine:
            return answer.unknown(answer.doubt)
        if product.details is None:
            return _read_order(answer, payment)
        return await self._prepaid(answer, product, product.details, payment)

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
        """Close or take back, then query: only the order's own state confirms (MAPPING.md §4)."""
        if payment.terms.charges_at_once:
            return await self._reverse(payment)
        answer = await self._end(payment, "close", close_body(self._config))
        return answer if isinstance(answer, Unknown) else await self.query(payment)

    async def _reverse(self, payment: Payment) -> Outcome:
        """A reversal that was not clearly refused may yet come true: no proof of money counts."""
        answer = await self._end(payment, "reverse", reverse_body(self._config, payment))
        if isinstance(answer, Unknown):
            return answer
        outcome = await self.query(payment)
        if isinstance(outcome, Paid) and not _refuses_to_reverse(answer):
            return Unknown("paid, and perhaps being taken back", trace=outcome.trace)
        return outcome

    async def _end(self, payment: Payment, verb: str, body: bytes) -> Answer | Unknown:
        """Ask to end the order; Unknown if the order's state is not to be asked for now."""
        target = f"{ORDERS}{payment.provider_order_no}/{verb}"
        answer = await self._client.call("POST", target, body)
        if isinstance(answer, Unknown) or answer.pause is None:
            return answer
        return answer.unknown(f"the {verb} must wait")

    async def _prepaid(
        self, answer: Answer, product: Product, details_of: Details, payment: Payment
    ) -> Outcome:
        prepaid = Prepaid(self._config, payment, answer.body, self._signer, self._wall())
        try:
            details = await details_of(prepaid)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
        stale_at = self._clock.now() + product.lasts
        action = Action(
            payment.terms.action, details, stale_at if stale_at < payment.expires_at else None
        )
        return AwaitingPayer(action, trace=answer.trace)

    async def _refused(self, answer: Answer, payment: Payment) -> Outcome:
        refusal = answer.refusal
        charge = payment.terms.charges_at_once
        if refusal is None or not _believable(answer, charge=charge):
            return answer.unknown(answer.doubt or "answer not understood")
        step = charge_answer(refusal.code) if charge else order_answer(refusal.code)
        match step:
            case Next.PAYING:
                return AwaitingPayer(trace=answer.trace)
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


def _believable(answer: Answer, *, charge: bool) -> bool:
    """Nothing can have been charged at a prepay, so an unsigned 4xx refuses too (MAPPING.md §7)."""
    unsigned = not answer.signed and 400 <= answer.status < 500
    return answer.genuine or (unsigned and not charge)


def _refuses_to_reverse(answer: Answer) -> bool:
    """It is certain that this request took nothing back."""
    unclear = (Next.UNKNOWN, Next.LATER)
    refusal = answer.refusal
    return bool(answer.genuine and refusal and order_answer(refusal.code) not in unclear)


def _declined(refusal: Refusal, step: Next, answer: Answer, payment: Payment) -> Outcome:
    if payment.action is not None:  # the payer already has a code: only the repetition was refused
        return answer.unknown(f"repetition refused: {refusal.code[:64]}")
    return Declined(failure(refusal, step), trace=answer.trace)


def _read_order(answer: Answer, payment: Payment) -> Outcome:
    try:
        trade = read_trade(answer.body)
        if trade.out_trade_no != payment.provider_order_no:
            return answer.unknown(f"the answer is about {trade.out_trade_no[:64]!r}")
        if isinstance(trade, Revoked) and payment.status is PaymentStatus.SUCCEEDED:
            return Closed(reversed=True, trace=answer.trace)  # whether or not it says so
        return outcome_of(trade, trace=answer.trace)
    except NotUnderstood as error:
        return answer.unknown(f"answer not understood: {error}")
