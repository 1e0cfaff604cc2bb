"""Ask the provider about one payment, in the way that its state calls for."""

from collections.abc import Mapping

from application.ledger import Ledger
from application.ports import Account, Clock, PaymentProvider
from domain.outcome import AwaitingPayer, Declined, NotFound, Outcome, Unknown
from domain.payment import Payment


class RefreshPayment:
    """Close what should end, send again what got no answer, else query."""

    def __init__(self, *, accounts: Mapping[str, Account], clock: Clock, ledger: Ledger) -> None:
        self._accounts, self._clock, self._ledger = accounts, clock, ledger

    async def __call__(self, payment: Payment) -> Payment:
        """The payment as it is known now; nothing is raised for a silent provider."""
        provider = self._accounts[payment.account].payments
        if payment.should_close(self._clock.now()):
            source, outcome = "close", await close_there(provider, payment)
        elif payment.open and payment.action is None and not payment.terms.charges_at_once:
            source, outcome = "start", await start_again(provider, payment)
        else:
            source, outcome = "query", await provider.query(payment)
        return await self._ledger.learn_payment(payment, outcome, source=source)


async def close_there(provider: PaymentProvider, payment: Payment) -> Outcome:
    """Close at the provider. A charge is taken back only if it has not come to its end already."""
    if payment.terms.charges_at_once:
        asked = await provider.query(payment)
        if not isinstance(asked, AwaitingPayer | NotFound | Unknown) or _wants_silence(asked):
            return asked
    return await provider.close(payment)


async def start_again(provider: PaymentProvider, payment: Payment) -> Outcome:
    """The same number and bytes again; a refusal may only mean that the first one lives."""
    started = await provider.start(payment)
    if isinstance(started, AwaitingPayer) or _wants_silence(started):
        return started
    asked = await provider.query(payment)
    absent = isinstance(asked, NotFound) and not payment.terms.unknown_until_opened
    return started if absent and isinstance(started, Declined) else asked


def _wants_silence(outcome: Outcome) -> bool:
    """A second question would only annoy, and its answer could hide the wish."""
    return isinstance(outcome, Unknown) and outcome.retry_after is not None
