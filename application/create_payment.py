"""Create a payment: remember it, ask the provider, remember what it said.

Between the two commits lies the outside call; every state there can be finished by a repetition
of the request or by the sweeper.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from application.accounts import Accounts
from application.commands import NewPayment, validate_payment
from application.idempotency import Answer, Idempotency, Key, answered
from application.keeper import Keeper, Numbers
from application.ledger import Ledger, payment_status, settle
from application.one_fen import OneFen
from application.ports import Account, Clock, LostUpdate, NewWork, UnitOfWork
from application.records import Request
from application.refresh_payment import start_again
from domain.errors import OrderAlreadyPaid, PaymentInProgress
from domain.method import DEFAULT_EXPIRES_IN, TERMS
from domain.money import Money
from domain.order import Order
from domain.outcome import Declined, Failure, Outcome, Unasked, Unknown
from domain.payment import Payment
from domain.status import PaymentStatus

#: A charge is answered within 5 s, the close of an earlier payment included; two commits need
#: some of that.
CHARGE_SECONDS = 4.5

#: How long a customer waits for the close of the payment they switched away from.
SUPERSEDE_SECONDS = 2.0

#: A charge that did not leave never will: the till may take money in another way at once.
UNSENT = Failure(
    "provider_unavailable",
    message="The provider does not answer at present. Nothing was charged.",
    retryable=True,
)


class CreatePayment:
    """The use case behind `POST /v1/payments`."""

    def __init__(
        self,
        *,
        work: NewWork,
        accounts: Accounts,
        clock: Clock,
        numbers: Numbers,
        idempotency: Idempotency,
        ledger: Ledger,
        keep: Keeper,
        one_fen: OneFen,
    ) -> None:
        self._work, self._accounts, self._clock = work, accounts, clock
        self._numbers, self._keep, self._one_fen = numbers, keep, one_fen
        self._idempotency, self._ledger = idempotency, ledger

    async def __call__(self, command: NewPayment, key: Key) -> Answer:
        """The payment as JSON: 201 new, 200 the same open one, 202 outcome unknown.

        Raises InvalidRequest, AccountRequired, MethodNotOffered, OrderAlreadyPaid,
        PaymentInProgress, and what Idempotency.once raises.
        """
        validate_payment(command)
        account = self._accounts.for_payment(command.app, command.method, command.account)

        async def run(key: Key) -> Answer:
            charge = await self._one_fen.charge_for(Money(command.amount))
            return await self._place(self._draft(command, account, charge), key)

        return await self._idempotency.once(key, run=run, resume=self._resume)

    async def _place(self, payment: Payment, key: Key) -> Answer:
        began = _now()
        order, earlier = await self._order(payment)
        if earlier is not None:
            if _same(earlier, payment):
                return await self._again(earlier, key)
            earlier = await self._supersede(earlier)
        request = self._idempotency.claim(key, payment.id)
        async with self._work() as work:
            self._take_order(work, order, payment, earlier)
            if payment.action is not None:  # built here: nothing is left to ask
                settle(request, payment_status(payment), payment)
            self._keep.payment(work, payment)
            work.requests.save(request)
            await work.commit()
        if payment.action is None:
            outcome = await self._start(payment, began)
            await self._ledger.learn_payment(payment, outcome, source="start", request=request)
        return answered(request)

    async def _start(self, payment: Payment, began: float) -> Outcome:
        """Ask the provider. Whoever stands at a till hears something within 5 s."""
        provider = self._accounts[payment.account].payments
        if not payment.terms.charges_at_once:
            return await provider.start(payment)
        outcome = await _in_time(provider.start(payment), began)
        return Declined(UNSENT) if isinstance(outcome, Unasked) else outcome

    async def _resume(self, request: Request) -> Answer:
        """Finish what a crashed owner began: the same number, the same bytes."""
        async with self._work() as work:
            payment = await work.payments.get(request.order_id)
        outcome: Outcome = Unknown("resumed")
        provider = self._accounts[payment.account].payments
        wanted = payment.open and not payment.should_close(self._clock.now())
        if wanted and payment.terms.charges_at_once:  # never sent again: it may have charged
            outcome = await _in_time(provider.query(payment), _now())
        elif wanted and payment.action is None:
            outcome = await start_again(provider, payment)
        await self._ledger.learn_payment(payment, outcome, source="resume", request=request)
        return answered(request)

    async def _order(self, payment: Payment) -> tuple[Order, Payment | None]:
        """The order, new or known, and its open payment. What is decided rests on this version."""
        async with self._work() as work:
            order = await work.orders.find(payment.app, payment.order_no)
            if order is None:
                return Order(app=payment.app, order_no=payment.order_no, current=payment.id), None
            if order.winner is not None:
                raise OrderAlreadyPaid(order.order_no, order.winner)
            current = await work.payments.get(order.current)
        return order, current if current.open else None

    async def _again(self, payment: Payment, key: Key) -> Answer:
        """The same open payment; a stale code is renewed from the stored request."""
        action = payment.action
        if action and action.expires_at and self._clock.now() >= action.expires_at:
            outcome = await start_again(self._accounts[payment.account].payments, payment)
            payment = await self._ledger.learn_payment(payment, outcome, source="start")
            if not payment.open:
                raise LostUpdate(f"{payment.id} has ended meanwhile")
        request = self._idempotency.claim(key, payment.id)
        settle(request, 200 if payment.action else payment_status(payment), payment)
        async with self._work() as work:
            work.requests.save(request)
            await work.commit()
        return answered(request)

    async def _supersede(self, earlier: Payment) -> Payment:
        """Close the old one at the provider if that can be confirmed quickly."""
        if earlier.terms.charges_at_once:
            raise PaymentInProgress(earlier.id)
        if earlier.parked:  # a mismatch that a person must judge: nothing is closed
            return earlier
        outcome = await self._close(earlier)
        earlier = await self._ledger.learn_payment(earlier, outcome, source="close")
        if earlier.status is PaymentStatus.SUCCEEDED:
            raise OrderAlreadyPaid(earlier.order_no, earlier.id)
        return earlier

    async def _close(self, payment: Payment) -> Outcome:
        try:
            async with asyncio.timeout(SUPERSEDE_SECONDS):
                return await self._accounts[payment.account].payments.close(payment)
        except TimeoutError:
            return Unknown("no answer to the close in time")

    def _take_order(
        self, work: UnitOfWork, order: Order, payment: Payment, earlier: Payment | None
    ) -> None:
        """Make `payment` the order's current one; what was open before is left to the sweeper."""
        order.current = payment.id
        work.orders.save(order)
        if earlier is not None and earlier.status in (PaymentStatus.CREATED, PaymentStatus.CLOSED):
            earlier.superseded_by = payment.id
            earlier.ask_to_close(self._clock.now())
            self._keep.payment(work, earlier)

    def _draft(self, command: NewPayment, account: Account, charge: Money) -> Payment:
        now, id = self._clock.now(), self._numbers("pay")
        payment = Payment(
            id=id,
            app=command.app,
            order_no=command.order_no,
            account=account.name,
            method=command.method,
            amount=Money(command.amount),
            charged_amount=charge,
            subject=command.subject,
            provider_order_no=self._numbers.at_provider(id),
            created_at=now,
            expires_at=now + _lifetime(command),
            payer=command.payer,
            client_ip=command.client_ip,
            return_url=command.return_url,
            metadata=command.metadata,
        )
        prepared = account.payments.prepare(payment)
        payment.payee, payment.request = prepared.payee, prepared.request
        payment.action = prepared.action
        payment.plan_check(now)
        return payment


def _now() -> float:
    """Seconds of real time: who stands at a till waits by no business clock."""
    return asyncio.get_running_loop().time()


async def _in_time(asked: Awaitable[Outcome], began: float) -> Outcome:
    """What the provider says within the time of a till; `began`: of the loop's clock."""
    try:
        async with asyncio.timeout_at(began + CHARGE_SECONDS):
            return await asked
    except TimeoutError:
        return Unknown("no answer about the charge in time")


def _lifetime(command: NewPayment) -> timedelta:
    most = TERMS[command.method].max_expires_in
    return timedelta(seconds=command.expires_in or min(DEFAULT_EXPIRES_IN, most))


def _same(earlier: Payment, wanted: Payment) -> bool:
    def content(payment: Payment) -> tuple[object, ...]:
        who = payment.account, dict(payment.payer)
        return payment.amount, payment.subject, payment.method, *who

    return content(earlier) == content(wanted)
