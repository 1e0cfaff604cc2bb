"""The provider double made stricter: code calls charge, callbacks say what was true when sent."""

from dataclasses import replace
from datetime import timedelta

import msgspec

from adapters.providers.in_memory.book import Trade
from adapters.providers.in_memory.provider import SILENT, InMemoryProvider
from application.ports import Clock
from application.records import News, RawCallback
from domain.method import Provider
from domain.outcome import AwaitingPayer, Declined, Outcome, RefundOutcome
from domain.payment import Payment
from domain.refund import Refund

#: How long a link can be opened; shorter than an order lives, so that it must be renewed.
LINK_LIVES = timedelta(minutes=30)


class StrictProvider(InMemoryProvider):
    """Forgives nothing that a real provider would not forgive."""

    def __init__(self, name: str, provider: Provider, clock: Clock) -> None:
        super().__init__(name, provider, clock)
        self.said: dict[bytes, News] = {}

    async def start(self, payment: Payment) -> Outcome:
        """Whoever sends a code twice charges twice; links go stale."""
        if payment.terms.charges_at_once:
            return self._charge(payment)
        outcome = await super().start(payment)
        if isinstance(outcome, AwaitingPayer) and outcome.action:
            stale_at = self._clock.now() + LINK_LIVES
            return replace(outcome, action=replace(outcome.action, expires_at=stale_at))
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

    def _charge(self, payment: Payment) -> Outcome:
        number = payment.provider_order_no
        self.calls.append(("start", number))
        if self.mood.silent:
            return SILENT
        if self.mood.refuses:
            return Declined(self.mood.refuses)
        self.book.setdefault(number, Trade(number, payment.charged_amount))
        self.payer_pays(number)
        return SILENT if self.mood.swallows_answers else self._outcome(number)
