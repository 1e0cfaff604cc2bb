"""The provider double made stricter: codes charge each time, callbacks say what was true then."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import msgspec

from adapters.providers.in_memory.book import Trade
from adapters.providers.in_memory.provider import InMemoryProvider
from application.ports import Clock
from application.records import News, RawCallback
from domain.method import Provider
from domain.money import Money
from domain.outcome import AwaitingPayer, Outcome, RefundOutcome
from domain.payment import Payment
from domain.refund import Refund

#: How long a link can be opened; shorter than an order lives, so that it must be renewed.
LINK_LIVES = timedelta(minutes=30)


class StrictProvider(InMemoryProvider):
    """Forgives nothing that a real provider would not forgive."""

    def __init__(self, name: str, provider: Provider, clock: Clock) -> None:
        super().__init__(name, provider, clock)
        self.said: dict[bytes, News] = {}
        self.codes: Counter[str] = Counter()  # how often the code of each order was sent
        self.taken_back: set[str] = set()  # charges that basepay reversed, money and all
        self.elsewhere: dict[str, str] = {}  # refunds made on this provider's site: their orders

    async def start(self, payment: Payment) -> Outcome:
        """Whoever sends a code twice charges twice; links go stale."""
        number = payment.provider_order_no
        self.codes[number] += payment.terms.charges_at_once
        charged = number in self.book and self.book[number].state == "paid"
        outcome = await super().start(payment)
        if charged and payment.terms.charges_at_once:
            self.payer_pays(number)
        if isinstance(outcome, AwaitingPayer) and outcome.action and not payment.terms.built_here:
            stale_at = self._clock.now() + LINK_LIVES
            return replace(outcome, action=replace(outcome.action, expires_at=stale_at))
        return outcome

    async def close(self, payment: Payment) -> Outcome:
        """What it sends back is remembered."""
        trade = self.book.get(payment.provider_order_no)
        paid = trade is not None and trade.state == "paid"
        outcome = await super().close(payment)
        if trade is not None and paid and trade.state == "reversed":
            self.taken_back.add(trade.number)
        return outcome

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """A number that was accepted is not refused later."""
        mood = self.mood
        if refund.provider_refund_no in self.book[payment.provider_order_no].refunds:
            self.mood = replace(mood, refund_trouble=None)
        try:
            return await super().refund(refund, payment)
        finally:
            self.mood = mood

    def merchant_refunds(self, number: str, refund_no: str, amount: Money) -> None:
        """It happened elsewhere: basepay need not know of it yet."""
        super().merchant_refunds(number, refund_no, amount)
        self.elsewhere[refund_no] = number

    def callback(self, kind: str, number: str, *, forged: bool = False) -> bytes:
        """A message with a serial number; what it says does not change when it comes late."""
        plain = super().callback(kind, number)
        serial = f"{number}#{len(self.said)}"
        seal = "somebody else's" if forged else self._seal(kind, serial)
        body = msgspec.json.encode((kind, serial, seal))
        now = self._clock.now()
        self.said[body] = super().read(RawCallback("", self.provider, self.name, {}, plain, now))
        return body

    def read(self, callback: RawCallback) -> News:
        """Raises CallbackRejected for a stranger's seal."""
        super().read(callback)
        return self.said[callback.body]

    def can_be_reversed(self, trade: Trade) -> bool:
        """Somebody could take it back on the provider's site; at WeChat Pay only a code's money."""
        known = self.provider is Provider.ALIPAY or trade.number in self.codes
        return known and trade.reversible
