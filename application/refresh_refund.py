"""Ask the provider about one refund; what it never acknowledged is sent again, same number."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime

from application.ledger import Ledger
from application.ports import Account, Clock, NewWork, RefundProvider
from application.records import Request
from domain.outcome import RefundNotFound, RefundOutcome, RefundRefused, Unasked, Unknown
from domain.payment import Payment
from domain.refund import Refund


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
        if refund.unanswered:
            return await send_again(self._ledger, provider, refund, payment, at=self._clock.now())
        outcome = await provider.query_refund(refund, payment)
        return await self._ledger.learn_refund(refund, outcome, source="query_refund")


async def send_again(
    ledger: Ledger,
    provider: RefundProvider,
    refund: Refund,
    payment: Payment,
    *,
    at: datetime,
    request: Request | None = None,
) -> Refund:
    """The same number and bytes again; a refusal says nothing of an earlier sending.

    That it is sent is committed first, so that whoever sends it next knows what may be hidden.
    """
    earlier: Refund | None = None

    def begin(stored: Refund) -> None:
        nonlocal earlier
        earlier = copy(stored) if stored.unanswered else None
        if earlier:
            stored.send_again(at)

    refund = await ledger.change_refund(refund.id, begin)
    outcome: RefundOutcome = Unknown("somebody else heard of it")
    if earlier is not None:
        outcome = await _sent(provider, refund, payment, earlier)
    return await ledger.learn_refund(refund, outcome, source="refund", request=request)


async def _sent(
    provider: RefundProvider, refund: Refund, payment: Payment, earlier: Refund
) -> RefundOutcome:
    outcome, at = await provider.refund(refund, payment), refund.sent_at
    if isinstance(outcome, Unasked):
        refund.sent_at = earlier.sent_at
    if not isinstance(outcome, RefundRefused) or at is None:
        return outcome
    there = await provider.query_refund(refund, payment)
    if not isinstance(there, RefundNotFound):
        return there
    if earlier.may_show_later(at):
        refund.sent_at = earlier.sent_at  # this sending moved nothing
        return Unknown("refused, and an earlier sending may not show yet", trace=outcome.trace)
    return replace(outcome, sent_at=at)
