"""Ask the provider about one refund; what it never acknowledged is sent again, same number."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from application.ledger import Ledger
from application.ports import Account, Clock, NewWork, RefundProvider
from domain.outcome import RefundNotFound, RefundOutcome, RefundRefused, Unknown
from domain.payment import Payment
from domain.refund import Refund

#: A sending may be under way, or done and unseen by the provider's own query, for so long.
UNSEEN_FOR = timedelta(seconds=60)


class RefreshRefund:
    """Send again what got no answer, else query."""

    def __init__(
        self, *, work: NewWork, accounts: Mapping[str, Account], clock: Clock, ledger: Ledger
    ) -> None:
        self._work, self._accounts, self._clock, self._ledger = work, accounts, clock, ledger

    async def __call__(self, refund: Refund) -> Refund:
        """The refund as it is known now; nothing is raised for a silent provider."""
        async with self._work() as work:
            payment = await work.payments.get(refund.payment_id)
        provider = self._accounts[refund.account].refunds
        outcome: RefundOutcome
        if refund.open and refund.accepted_at is None:
            source, outcome = (
                "refund",
                await send_again(provider, refund, payment, at=self._clock.now()),
            )
        else:
            source, outcome = "query_refund", await provider.query_refund(refund, payment)
        return await self._ledger.learn_refund(refund, outcome, source=source)


async def send_again(
    provider: RefundProvider, refund: Refund, payment: Payment, *, at: datetime
) -> RefundOutcome:
    """The same number and bytes again; a refusal says nothing of an earlier sending."""
    sent = await provider.refund(refund, payment)
    if not isinstance(sent, RefundRefused):
        return sent
    there = await provider.query_refund(refund, payment)
    if not isinstance(there, RefundNotFound):
        return there
    if at - refund.created_at < UNSEEN_FOR:
        return Unknown("refused, and an earlier sending may not show yet", trace=sent.trace)
    return sent
