"""Bugs planted into the product, each of which the stories or the histories must catch."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.persistence.memory import work as memory
from application import create_payment, refresh_payment
from application.announce_events import AnnounceEvents
from application.apply_callback import ApplyCallbacks
from application.close_payment import ClosePayment
from application.create_payment import CreatePayment
from application.create_refund import CreateRefund
from application.idempotency import Answer, Idempotency, answered
from application.keeper import Keeper
from application.ledger import Ledger
from application.ports import PaymentProvider, UnitOfWork
from application.views import payment_view, to_json
from domain.events import Event
from domain.money import ZERO, Money
from domain.order import Order
from domain.outcome import Closed, Declined, Failure, Outcome, Paid, Unknown
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PAYMENT_MOVES, PaymentStatus
from tests.simulation.histories import play
from tests.simulation.process import Appointed, Verdict
from tests.simulation.test_crash_points import MOMENTS, moments, tell
from tests.simulation.world import Broken

Patch = pytest.MonkeyPatch


def drop_the_version_check(patch: Patch) -> None:
    def write(table: Any, key: Any, row: Any) -> Any:
        return table.insert(row) if row.version == 1 else table.replace(row)

    patch.setattr(memory, "_write", write)


def publish_twice(patch: Patch) -> None:
    async def announce(self: AnnounceEvents) -> int:
        waiting = await self._outbox.waiting(100)
        for _ in range(2):
            await self._publisher.publish(waiting)
        await self._outbox.published([each.id for each in waiting], self._clock.now())
        return len(waiting)

    patch.setattr(AnnounceEvents, "__call__", announce)


def mark_before_publishing(patch: Patch) -> None:
    async def announce(self: AnnounceEvents) -> int:
        waiting = await self._outbox.waiting(100)
        await self._outbox.published([each.id for each in waiting], self._clock.now())
        return len(await self._publisher.publish(waiting)) if waiting else 0

    patch.setattr(AnnounceEvents, "__call__", announce)


def skip_the_amount_check(patch: Patch) -> None:
    patch.setattr(Payment, "_difference", lambda *_: "")


def forget_the_reserve(patch: Patch) -> None:
    patch.setattr(Payment, "reserve", lambda *_, **__: None)


def keep_the_reserve_of_a_refused_refund(patch: Patch) -> None:
    shift = Payment.shift_refund

    def greedy(self: Payment, *, reserved: Money, refunded: Money) -> None:
        shift(self, reserved=reserved if refunded else ZERO, refunded=refunded)

    patch.setattr(Payment, "shift_refund", greedy)


def answer_replays_anew(patch: Patch) -> None:
    known = Idempotency._known

    async def anew(self: Idempotency, *args: Any) -> Answer | None:
        answer = await known(self, *args)
        if answer is None or not answer.order_id.startswith("pay"):
            return answer
        async with self._work() as work:
            payment = await work.payments.get(answer.order_id)
        return replace(answer, body=to_json(payment_view(payment)))

    patch.setattr(Idempotency, "_known", anew)


def claim_no_key(patch: Patch) -> None:
    patch.setattr(memory._Requests, "save", lambda *_: None)


def close_without_asking(patch: Patch) -> None:
    async def close(self: ClosePayment, payment: Payment) -> Payment:
        return await self._ledger.learn_payment(payment, Closed(), source="close")

    patch.setattr(ClosePayment, "_close", close)


def treat_unknown_as_failure(patch: Patch) -> None:
    learn = Payment.learn

    def hasty(self: Payment, outcome: Outcome, *, at: datetime) -> None:
        failure = Declined(Failure("timeout"))
        learn(self, failure if isinstance(outcome, Unknown) else outcome, at=at)

    patch.setattr(Payment, "learn", hasty)


def treat_unknown_as_success(patch: Patch) -> None:
    learn = Payment.learn

    def hopeful(self: Payment, outcome: Outcome, *, at: datetime) -> None:
        proof = Paid("tx", self.charged_amount, at, self.payee)
        learn(self, proof if isinstance(outcome, Unknown) else outcome, at=at)

    patch.setattr(Payment, "learn", hopeful)


def lose_the_winner_check(patch: Patch) -> None:
    patch.setattr(Order, "won_by", lambda *_: True)


def take_a_new_number_at_retry(patch: Patch) -> None:
    again = refresh_payment.start_again

    async def renumbered(provider: PaymentProvider, payment: Payment) -> Outcome:
        number = payment.provider_order_no + "R"
        return await again(provider, replace(payment, provider_order_no=number))

    patch.setattr(refresh_payment, "start_again", renumbered)


def send_a_code_again(patch: Patch) -> None:
    async def resume(self: CreatePayment, request: Any) -> Answer:
        async with self._work() as work:
            payment = await work.payments.get(request.order_id)
        outcome = await self._accounts[payment.account].payments.start(payment)
        await self._ledger.learn_payment(payment, outcome, source="resume", request=request)
        return answered(request)

    patch.setattr(CreatePayment, "_resume", resume)


def believe_a_refused_repetition(patch: Patch) -> None:
    async def start(provider: PaymentProvider, payment: Payment) -> Outcome:
        return await provider.start(payment)

    patch.setattr(create_payment, "start_again", start)


def forget_a_callback_before_it_is_applied(patch: Patch) -> None:
    async def attempt(self: ApplyCallbacks, callback: Any, tries: int) -> None:
        await self._queue.done(callback.id)
        await self._apply(callback)

    patch.setattr(ApplyCallbacks, "_attempt", attempt)


def stop_asking(patch: Patch) -> None:
    def plan(self: Payment, at: datetime) -> None:
        self.next_check_at = None if self.checks else at + timedelta(seconds=5)
        self.checks += 1

    patch.setattr(Payment, "plan_check", plan)


def announce_only_payments(patch: Patch) -> None:
    def keep(self: Keeper, work: UnitOfWork, refund: Refund) -> None:
        work.refunds.save(refund)
        refund.events.clear()
        refund.reports.clear()

    patch.setattr(Keeper, "refund", keep)


def announce_in_a_later_commit(patch: Patch) -> None:
    keep, learn = Keeper.payment, Ledger.learn_payment

    def silent(self: Keeper, work: UnitOfWork, payment: Payment) -> None:
        later.extend((payment, event) for event in payment.events)
        payment.events.clear()
        keep(self, work, payment)

    async def learned(self: Ledger, payment: Payment, *args: Any, **kwargs: Any) -> Payment:
        payment = await learn(self, payment, *args, **kwargs)
        async with self._work() as work:
            while later:
                order, event = later.pop()
                order.events.append(event)
                self._keep._announce(work, order, b"{}")
            await work.commit()
        return payment

    later: list[tuple[Payment, Event]] = []
    patch.setattr(Keeper, "payment", silent)
    patch.setattr(Ledger, "learn_payment", learned)


def refuse_late_money(patch: Patch) -> None:
    patch.setitem(PAYMENT_MOVES, PaymentStatus.CLOSED, frozenset())


def refund_under_another_number(patch: Patch) -> None:
    place = CreateRefund._send

    async def send(self: CreateRefund, refund: Refund, payment: Payment, request: Any) -> None:
        other = replace(refund, provider_refund_no=refund.provider_refund_no + "R")
        await place(self, other, payment, request)

    patch.setattr(CreateRefund, "_send", send)


#: Each bug, and the promise that it breaks first.
BUGS: list[tuple[Callable[[Patch], None], str]] = [
    (drop_the_version_check, "I"),
    (publish_twice, "I6"),
    (mark_before_publishing, "I5"),
    (skip_the_amount_check, "I10"),
    (forget_the_reserve, "I4"),
    (keep_the_reserve_of_a_refused_refund, "I4"),
    (answer_replays_anew, "I9"),
    (claim_no_key, "I"),
    (close_without_asking, "I1"),
    (treat_unknown_as_failure, "I"),
    (treat_unknown_as_success, "I"),
    (lose_the_winner_check, "I2"),
    (take_a_new_number_at_retry, "I2"),
    (send_a_code_again, "I2"),
    (believe_a_refused_repetition, "I1"),
    (forget_a_callback_before_it_is_applied, "I1"),
    (stop_asking, "I1"),
    (announce_only_payments, "I5"),
    (announce_in_a_later_commit, "I5"),
    (refuse_late_money, "I"),
    (refund_under_another_number, "I3"),
]


def look_everywhere() -> None:
    """Stories undisturbed, then struck at every moment, then histories."""
    for story in MOMENTS:
        tell(story, Appointed())
    for story in MOMENTS:
        for at in range(1, moments(story) + 1):
            for verdict in (Verdict.DIE, Verdict.FAIL):
                tell(story, Appointed(at, verdict=verdict))
    for seed in range(60):
        play(seed)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("plant", "promise"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[Patch], None], promise: str
) -> None:
    plant(monkeypatch)

    with pytest.raises(Broken) as caught:
        look_everywhere()

    assert str(caught.value).startswith(promise)
