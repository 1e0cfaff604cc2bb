"""Where an order stands at Alipay, whichever way it is paid."""

from adapters.providers.alipay.answers import Next, order_answer
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.reading import outcome_of
from adapters.providers.alipay.requests import order_content
from adapters.providers.alipay.wire import read_trade
from adapters.providers.checked import NotUnderstood
from application.ports import Clock
from domain.outcome import NotFound, Outcome, Unknown
from domain.payment import Payment

UNSIGNED = "the answer is not signed by Alipay"


class Orders:
    """Asks about orders. What Alipay did not sign never ends a payment."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def query(self, payment: Payment) -> Outcome:
        """Ask for the order by our number."""
        answer = await self._client.call("alipay.trade.query", order_content(payment))
        if isinstance(answer, Unknown):
            return answer
        if not answer.genuine:
            return answer.unknown(UNSIGNED)
        match order_answer(answer.head):
            case Next.DONE:
                return self._read(answer, payment)
            case Next.ABSENT:  # nobody scanned yet, or it never arrived
                return NotFound(trace=answer.trace)
            case _:
                return answer.unknown("the query was refused")

    async def there_after(self, refusal: Answer, payment: Payment) -> Outcome:
        """Say what is true of a number that is in use.

        Not found proves little here: a code that nobody scanned is unknown to Alipay.
        """
        there = await self.query(payment)
        if isinstance(there, NotFound):
            return refusal.unknown(f"answered {refusal.head.sub_code[:64]}")
        return there

    def _read(self, answer: Answer, payment: Payment) -> Outcome:
        try:
            trade = read_trade(answer.node)
            if trade.out_trade_no != payment.provider_order_no:
                return answer.unknown(f"the answer is about {trade.out_trade_no[:64]!r}")
            return outcome_of(
                trade, at=self._clock.now(), asked_by=payment.method, trace=answer.trace
            )
        except NotUnderstood as error:
            return answer.unknown(f"answer not understood: {error}")
