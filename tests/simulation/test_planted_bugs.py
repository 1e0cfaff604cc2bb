"""Bugs planted into the product, each of which the stories or the histories must catch."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.persistence.memory import work as memory
from application.announce_events import AnnounceEvents
from application.apply_callback import ApplyCallbacks
from application.close_payment import ClosePayment
from application.create_payment import CreatePayment
from application.create_refund import CreateRefund
from application.idempotency import Answer, Idempotency
from application.ledger import Ledger
from application.refresh_payment import RefreshPayment
from application.views import payment_view, to_json
from domain.events import Event
from domain.money import ZERO
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
    patch.setattr(Payment, "_difference", lambda self, paid: "")


def forget_the_reserve(patch: Patch) -> None:
    patch.setattr(Payment, "reserve", lambda self, amount, **_: None)


def keep_the_reserve_of_a_refused_refund(patch: Patch) -> None:
    shift = Payment.shift_refund

    def forgetful(self: Payment, *, reserved: Any, refunded: Any) -> None:
        shift(self, reserved=ZERO if refunded == ZERO else reserved, refunded=refunded)

    patch.setattr(Payment, "shift_refund", forgetful)


def answer_replays_anew(patch: Patch) -> None:
    known = Idempotency._known

    async def anew(self: Idempotency, key: Any, resume: Any) -> Answer | None:
        answer = await known(self, key, resume)
        if answer is None or not answer.order_id.startswith("pay"):
            return answer
        async with self._work() as work:
            payment = await work.payments.get(answer.order_id)
        return replace(answer, body=to_json(payment_view(payment)))

    patch.setattr(Idempotency, "_known", anew)


def claim_no_key(patch: Patch) -> None:
    patch.setattr(memory._Requests, "save", lambda self, request: None)


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
    patch.setattr(Order, "won_by", lambda self, payment_id: True)


def take_a_new_number_at_retry(patch: Patch) -> None:
    again = RefreshPayment._start_again

    async def renumbered(self: RefreshPayment, provider: Any, payment: Payment) -> Outcome:
        other = replace(payment, provider_order_no=payment.provider_order_no + "R")
        return await again(self, provider, other)

    patch.setattr(RefreshPayment, "_start_again", renumbered)


def send_a_code_again(patch: Patch) -> None:
    async def resume(self: CreatePayment, request: Any) -> Answer:
        async with self._work() as work:
            payment = await work.payments.get(request.order_id)
        await self._start(payment, request)
        return Answer(request.status, request.body, request.order_id)

    patch.setattr(CreatePayment, "_resume", resume)


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
    def keep(self: Ledger, work: Any, refund: Refund) -> None:
        work.refunds.save(refund)
        refund.events.clear()

    patch.setattr(Ledger, "keep_refund", keep)


def announce_before_the_commit(patch: Patch) -> None:
    learn = Ledger.learn_payment

    async def hasty(self: Ledger, payment: Payment, *args: Any, **kwargs: Any) -> Payment:
        sequence, status = payment.sequence + 1, PaymentStatus.SUCCEEDED
        if isinstance(args[0], Paid) and payment.status is not status:
            event = Event("basepay.payment.succeeded", sequence, args[0].paid_at)  # type: ignore[arg-type]  # good enough for a bug
            payment.events.append(event)
            async with self._work() as work:
                self._announce(work, payment, b"{}")
                await work.commit()
        return await learn(self, payment, *args, **kwargs)

    patch.setattr(Ledger, "learn_payment", hasty)


def refuse_late_money(patch: Patch) -> None:
    patch.setitem(PAYMENT_MOVES, PaymentStatus.CLOSED, frozenset())


def ask_before_remembering(patch: Patch) -> None:
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
    (treat_unknown_as_success, "I10"),
    (lose_the_winner_check, "I2"),
    (take_a_new_number_at_retry, "I2"),
    (send_a_code_again, "I2"),
    (forget_a_callback_before_it_is_applied, "I1"),
    (stop_asking, "I1"),
    (announce_only_payments, "I5"),
    (announce_before_the_commit, "I"),
    (refuse_late_money, "I"),
    (ask_before_remembering, "I3"),
]


def look_everywhere() -> None:
    """Stories undisturbed, then struck at every moment, then histories."""
    for story in MOMENTS:
        tell(story, Appointed())
    for story in MOMENTS:
        for verdict in (Verdict.DIE, Verdict.FAIL):
            for at in range(1, moments(story) + 1):
                tell(story, Appointed(at, verdict=verdict))
    for seed in range(60):
        play(seed)


@pytest.mark.parametrize(("plant", "promise"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[Patch], None], promise: str
) -> None:
    plant(monkeypatch)

    with pytest.raises(Broken) as caught:
        look_everywhere()

    assert str(caught.value).startswith(promise)
