"""Bugs planted into the product, each of which the stories or the histories must catch."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.persistence.memory import work as memory
from application import create_payment, refresh_payment
from application.announce_events import AnnounceEvents
from application.apply_callback import ApplyCallbacks
from application.budget import Budget
from application.close_payment import ClosePayment
from application.create_payment import CreatePayment
from application.create_refund import CreateRefund
from application.idempotency import Answer, Idempotency, Key, answered
from application.keeper import Keeper
from application.ledger import Ledger
from application.ports import PaymentProvider, UnitOfWork
from application.records import Request
from application.refresh_payment import RefreshPayment
from application.refunds_elsewhere import RefundsElsewhere
from application.views import payment_view, to_json
from domain.events import Event
from domain.money import ZERO, Money
from domain.order import Order
from domain.outcome import Closed, Declined, Failure, Outcome, Paid, Unknown
from domain.payment import Payment
from domain.refund import Refund
from domain.schedule import Situation, next_check
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

    def greedy(self: Payment, *, reserved: Money, refunded: Money, charge: Money) -> None:
        shift(self, reserved=reserved if refunded else ZERO, refunded=refunded, charge=charge)

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


def send_a_code_again_when_sweeping(patch: Patch) -> None:
    refresh = RefreshPayment.__call__

    async def hasty(self: RefreshPayment, payment: Payment) -> Payment:
        ending = payment.should_close(self._clock.now())
        if payment.open and payment.action is None and not ending:
            provider = self._accounts[payment.account].payments
            outcome = await provider.start(payment)
            return await self._ledger.learn_payment(payment, outcome, source="start")
        return await refresh(self, payment)

    patch.setattr(RefreshPayment, "__call__", hasty)


def take_back_without_asking(patch: Patch) -> None:
    async def close(provider: PaymentProvider, payment: Payment) -> Outcome:
        return await provider.close(payment)

    patch.setattr(refresh_payment, "close_there", close)


def take_back_too_early(patch: Patch) -> None:
    def eager(self: Payment, at: datetime) -> bool:
        return self.open and not self.parked and (self.closing or at >= self.expires_at)

    patch.setattr(Payment, "should_close", eager)


def believe_what_a_charge_was(patch: Patch) -> None:
    patch.setattr(Payment, "being_taken_back", lambda *_: False)


def forget_that_money_went_back(patch: Patch) -> None:
    close = Payment._learn_closed

    def plainly(self: Payment, was_reversed: bool, at: datetime) -> None:
        close(self, was_reversed=False, at=at)

    patch.setattr(Payment, "_learn_closed", plainly)


def believe_an_unopened_link_gone(patch: Patch) -> None:
    patch.setattr("domain.payment.GRACE", timedelta(0))


def close_what_is_not_found(patch: Patch) -> None:
    def gone(self: Payment, at: datetime) -> None:
        self._learn_closed(was_reversed=False, at=at)

    patch.setattr(Payment, "_learn_not_found", gone)


def let_jitter_swallow_the_next_check(patch: Patch) -> None:
    def swallowed(situation: Situation, checks: int, **facts: Any) -> datetime | None:
        return next_check(situation, checks, **facts) if checks % 3 else None

    patch.setattr("domain.payment.next_check", swallowed)


def forget_a_wish_for_silence(patch: Patch) -> None:
    patch.setattr(Budget, "heard", lambda *_: None)


def keep_a_second_success(patch: Patch) -> None:
    patch.setattr(Ledger, "_refund_duplicate", lambda *_: None)


def record_a_reversal_again(patch: Patch) -> None:
    def returned(self: Payment, outcome: Outcome) -> Money:
        back = isinstance(outcome, Closed) and outcome.reversed
        return self.amount if back and self.status is PaymentStatus.SUCCEEDED else ZERO

    patch.setattr(Payment, "returned_elsewhere", returned)


def ignore_a_reversal(patch: Patch) -> None:
    patch.setattr(Payment, "returned_elsewhere", lambda *_: ZERO)


def adopt_a_foreign_refund_again(patch: Patch) -> None:
    async def row(
        self: RefundsElsewhere, _: UnitOfWork, payment: Payment, number: str, charge: Money
    ) -> Refund:
        another = f"{number}-{payment.version}"
        return self._draft(payment, another, charge, payment.worth_of(charge))

    patch.setattr(RefundsElsewhere, "_row_for", row)


def record_a_foreign_refund_besides_the_rest(patch: Patch) -> None:
    row_for = RefundsElsewhere._row_for

    async def row(
        self: RefundsElsewhere, work: UnitOfWork, payment: Payment, number: str, charge: Money
    ) -> Refund | None:
        refund = await row_for(self, work, payment, number, charge)
        if refund is not None and refund.version == 0:
            refund.amount = refund.charged_amount = charge
        return refund

    patch.setattr(RefundsElsewhere, "_row_for", row)


def lose_the_wish_of_a_search(patch: Patch) -> None:
    heard = Ledger.heard

    def deaf(self: Ledger, account: str, outcome: Any) -> None:
        if sys._getframe(1).f_code.co_name != "_adopt":
            heard(self, account, outcome)

    patch.setattr(Ledger, "heard", deaf)


def ignore_a_foreign_refund(patch: Patch) -> None:
    async def adopt(*_: object) -> None:
        """Not ours."""

    patch.setattr(ApplyCallbacks, "_adopt", adopt)


def round_shares_up(patch: Patch) -> None:
    def share(self: Payment, amount: Money) -> Money:
        back = self.refunded_amount + self.reserved_amount + amount
        due = -(-self.charged_amount.fen * back.fen // self.amount.fen)
        return Money(due) - self.refunded_charge

    patch.setattr(Payment, "share_of", share)


def forget_what_shares_left_over(patch: Patch) -> None:
    def share(self: Payment, amount: Money) -> Money:
        return Money(self.charged_amount.fen * amount.fen // self.amount.fen)

    patch.setattr(Payment, "share_of", share)


def send_a_share_of_nothing(patch: Patch) -> None:
    async def reserve(
        self: CreateRefund, work: UnitOfWork, refund: Refund, payment: Payment, key: Key, now: Any
    ) -> Request:
        again = refund.version > 0
        payment.reserve(refund.amount, share=refund.charged_amount, at=now, again=again)
        request = self._idempotency.claim(key, refund.id)
        refund.plan_check(now)
        self._keep.payment(work, payment)
        self._keep.refund(work, refund)
        work.requests.save(request)
        await work.commit()
        return request

    patch.setattr(CreateRefund, "_reserve", reserve)


def keep_the_share_of_a_refused_refund(patch: Patch) -> None:
    shift = Payment.shift_refund

    def greedy(self: Payment, *, reserved: Money, refunded: Money, charge: Money) -> None:
        shift(self, reserved=reserved, refunded=refunded, charge=max(charge, ZERO, key=_fen))

    patch.setattr(Payment, "shift_refund", greedy)


def hold_callbacks_against_what_is_owed(patch: Patch) -> None:
    difference = Payment._difference

    def owed(self: Payment, paid: Paid) -> str:
        return difference(replace(self, charged_amount=self.amount), paid)

    patch.setattr(Payment, "_difference", owed)


def leave_bounced_refunds_alone(patch: Patch) -> None:
    plan = Refund.plan_check

    def final(self: Refund, at: datetime) -> None:
        plan(self, at)
        self.next_check_at = self.next_check_at if self.open else None

    patch.setattr(Refund, "plan_check", final)


def say_nothing_of_a_closed_duplicate(patch: Patch) -> None:
    patch.setattr(Refund, "_report_kept", lambda *_: None)


def _fen(money: Money) -> int:
    return money.fen


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
    (send_a_code_again_when_sweeping, "I2"),
    (take_back_without_asking, "I1"),
    (take_back_too_early, "I1"),
    (believe_what_a_charge_was, "I8"),
    (forget_that_money_went_back, "I8"),
    (believe_an_unopened_link_gone, "I1"),
    (close_what_is_not_found, "I1"),
    (let_jitter_swallow_the_next_check, "I1"),
    (forget_a_wish_for_silence, "I12"),
    (keep_a_second_success, "I2"),
    (record_a_reversal_again, "I"),
    (ignore_a_reversal, "I8"),
    (adopt_a_foreign_refund_again, "I1"),
    (record_a_foreign_refund_besides_the_rest, "I"),
    (lose_the_wish_of_a_search, "I12"),
    (ignore_a_foreign_refund, "I8"),
    (round_shares_up, "I4"),
    (forget_what_shares_left_over, "I4"),
    (send_a_share_of_nothing, "I3"),
    (keep_the_share_of_a_refused_refund, "I4"),
    (hold_callbacks_against_what_is_owed, "I1"),
    (leave_bounced_refunds_alone, "I1"),
    (say_nothing_of_a_closed_duplicate, "I8"),
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
