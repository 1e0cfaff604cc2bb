"""Random histories: many apps, payers, providers and mishaps, all decided by one seed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from random import Random

from adapters.providers.in_memory.book import Returned, Trade
from application.ports import Unavailable
from application.records import Caller
from domain.errors import DomainError, IdempotencyKeyReused
from domain.method import Method
from domain.money import Money
from domain.payment import Payment
from domain.status import PaymentStatus, RefundStatus
from tests.simulation.asking import (
    ASKS_PASSWORD,
    HAS_NO_BALANCE,
    PAYS,
    Asked,
    a_return,
    an_order,
    by,
)
from tests.simulation.invariants import check_always, check_settled, hold
from tests.simulation.process import Chance, Died
from tests.simulation.provider import StrictProvider
from tests.simulation.virtual_time import VirtualLoop
from tests.simulation.world import OLGA, SimulatedWorld

#: Codes and links are where time and answers matter most.
METHODS = [*Method, *Method, Method.WECHAT_CODE, Method.ALIPAY_CODE, Method.ALIPAY_PAGE]
WALLETS = [PAYS, PAYS, ASKS_PASSWORD, ASKS_PASSWORD, HAS_NO_BALANCE]


class History:
    """One seed, one history: 20 to 60 things, one to three of them at once."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.fate = Chance(self.random)
        spacing = timedelta(seconds=self.random.choice([0, 3, 60]))
        self.world = SimulatedWorld(self.fate, refund_spacing=spacing, at_rest=check_always)
        self.asked: list[Asked] = []
        self.sent: list[tuple[StrictProvider, bytes]] = []
        self.steps = 0

    async def run(self) -> None:
        """Live through it, let everything end, and check the books."""
        length = self.random.randint(20, 60)
        while self.steps < length:
            together = self.random.choice([1, 1, 1, 2, 3])
            await asyncio.gather(*(self._step() for _ in range(together)))
            self.world.mourn()
            check_always(self.world)
        self.fate.at_peace = True
        await self.world.settle()
        check_settled(self.world)

    async def _step(self) -> None:
        self.steps += 1
        [step] = self.random.choices(list(STEPS), weights=list(STEPS.values()))
        with suppress(DomainError, Unavailable):
            try:
                await step(self)
            except Died:  # whoever asked has no answer, and may ask again or not
                self.world.mourn()

    # What apps do.

    async def an_app_asks_for_a_payment(self) -> None:
        facts = an_order(
            app=self.random.choice(["shop", "canteen"]),
            order_no=f"SO-{self.random.randint(1, 3)}",
            amount=self.random.choice([8888, 5000]),
            **by(self.random.choice(METHODS), self.random.choice(WALLETS)),
        )
        await self._ask("payments", facts)

    async def a_till_loses_its_line(self) -> None:
        """A code is charged unheard, and its time runs out."""
        method = self.random.choice([Method.WECHAT_CODE, Method.ALIPAY_CODE])
        provider = self._speaks_for(method)
        provider.loses_answers()
        facts = an_order(order_no=f"TILL-{self.steps}", **by(method))
        with suppress(Died):
            await self._ask("payments", facts)
        for number in list(provider.book)[-1:]:
            self.sent.append((provider, provider.callback("payment", number)))
        await asyncio.sleep(self.random.choice([5, 46]))
        await self.world.sweep()
        provider.behaves_again()

    async def a_customer_leaves_a_dead_provider(self) -> None:
        """And may pay twice."""
        still = [p for p in self.world.payments() if p.open and not p.terms.charges_at_once]
        if not still:
            return
        first = self.random.choice(still)
        dead = self.world.providers[first.account]
        dead.stops_answering()
        method = self.random.choice([m for m in Method if self._speaks_for(m) is not dead])
        facts = an_order(app=first.app, order_no=first.order_no, **by(method))
        await self._ask("payments", facts)
        for payment in self.world.payments():
            if payment.order_no == first.order_no and self.random.random() < 0.8:
                self._opens(payment)
                number = payment.provider_order_no
                await self._pay(lambda t, no=number: t.state == "open" and t.number == no)  # type: ignore[misc]
        if self.random.random() < 0.5:
            dead.behaves_again()

    async def an_app_asks_for_a_refund(self) -> None:
        payment = self._any_payment(PaymentStatus.SUCCEEDED)
        if payment is None:
            return
        changes = {"refund_no": f"RF-{payment.id}-{self.random.randint(1, 3)}"}
        amount = self.random.choice([1, 1000, 4444, payment.amount.fen])
        await self._ask("refunds", a_return(payment.app, payment.id, amount=amount, **changes))

    async def an_app_retries_a_refund(self) -> None:
        failed = [r for r in self.world.refunds() if r.status is RefundStatus.FAILED]
        for refund in failed[:1]:
            changes = {"refund_no": refund.refund_no, "amount": refund.amount.fen}
            await self._ask("refunds", a_return(refund.app, refund.payment_id, **changes))

    async def an_app_repeats_itself(self) -> None:
        if self.asked:
            await self.world.ask(self.random.choice(self.asked))

    async def an_app_reuses_a_key(self) -> None:
        if not self.world.answers:
            return
        known = [each for each in self.asked if each.idempotency_key in self.world.answers]
        asked = self.random.choice(known)
        other = Asked(asked.route, asked.key, asked.facts | {"amount": 77})
        try:
            await self.world.ask(other)
        except IdempotencyKeyReused:
            return
        hold("I9: a reused key was taken", False, other)

    async def an_app_closes(self) -> None:
        if payment := self._any_payment():
            await self.world.app.close_payment(Caller(payment.app), payment.id)

    async def an_app_looks(self) -> None:
        if payment := self._any_payment():
            await self.world.app.get_payment(Caller(payment.app), payment.id, refresh=True)
        if refunds := self.world.refunds():
            refund = self.random.choice(refunds)
            await self.world.app.get_refund(Caller(refund.app), refund.id, refresh=True)

    async def an_operator_turns_the_switch(self) -> None:
        await self.world.app.one_fen.turn(OLGA, on=self.random.random() < 0.5)

    async def _ask(self, route: str, facts: dict[str, object]) -> None:
        asked = Asked(route, f"k{len(self.asked)}", facts)
        self.asked.append(asked)
        twins = self.random.choice([1, 1, 2])
        if self.random.random() < 0.7:  # the others give up after the first try
            patient = (self.world.survive(lambda: self.world.ask(asked)) for _ in range(twins))
            await asyncio.gather(*patient)
        else:
            await self.world.ask(asked)

    # What payers and providers do.

    async def a_payer_pays(self) -> None:
        await self._pay(lambda trade: trade.state == "open")

    async def a_payer_opens_a_link(self) -> None:
        for payment in self.world.payments():
            self._opens(payment)

    async def a_payer_pays_what_was_closed(self) -> None:
        """Nobody asks about a closed order again: the provider must tell, until it is heard."""
        paid = await self._pay(lambda trade: trade.state == "closed" and not trade.charges)
        for payment in self.world.payments():
            if payment.provider_order_no == paid:
                await self.world.call_back(payment)

    async def a_payer_pays_a_wrong_amount(self) -> None:
        await self._pay(lambda trade: trade.state == "open", Money(2))

    async def a_refund_moves(self) -> None:
        provider = self._any_provider()
        processing = [r for r in _returns(provider) if r.state == "processing"]
        if processing:
            number = self.random.choice(processing).number
            moves = [provider.refund_arrives, provider.refund_bounces, provider.refund_closes]
            [move] = self.random.choices(moves, [8, 2, 1])
            move(number)

    async def a_bounced_refund_is_mended(self) -> None:
        provider = self._any_provider()
        for returned in _returns(provider):
            if returned.state == "abnormal":
                mend = self.random.choice([provider.refund_arrives, provider.refund_closes])
                mend(returned.number)

    async def somebody_refunds_on_the_providers_site(self) -> None:
        provider = self._any_provider()
        trades = [t for t in provider.book.values() if t.state == "paid" and t.given < t.amount]
        if trades:
            trade = self.random.choice(trades)
            left = (trade.amount - trade.given).fen
            amount = Money(self.random.choice([left, self.random.randint(1, left)]))
            number = f"SITE-{provider.name}-{len(provider.elsewhere)}"
            provider.merchant_refunds(trade.number, number, amount)

    async def somebody_reverses_on_the_providers_site(self) -> None:
        provider = self._any_provider()
        if trades := [t for t in provider.book.values() if provider.can_be_reversed(t)]:
            provider.merchant_reverses(self.random.choice(trades).number)

    async def a_callback_is_sent(self) -> None:
        provider = self._any_provider()
        if not provider.book:
            return
        kind, number = "payment", self.random.choice(list(provider.book))
        if (returns := _returns(provider)) and self.random.random() < 0.5:
            kind, number = "refund", self.random.choice(returns).number
        self.sent.append((provider, provider.callback(kind, number)))
        if self.random.random() < 0.7:  # the others arrive late, or never
            await self.world.post(*self.sent[-1])

    async def an_old_callback_arrives(self) -> None:
        if self.sent:
            await self.world.post(*self.random.choice(self.sent))

    async def a_forged_callback_arrives(self) -> None:
        provider = self._any_provider()
        if provider.book:
            number = self.random.choice(list(provider.book))
            status = await self.world.post(
                provider, provider.callback("payment", number, forged=True)
            )
            hold("I10: a forged callback was taken", status == 400, number)

    async def a_provider_changes_its_mood(self) -> None:
        provider = self._any_provider()
        moods: list[Callable[[], None]] = [
            provider.stops_answering,
            provider.loses_answers,
            provider.has_no_balance,
            lambda: provider.wants_patience(timedelta(minutes=5)),
            lambda: provider.refuses("NO_AUTH", "switched off"),
            lambda: provider.refuses_refunds("NO_AUTH", "switched off"),
        ]
        self.random.choice(moods)()

    async def a_provider_behaves_again(self) -> None:
        self._any_provider().behaves_again()

    async def _pay(
        self, wanted: Callable[[Trade], bool], amount: Money | None = None
    ) -> str | None:
        payable = [
            (provider, trade.number)
            for provider in self.world.providers.values()
            for trade in provider.book.values()
            if wanted(trade)
        ]
        if not payable:
            return None
        provider, number = self.random.choice(payable)
        provider.payer_pays(number, amount)
        return number

    def _opens(self, payment: Payment) -> None:
        if payment.terms.built_here:
            self.world.providers[payment.account].payer_opens(payment)

    # What time and basepay do.

    async def time_passes(self) -> None:
        await asyncio.sleep(self.random.choice([1, 6, 16, 50, 300, 2_000, 7_300]))

    async def the_sweeper_comes(self) -> None:
        await self.world.sweep()

    async def callbacks_are_applied(self) -> None:
        await self.world.app.apply_callbacks()

    async def events_are_announced(self) -> None:
        await self.world.announce()

    async def basepay_is_killed(self) -> None:
        self.world.process.dead = True
        self.world.mourn()

    def _speaks_for(self, method: Method) -> StrictProvider:
        return self.world.wechat if method.startswith("wechat") else self.world.alipay

    def _any_provider(self) -> StrictProvider:
        return self.random.choice(list(self.world.providers.values()))

    def _any_payment(self, status: PaymentStatus | None = None) -> Payment | None:
        found = [p for p in self.world.payments() if status in (None, p.status)]
        return self.random.choice(found) if found else None


