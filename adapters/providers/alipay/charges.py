"""Payments by the code that the payer shows: the call is the charge, and ends in being sure.

Source: MAPPING.md §3, §4.
"""

from typing import assert_never

from adapters.providers.alipay.answers import Next, failure, order_answer, refuses_to_cancel
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.orders import UNSIGNED, Orders
from adapters.providers.alipay.products import Charged
from adapters.providers.alipay.reading import paid_by_charge
from adapters.providers.alipay.requests import order_content
from adapters.providers.alipay.wire import Cancelling, read_cancelling, read_charge
from adapters.providers.checked import NotUnderstood
from domain.outcome import AwaitingPayer, Closed, Declined, NotFound, Outcome, Paid, Unknown
from domain.payment import Payment

#: The gateway's own word for "the payer is asked for the password".
IN_PROCESS = "10003"


class Charges:
    """Charges once, and takes back what nobody confirmed."""

    def __init__(self, client: Client, orders: Orders, notify_url: str) -> None:
        self._client = client
        self._orders = orders
        self._notify_url = notify_url

    async def start(self, product: Charged, payment: Payment) -> Outcome:
        """Charge. Whoever repeats this call may charge twice; a query tells what it did."""
        answer = await self._client.call(product.api, payment.request, notify_url=self._notify_url)
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        if answer.head.code == IN_PROCESS:
            return AwaitingPayer(trace=answer.trace)
        return await self._told(answer, payment)

    async def take_back(self, payment: Payment) -> Outcome:
        """Cancel: what waits is closed, what is paid goes back; in doubt its state tells."""
        answer = await self._client.call("alipay.trade.cancel", order_content(payment))
        if isinstance(answer, Unknown):
            return answer
        done = _cancelled(answer, payment)
        if done is None:
            certain = answer.genuine and refuses_to_cancel(answer.head)
            return await self._as_it_stands(payment, certain=certain)
        if done.retry_flag == "Y":
            return answer.unknown("the cancel is to be repeated")
        match done.action:
            case "refund":
                return Closed(reversed=True, trace=answer.trace)
            case "close":
                return Closed(trace=answer.trace)
            case _:  # it found no trade, or none that it had to end
                return await self._as_it_stands(payment, certain=not done.action)

    async def _as_it_stands(self, payment: Payment, *, certain: bool) -> Outcome:
        """A cancel that is not certain to have failed may yet send the money back."""
        stands = await self._orders.query(payment)
        if isinstance(stands, Paid) and not stands.returned and not certain:
            return Unknown("paid, and perhaps being taken back", trace=stands.trace)
        return stands

    async def _told(self, answer: Answer, payment: Payment) -> Outcome:
        step = order_answer(answer.head)
        match step:
            case Next.DONE:
                return _paid(answer, payment)
            case Next.REFUSED | Next.REFUSED_FOR_NOW:
                return Declined(failure(answer.head, step), trace=answer.trace)
            case Next.TAKE_BACK:
                return await self._declined_by_payer(answer, payment)
            case Next.ASK:
                return await self._orders.there_after(answer, payment)
            case Next.LATER | Next.ABSENT | Next.UNKNOWN:
                return answer.unknown(f"answered {answer.head.code}")
            case _:
                assert_never(step)

    async def _declined_by_payer(self, answer: Answer, payment: Payment) -> Outcome:
        """A trade that waits would let the payer pay after we called it failed."""
        left = await self.take_back(payment)
        match left:
            case NotFound() | Closed(reversed=False):
                return Declined(failure(answer.head, Next.TAKE_BACK), trace=answer.trace)
            case _:
                return left


def _paid(answer: Answer, payment: Payment) -> Outcome:
    try:
        charge = read_charge(answer.node)
        if charge.out_trade_no != payment.provider_order_no:
            return answer.unknown(f"the answer is about {charge.out_trade_no[:64]!r}")
        return paid_by_charge(charge, trace=answer.trace)
    except NotUnderstood as error:
        return answer.unknown(f"answer not understood: {error}")


def _cancelled(answer: Answer, payment: Payment) -> Cancelling | None:
    """Read a cancel that was done, and is ours."""
    if not answer.genuine or order_answer(answer.head) is not Next.DONE:
        return None
    try:
        done = read_cancelling(answer.node)
    except NotUnderstood:
        return None
    return done if done.out_trade_no == payment.provider_order_no else None
