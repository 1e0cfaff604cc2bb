"""Random histories of the whole system: apps, payers, merchants, faults, clock and deaths."""

import asyncio
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import PayerAction
from application.records import Caller
from domain.method import Method
from domain.status import PaymentStatus, RefundStatus
from tests.histories.basepay import OLGA
from tests.histories.chances import (
    NOT_YET,
    ON_CALLBACKS,
    ON_REFUNDS,
    OPERATIONS,
    REFUSED,
    SPECIAL,
    TROUBLES,
    WORKERS,
    Settings,
    Trouble,
    Wanted,
    in_turn,
    orders,
    settings,
    which,
)
from tests.histories.life import Life, pick
from tests.simulation.process import Verdict

MOVES = st.sampled_from(["all", "a part", "reversal"])


class History(Life):
    """One history: what people, providers and time do, in any order."""

    @initialize(surroundings=settings(), first=st.lists(orders(), min_size=1, max_size=4))
    def begin(self, surroundings: Settings, first: list[Wanted]) -> None:
        self.settle_in(surroundings)
        for wanted in first:
            self.an_app_asks_for_a_payment(wanted)

    # What apps do.

    @rule(wanted=orders())
    def an_app_asks_for_a_payment(self, wanted: Wanted) -> None:
        self.act(lambda: self._order_payment(wanted))

    @rule(wanted=orders())
    def an_app_asks_for_another(self, wanted: Wanted) -> None:
        self.act(lambda: self._order_payment(wanted))

    @rule(
        n=which,
        number=st.integers(1, 3),
        amount=st.sampled_from([1, 1000, 4444, 0, 200_000]),
        patient=st.booleans(),
    )
    def an_app_asks_for_a_refund(self, n: int, number: int, amount: int, *, patient: bool) -> None:
        """0: of all that was paid."""

        async def ask() -> None:
            if payment := pick(await self._payments(PaymentStatus.SUCCEEDED), n):
                await self._send(
                    "refunds",
                    {
                        "app": payment.app,
                        "payment_id": payment.id,
                        "refund_no": f"RF-{payment.id}-{number}",
                        "amount": amount or payment.amount.fen,
                        "reason": "cold tea",
                    },
                    patient=patient,
                )

        self.act(ask)

    @rule(n=which, number=st.integers(1, 3), amount=st.sampled_from([1000, 4444, 0]))
    def an_app_gives_back(self, n: int, number: int, amount: int) -> None:
        self.an_app_asks_for_a_refund(n, number, amount, patient=True)

    @rule(n=which)
    def an_app_retries_a_refund(self, n: int) -> None:
        async def retry() -> None:
            failed = [r for r in await self._refunds() if r.status is RefundStatus.FAILED]
            failed = [r for r in failed if not r.refund_no.startswith(("dup-", "ext-"))]
            if refund := pick(failed, n):
                facts = {
                    "app": refund.app,
                    "payment_id": refund.payment_id,
                    "refund_no": refund.refund_no,
                    "amount": refund.amount.fen,
                    "reason": refund.reason,
                }
                await self._send("refunds", facts, patient=False)

        self.act(retry)

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 30), changed=st.integers(0, 3))
    def an_app_repeats_itself(self, n: int, changed: int) -> None:
        """3: with other content under the same key."""
        asked = self.asked[n % len(self.asked)]
        self.act(lambda: self._reuse(asked) if changed == 3 else self.basepay.ask(asked))

    @rule(n=which, wants=st.sampled_from(["close", "payment", "refund"]))
    def an_app_closes_or_looks(self, n: int, wants: str) -> None:
        async def ask() -> None:
            app = self.basepay.app
            if wants == "refund" and (refund := pick(await self._refunds(), n)):
                await app.get_refund(Caller(refund.app), refund.id, refresh=True)
            elif payment := pick(await self._payments(), n):
                caller = Caller(payment.app)
                if wants == "close":
                    await app.close_payment(caller, payment.id)
                else:
                    await app.get_payment(caller, payment.id, refresh=True)

        self.act(ask)

    @rule(on=st.booleans())
    def an_operator_turns_the_switch(self, *, on: bool) -> None:
        self.act(lambda: self.basepay.app.one_fen.turn(OLGA, on=on))

    # What payers do, and people on the providers' own sites.

    @rule(
        n=which,
        action=st.sampled_from([*PayerAction, *[PayerAction.PAY] * 4]),
    )
    def a_payer_acts(self, n: int, action: PayerAction) -> None:
        """Who has got a link opens it first; who shows a code has the phone in the hand."""
        self.act(lambda: self._payer_acts(n, action))

    @rule(n=st.integers(0, 2))
    def a_payer_pays(self, n: int) -> None:
        self.act(lambda: self._payer_acts(n, PayerAction.PAY))

    @rule(n=which, what=st.sampled_from(["all", "a part", "reversal", "arrives", "is closed"]))
    def something_happens_on_the_site(self, n: int, what: str) -> None:
        """A refund, a reversal by another till, or the end of an abnormal refund."""

        async def happens() -> None:
            self.sim.pass_time()
            orders, refunds = self.sim.book.orders(), self.sim.book.refunds()
            if what == "reversal":
                if order := pick([each for each in orders if each.product == "code"], n):
                    self._reverse(order)
            elif what in ("all", "a part"):
                if order := pick([each for each in orders if each.paid_at], n):
                    self._refund_on_site(order, wholly=what == "all")
            elif refund := pick([each for each in refunds if each.state == "ABNORMAL"], n):
                self.sim.wechat.merchant_mends(refund, arrives=what == "arrives")

        self.act(happens)

    @rule(
        method=st.sampled_from([Method.WECHAT_CODE, Method.ALIPAY_CODE]),
        order=st.integers(1, 3),
        seconds=st.sampled_from([16, 20, 40, 46]),
        delay=st.floats(0, 0.3),
        closes=st.booleans(),
    )
    def a_payer_races_the_end(
        self, method: Method, order: int, seconds: int, delay: float, *, closes: bool
    ) -> None:
        """The password is typed while the charge is being taken back."""
        self.flush()
        self._at_a_till(method, order)
        self.time_passes(seconds)
        payments = self.run(self._payments())
        self.together = 2

        async def pays() -> None:
            await asyncio.sleep(delay)
            await self._payer_acts(0, PayerAction.PASSWORD)
            await self._payer_acts(0, PayerAction.PAY)

        async def ends() -> None:
            if closes and payments:
                await self.basepay.app.close_payment(Caller(payments[-1].app), payments[-1].id)
            else:
                await self.basepay.app.sweep()

        self.act(pays)
        self.act(ends)

    # What goes wrong at providers and on the way, and what changes there.

    @rule(
        trouble=st.sampled_from(TROUBLES),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(OPERATIONS),
        times=st.sampled_from([1, 1, 2, 5, None]),
    )
    def trouble_at_a_provider(
        self, trouble: Trouble, provider: str, operation: str | None, times: int | None
    ) -> None:
        facts: Trouble = {"provider": provider, "operation": operation, "times": times}
        self.sim.faults.arm(Fault(**facts | trouble))

    @rule(
        trouble=st.sampled_from([*SPECIAL, *ON_CALLBACKS, *NOT_YET]),
        provider=st.sampled_from(["wechat", "alipay"]),
    )
    def trouble_at_one_place(self, trouble: Trouble, provider: str) -> None:
        facts: Trouble = {"provider": provider}
        self.sim.faults.arm(Fault(**facts | trouble))

    @rule(
        trouble=st.sampled_from(TROUBLES),
        operation=st.sampled_from([None, "prepay", "charge", "query"]),
        times=st.sampled_from([1, 2, 5]),
        wanted=orders(),
    )
    def an_order_meets_trouble(
        self, trouble: Trouble, operation: str | None, times: int, wanted: Wanted
    ) -> None:
        self.trouble_at_a_provider(trouble, wanted.method.partition("_")[0], operation, times)
        self.an_app_asks_for_a_payment(wanted)

    @rule(
        trouble=st.sampled_from([*TROUBLES, *ON_REFUNDS]),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(["refund", "refund_query"]),
        times=st.sampled_from([1, 2, 5]),
        n=which,
        amount=st.sampled_from([1000, 4444, 0]),
    )
    def a_refund_meets_trouble(
        self,
        trouble: Trouble,
        provider: str,
        operation: str,
        times: int,
        n: int,
        amount: int,
    ) -> None:
        self.trouble_at_a_provider(trouble, provider, operation, times)
        self.an_app_asks_for_a_refund(n, 1, amount, patient=False)

    @rule(
        trouble=st.sampled_from(TROUBLES),
        provider=st.sampled_from(["wechat", "alipay"]),
        operation=st.sampled_from(["close", "reverse", "query"]),
        seconds=st.sampled_from([1, 20, 300]),
        n=which,
    )
    def a_close_meets_trouble(
        self, trouble: Trouble, provider: str, operation: str, seconds: int, n: int
    ) -> None:
        self.trouble_at_a_provider(trouble, provider, operation, 1)
        self.time_passes(seconds)
        self.an_app_closes_or_looks(n, "close")

    @rule(
        operation=st.sampled_from(["prepay", "charge", "query", "close", "reverse"]),
        troubles=in_turn(REFUSED),
        wanted=orders(),
        seconds=st.sampled_from([7, 20, 62, 300]),
    )
    def an_order_meets_one_trouble_after_another(
        self, operation: str, troubles: list[Trouble | None], wanted: Wanted, seconds: int
    ) -> None:
        self._plan(wanted.method.partition("_")[0], operation, troubles)
        self.an_app_asks_for_a_payment(wanted)
        self.time_passes(seconds)
        self.workers_come(["all", "sweeper", "all"])

    @rule(
        operation=st.sampled_from(["refund", "refund", "refund_query"]),
        troubles=in_turn(ON_REFUNDS),
        wanted=orders(),
        amount=st.sampled_from([1000, 4444, 0]),
        seconds=st.sampled_from([7, 20, 62, 300]),
    )
    def a_refund_meets_one_trouble_after_another(
        self,
        operation: str,
        troubles: list[Trouble | None],
        wanted: Wanted,
        amount: int,
        seconds: int,
    ) -> None:
        self.an_app_asks_for_a_payment(replace(wanted, pays=True))
        self.workers_come(["courier", "callbacks", "sweeper"])
        self._plan(wanted.method.partition("_")[0], operation, troubles)
        self.an_app_asks_for_a_refund(0, 1, amount, patient=False)
        self.time_passes(seconds)
        self.workers_come(["all", "sweeper", "all"])

    @rule(
        wanted=orders(),
        what=MOVES,
        seconds=st.sampled_from([7, 50, 300]),
    )
    def money_comes_and_goes_unheard(self, wanted: Wanted, what: str, seconds: int) -> None:
        """Paid, given back on the site, and no callback tells of it in time."""
        dropped: Trouble = {"kind": "callback_dropped", "times": 2}
        self.trouble_at_one_place(dropped, wanted.method.partition("_")[0])
        self.an_app_asks_for_a_payment(replace(wanted, pays=True))
        self.something_happens_on_the_site(0, what)
        self.time_passes(seconds)
        self.workers_come(["courier", "sweeper", "callbacks"])

    @rule(trouble=st.sampled_from(ON_CALLBACKS), wanted=orders(), n=which)
    def callbacks_meet_trouble(self, trouble: Trouble, wanted: Wanted, n: int) -> None:
        """Of a payment, and of a refund of another one."""
        self.trouble_at_one_place(trouble, wanted.method.partition("_")[0])
        self.an_app_asks_for_a_payment(replace(wanted, pays=True))
        self.an_app_asks_for_a_refund(n, 3, 1000, patient=True)
        self.time_passes(3)
        self.workers_come(["courier", "callbacks"])

    @rule()
    def providers_behave_again(self) -> None:
        self.sim.faults.clear()

    @rule(n=which, provider=st.sampled_from(["wechat", "alipay"]), turns=st.integers(1, 3))
    def keys_are_turned(self, n: int, provider: str, turns: int) -> None:
        """Only as far as this account's settings go."""
        steps = list(self.sim.providers[provider].key_steps)
        if provider == "wechat" and not self.settings.public_key:
            steps = [step for step in steps if "public_key" not in step]
        if provider == "alipay" and not self.settings.certificates:
            steps = ["reissue_certificate"]
        for _ in range(turns):
            self._turn_keys(provider, [*steps[n:], *steps[:n]])
            self.workers_come(["courier", "sweeper", "keys"])

    @rule(provider=st.sampled_from(["wechat", "alipay"]), wanted=orders(), what=MOVES)
    def keys_are_turned_and_basepay_restarts(
        self, provider: str, wanted: Wanted, what: str
    ) -> None:
        """What was taken before is applied by a process that has only the keys of its settings."""
        self.keys_are_turned(0, provider, turns=2)
        self.an_app_asks_for_a_payment(replace(wanted, pays=True))
        self.something_happens_on_the_site(0, what)
        self.time_passes(3)
        self.a_worker_comes("courier")
        self.basepay_will_be_struck(0, Verdict.DIE)
        self.a_worker_comes("callbacks")

    @precondition(lambda self: self.sim.courier.sent or self.sim.book.pending_callbacks())
    @rule(n=st.integers(0, 30), forged=st.booleans())
    def a_callback_comes_out_of_turn(self, n: int, *, forged: bool) -> None:
        """An old one once more, or one that a stranger wrote."""
        courier = self.sim.courier
        if not forged and courier.sent:
            name, message = courier.sent[n % len(courier.sent)]
            self.act(lambda: courier.post(name, message))
        elif forged and (callback := pick(self.sim.book.pending_callbacks(), n)):
            self.act(lambda: self._forge(callback))

    # What time and basepay do.

    @rule(seconds=st.sampled_from([1, 3, 6, 16, 50, 62, 62, 300, 2_000, 7_300, 90_000, 700_000]))
    def time_passes(self, seconds: int) -> None:
        async def passes() -> None:
            self._now_all_know()
            pauses = (seconds / 20, seconds / 4, seconds * 0.7)
            for pause in pauses if self.working else [seconds]:
                await asyncio.sleep(pause)
                self.sim.pass_time()
                if self.working:
                    await self.basepay.try_to(self.basepay.work)

        self.act(passes)

    @rule(seconds=st.sampled_from([2, 7, 20, 62, 130]))
    def a_little_time_passes(self, seconds: int) -> None:
        self.time_passes(seconds)

    @rule(on=st.booleans())
    def workers_run(self, *, on: bool) -> None:
        self.working = on

    @rule(who=st.sampled_from(WORKERS))
    def a_worker_comes(self, who: str) -> None:
        self.act(lambda: self._come(who))

    @rule(whos=st.lists(st.sampled_from(WORKERS), min_size=2, max_size=4))
    def workers_come(self, whos: list[str]) -> None:
        async def come() -> None:
            for who in whos:
                await self._come(who)

        self.act(come)

    @rule(k=st.integers(2, 4))
    def much_happens_at_once(self, k: int) -> None:
        """The next things happen at the same time."""
        self.flush()
        self.together = k

    @rule(moments=st.integers(0, 40), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]))
    def basepay_will_be_struck(self, moments: int, verdict: Verdict) -> None:
        """It dies, or a commit, a queue or a line fails, before or after its effect; 0: now."""
        if moments:
            self.basepay.doom.set(verdict, moments)
        else:
            self.flush()
            self.basepay.process.dead = True
            self.basepay.mourn()

    @rule(moments=st.integers(1, 30), wanted=orders())
    def it_dies_over_an_order(self, moments: int, wanted: Wanted) -> None:
        self.basepay_will_be_struck(moments, Verdict.DIE)
        self.an_app_asks_for_a_payment(wanted)

    @rule(moments=st.integers(1, 30), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]), n=which)
    def it_is_struck_over_a_refund(self, moments: int, verdict: Verdict, n: int) -> None:
        self.basepay_will_be_struck(moments, verdict)
        self.an_app_asks_for_a_refund(n, 2, 1000, patient=True)

    @rule(moments=st.integers(1, 60), verdict=st.sampled_from([Verdict.DIE, Verdict.FAIL]))
    def it_is_struck_at_work(self, moments: int, verdict: Verdict) -> None:
        self.basepay_will_be_struck(moments, verdict)
        self.time_passes(20)
        self.workers_come(["all", "all"])
