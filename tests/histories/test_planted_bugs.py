"""Bugs planted into clients and use cases, each of which the histories must catch."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from adapters.persistence.memory.queues import MemoryAgenda
from adapters.providers.alipay import callbacks as alipay_callbacks
from adapters.providers.alipay import reading
from adapters.providers.alipay.refunds import AlipayRefunds
from adapters.providers.wechat_pay.payments import WeChatPayments
from application import refresh_payment, refresh_refund
from application.apply_callback import ApplyCallbacks
from application.ports import CallbackRejected, PaymentProvider, RefundProvider
from application.records import RawCallback
from domain.outcome import Closed, FoundRefund, Outcome, RefundNotFound, RefundOutcome, Unknown
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus
from tests.histories.playing import play
from tests.simulation.world import Broken

Patch = pytest.MonkeyPatch


def read_a_refunded_trade_as_closed(patch: Patch) -> None:
    patch.setattr(reading, "_was_paid", lambda _: False)


def take_a_reversal_for_granted(patch: Patch) -> None:
    end = WeChatPayments._end

    async def reverse(self: WeChatPayments, payment: Payment) -> Outcome:
        await end(self, payment, "reverse", b"{}")
        return Closed()

    patch.setattr(WeChatPayments, "_reverse", reverse)


def believe_that_a_foreign_refund_was_whole(patch: Patch) -> None:
    look_up = AlipayRefunds.look_up

    async def generous(
        self: AlipayRefunds, number: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        found = await look_up(self, number, payment)
        if isinstance(found, FoundRefund):
            told: Any = found.outcome
            return FoundRefund(payment.charged_amount, replace(told, amount=payment.charged_amount))
        return found

    patch.setattr(AlipayRefunds, "look_up", generous)


def forget_refunds_when_sweeping(patch: Patch) -> None:
    async def nothing(*_: object, **__: object) -> Sequence[str]:
        return ()

    patch.setattr(MemoryAgenda, "due_refunds", nothing)


def believe_not_found_at_once(patch: Patch) -> None:
    def learn(self: Payment, at: datetime) -> None:
        if self.open:
            self.closing = False
            self._become(PaymentStatus.CLOSED, at)

    patch.setattr(Payment, "_learn_not_found", learn)


def repeat_under_another_number(patch: Patch) -> None:
    again = refresh_payment.start_again

    async def renumbered(provider: PaymentProvider, payment: Payment) -> Outcome:
        body = payment.request.replace(
            payment.provider_order_no.encode(), payment.provider_order_no.encode() + b"R"
        )
        return await again(provider, replace(payment, request=body))

    patch.setattr(refresh_payment, "start_again", renumbered)


def believe_a_refused_repetition(patch: Patch) -> None:
    async def send(
        provider: RefundProvider, refund: Refund, payment: Payment, *, at: datetime
    ) -> RefundOutcome:
        return await provider.refund(refund, payment)

    patch.setattr(refresh_refund, "send_again", send)


def check_no_signature(patch: Patch) -> None:
    patch.setattr(alipay_callbacks, "verify_callback", lambda *_: None)


def disown_what_cannot_be_verified_yet(patch: Patch) -> None:
    apply = ApplyCallbacks._apply

    async def hasty(self: ApplyCallbacks, callback: RawCallback) -> None:
        with suppress(CallbackRejected):
            await apply(self, callback)

    patch.setattr(ApplyCallbacks, "_apply", hasty)


#: Each bug; the rare ones with the rules to aim at, lest the search take minutes.
BUGS: list[tuple[Callable[[Patch], None], Sequence[str]]] = [
    (read_a_refunded_trade_as_closed, ["money_comes_and_goes_unheard"]),
    (take_a_reversal_for_granted, ["a_payer_races_the_end", "something_happens_on_the_site"]),
    (believe_that_a_foreign_refund_was_whole, []),
    (forget_refunds_when_sweeping, []),
    (believe_not_found_at_once, []),
    (repeat_under_another_number, []),
    (believe_a_refused_repetition, ["a_refund_meets_one_trouble_after_another"]),
    (disown_what_cannot_be_verified_yet, ["keys_are_turned_and_basepay_restarts"]),
    (check_no_signature, []),
]


def look_everywhere(aim: Sequence[str]) -> None:
    """Three blocks; each of the bugs shows within a few histories."""
    for seed in (1, 2, 3):
        play(seed, shrink=False, aim=aim)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("plant", "aim"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[Patch], None], aim: Sequence[str]
) -> None:
    plant(monkeypatch)

    with pytest.raises(Broken):
        look_everywhere(aim)
