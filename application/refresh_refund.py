"""Ask the provider about one refund; what it never acknowledged is sent again, same number."""

from collections.abc import Mapping

from application.ledger import Ledger
from application.ports import Account, NewWork, RefundProvider
from domain.outcome import RefundNotFound, RefundOutcome, RefundRefused
from domain.payment import Payment
from domain.refund import Refund


class RefreshRefund:
    """Send again what got no answer, else query."""

    def __init__(self, *, work: NewWork, accounts: Mapping[str, Account], ledger: Ledger) -> None:
        self._work, self._accounts, self._ledger = work, accounts, ledger

    async def __call__(self, refund: Refund) -> Refund:
        """The refund as it is known now; nothing is raised for a silent provider."""
        async with self._work() as work:
            payment = await work.payments.get(refund.payment_id)
        provider = self._accounts[refund.account].refunds
        outcome: RefundOutcome
        if refund.open and refund.accepted_at is None:
            source, outcome = "refund", await send_again(provider, refund, payment)
        else:
            source, outcome = "query_refund", await provider.query_refund(refund, payment)
        return await self._ledger.learn_refund(refund, outcome, source=source)


async def send_again(provider: RefundProvider, refund: Refund, payment: Payment) -> RefundOutcome:
    """The same number and bytes again; a refusal says nothing of an earlier sending."""
    sent = await provider.refund(refund, payment)
    if not isinstance(sent, RefundRefused):
        return sent
    there = await provider.query_refund(refund, payment)
    return sent if isinstance(there, RefundNotFound) else there