#: How often each thing happens, in relation to the others.
STEPS: dict[Callable[[History], Awaitable[None]], int] = {
    History.an_app_asks_for_a_payment: 12,
    History.a_till_loses_its_line: 2,
    History.a_customer_leaves_a_dead_provider: 2,
    History.an_app_asks_for_a_refund: 12,
    History.an_app_retries_a_refund: 2,
    History.an_app_repeats_itself: 5,
    History.an_app_reuses_a_key: 1,
    History.an_app_closes: 3,
    History.an_app_looks: 3,
    History.an_operator_turns_the_switch: 2,
    History.a_payer_opens_a_link: 4,
    History.a_payer_pays: 18,
    History.a_payer_pays_what_was_closed: 1,
    History.a_payer_pays_a_wrong_amount: 1,
    History.a_refund_moves: 5,
    History.a_bounced_refund_is_mended: 1,
    History.somebody_refunds_on_the_providers_site: 2,
    History.somebody_reverses_on_the_providers_site: 1,
    History.a_callback_is_sent: 12,
    History.an_old_callback_arrives: 4,
    History.a_forged_callback_arrives: 1,
    History.a_provider_changes_its_mood: 3,
    History.a_provider_behaves_again: 5,
    History.time_passes: 8,
    History.the_sweeper_comes: 6,
    History.callbacks_are_applied: 8,
    History.events_are_announced: 5,
    History.basepay_is_killed: 2,
}


def play(seed: int) -> History:
    """Play one history to its end; raises Broken, with how to see it again."""

    async def whole() -> History:
        history = History(seed)
        await history.run()
        return history

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(whole())
    except BaseException as error:
        again = f"PROOF_SEED={seed} PROOF_HISTORIES=1"
        error.add_note(f"replay: {again} pytest tests/simulation/test_histories.py")
        raise


def _returns(provider: StrictProvider) -> list[Returned]:
    return [each for trade in provider.book.values() for each in trade.refunds.values()]
