"""Payments at one Alipay merchant account: start, query, close."""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

from adapters.providers.alipay.answers import Next, failure, order_answer
from adapters.providers.alipay.charges import Charges
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.orders import UNSIGNED, Orders
from adapters.providers.alipay.products import PRODUCTS, Called, Charged, Linked
from adapters.providers.alipay.requests import order_content
from adapters.providers.alipay.wire import read_closing
from adapters.providers.checked import NotUnderstood
from application.ports import Clock, Prepared
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    Outcome,
    Payee,
    Unknown,
)
from domain.payment import Payment


class AlipayPayments:
    """A PaymentProvider. What Alipay did not sign never ends a payment."""

    def __init__(self, config: AlipayConfig, client: Client, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock
        self._orders = Orders(client, clock)
        self._charges = Charges(client, self._orders, config.notify_url)

    def prepare(self, payment: Payment) -> Prepared:
        """Build the business content once, its absolute `time_expire` included."""
        product = PRODUCTS[payment.method]
        content = product.content(self._config, payment)
        return Prepared(
            payee=Payee(self._config.seller_id, self._config.app_id),
            request=content,
            action=self._link(product, content, payment) if isinstance(product, Linked) else None,
        )

    async def start(self, payment: Payment) -> Outcome:
        """Send the stored content; only of a charge could a repetition make a second one."""
        product = PRODUCTS[payment.method]
        match product:
            case Called():
                return await self._call(product, payment)
            case Linked():
                return AwaitingPayer(self._link(product, payment.request, payment))
            case Charged():
                return await self._charges.start(product, payment)
            case _:
                assert_never(product)

    async def query(self, payment: Payment) -> Outcome:
        """Ask for the order by our number."""
        return await self._orders.query(payment)

    async def close(self, payment: Payment) -> Outcome:
        """Close; if Alipay does not confirm that, its own state tells. Source: MAPPING.md §4."""
        if payment.terms.charges_at_once:
            return await self._charges.take_back(payment)
        answer = await self._client.call("alipay.trade.close", order_content(payment))
        if isinstance(answer, Unknown):
            return answer
        if answer.genuine and order_answer(answer.head) is Next.DONE and _is_ours(answer, payment):
            return Closed(trace=answer.trace)
        return await self._orders.query(payment)

    def _link(self, product: Linked, content: bytes, payment: Payment) -> Action:
        """Sign a link for the payer; it carries the time of its making and grows stale."""
        query = self._client.link(
            product.api,
            content,
            notify_url=self._config.notify_url,
            return_url=(payment.return_url or "") if product.returns else "",
        )
        lasts = timedelta(seconds=self._config.link_seconds)
        return self._action(product.details(self._config.gateway_url, query), lasts, payment)

    async def _call(self, product: Called, payment: Payment) -> Outcome:
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
            case Next.REFUSED | Next.REFUSED_FOR_NOW | Next.TAKE_BACK:
                return _declined(answer, step, payment)
            case Next.ASK:
                return await self._orders.there_after(answer, payment)
            case Next.LATER | Next.ABSENT | Next.UNKNOWN:
                return answer.unknown(f"answered {answer.head.code}")
            case _:
                assert_never(step)

    def _started(self, answer: Answer, product: Called, payment: Payment) -> Outcome:
        try:
            details = product.details(answer.node, payment)
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
        return AwaitingPayer(self._action(details, product.lasts, payment), trace=answer.trace)

    def _action(
        self, details: Mapping[str, object], lasts: timedelta | None, payment: Payment
    ) -> Action:
        """Tell when it goes stale, if that is before the order does."""
        stale_at = self._clock.now() + lasts if lasts else payment.expires_at
        return Action(
            payment.terms.action, details, stale_at if stale_at < payment.expires_at else None
        )


def _declined(answer: Answer, step: Next, payment: Payment) -> Outcome:
    if payment.action is not None:  # the payer already has a code: only the repetition was refused
        return answer.unknown(f"repetition refused: {answer.head.sub_code[:64]}")
    return Declined(failure(answer.head, step), trace=answer.trace)


def _is_ours(answer: Answer, payment: Payment) -> bool:
    try:
        return read_closing(answer.node).out_trade_no == payment.provider_order_no
    except NotUnderstood:
        return False
