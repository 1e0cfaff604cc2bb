"""How a history is lived: one thing or several at once, and in the end both books compared."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from adapters.persistence.memory.store import MemoryStore
from adapters.providers.alipay.sandbox import trade_calls
from adapters.providers.alipay.sandbox.biz_content import TradeReference
from adapters.providers.alipay.sandbox.refused import Refused as AlipayRefused
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import PayerAction, PayerRefused
from adapters.providers.sandbox.records import Callback, Order
from adapters.providers.wechat_pay.sandbox.refused import Refused as WeChatRefused
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from domain.errors import IdempotencyKeyReused
from domain.method import Method
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus
from tests.asking import BEGINNINGS, NEEDS
from tests.histories.basepay import OLGA, Basepay, HistoryLoop, Store, callbacks_wait, open_sqlite
from tests.histories.books import ALL, Books, Ours
from tests.histories.chances import NOT_YET, Settings, Trouble, Wanted
from tests.histories.simulators import Simulators
from tests.simulation.asking import Asked
from tests.simulation.invariants import hold
from tests.simulation.world import Broken

T = TypeVar("T")

#: Everything ends within this, once nothing is wrong any more.
SETTLED_WITHIN, SETTLED_IN_ROUNDS = timedelta(days=9), 2_000


class Life(RuleBasedStateMachine):
    """The world of one history, and how things are done in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = HistoryLoop()
        self.loop.set_exception_handler(lambda *_: None)  # what died is not missed
        self.broken = self.working = False
        self.together, self.waiting = 1, list[Callable[[], Awaitable[object]]]()
        self.folder: Path | None = None
        self.asked: list[Asked] = []
        self.steps = 0

    def settle_in(self, settings: Settings) -> None:
        """Make the world."""
        random = Random(settings.seed)
        self.sim = Simulators(
            self.loop,
            random,
            WeChatPaySandboxSettings(**settings.wechat),
            AlipayRules(**settings.alipay),
        )
        self.sim.slow = settings.slow
        store: Store = MemoryStore(self.sim.clock)
        if settings.sqlite:
            store, self.folder = self.run(open_sqlite(self.sim.clock))
        self.settings = settings
        self.basepay = Basepay(
            self.sim, store, certificates=settings.certificates, public_key=settings.public_key
        )

    def act(self, what: Callable[[], Awaitable[object]]) -> None:
        """Do it now, or together with what comes next."""
        self.waiting.append(what)
        if len(self.waiting) >= self.together:
            self.flush()

    def flush(self) -> None:
        """Do what waits, all at once; then every promise must hold."""
        todo, self.waiting, self.together = self.waiting, [], 1
        if todo:
            self.run(self._at_once(todo))

    async def _at_once(self, todo: Sequence[Callable[[], Awaitable[object]]]) -> None:
        results = await asyncio.gather(*map(self._guarded, todo), return_exceptions=True)
        self.steps += len(todo)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self.basepay.mourn()
        (await self._books()).check_always()

    async def _guarded(self, what: Callable[[], Awaitable[object]]) -> None:
        with suppress(PayerRefused):
            await self.basepay.try_to(what)

    def run(self, story: Awaitable[T]) -> T:
        """Let the loop run until it is over."""

        async def told() -> T:
            return await story

        try:
            return self.loop.run_until_complete(told())
        except BaseException:
            self.broken = True
            raise

    def teardown(self) -> None:
        """Let everything come to its end and compare the books."""
        try:
            if not self.broken and hasattr(self, "basepay"):
                self.flush()
                self.run(self._end())
        finally:
            self._leave()

    def _leave(self) -> None:
        self.loop.run_until_complete(self._stop())
        self.loop.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _stop(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if hasattr(self, "basepay"):
            await self.basepay.store.close()

    async def _end(self) -> None:
        self.sim.faults.clear()
        self.sim.slow = 0.0
        self.basepay.doom.lift()
        await asyncio.sleep(30)  # what is under way arrives
        await self._settle()
        await self._hear_of_the_bill()
        await self._settle()
        (await self._books()).check_settled()
        await self._check_stream()
        for asked, _ in list(self.basepay.answers.values()):
            await self.basepay.ask(asked)

    async def _settle(self) -> None:
        """Let providers and workers go on until nothing is owed."""
        ends_at = self.sim.clock.now() + SETTLED_WITHIN
        for _ in range(SETTLED_IN_ROUNDS):
            self.sim.pass_time()
            await self.basepay.work()
            while await self.basepay.app.apply_callbacks() + await self.basepay.announce():
                pass
            soonest = await self._soonest()
            if soonest is None:
                return
            if self.sim.clock.now() > ends_at:
                break
            await asyncio.sleep(max(soonest, 1.0))
        owed = await self._unfinished(), self.sim.book.pending_callbacks()
        raise Broken(f"I1: it does not end: {owed}")

    async def _soonest(self) -> float | None:
        """Seconds until something is due; None when nothing is."""
        now = self.sim.clock.now()
        due = [order.next_check_at or now for order in await self._unfinished()]
        due += [each.next_at or now for each in self.sim.book.pending_callbacks()]
        due += [r.settles_at for r in self.sim.book.refunds() if r.settles_at]
        if await callbacks_wait(self.basepay.store):
            due.append(now + timedelta(seconds=10))
        if await self.basepay.store.outbox.waiting(1):
            due.append(now)
        return min((at - now).total_seconds() for at in due) if due else None

    async def _unfinished(self) -> list[Payment | Refund]:
        orders: list[Payment | Refund] = [*await self._payments(), *await self._refunds()]
        return [each for each in orders if each.open]

    async def _hear_of_the_bill(self) -> None:
        """What happened elsewhere and was never heard of is told again, as the bill would do."""
        for payment in await self._payments():
            order = self._order(payment)
            for _ in range(5 if order is not None and order.state == "REVOKED" else 0):
                await asyncio.sleep(3)  # some answers are probes
                await self.basepay.app.get_payment(OLGA, payment.id, refresh=True)
        letters: Any = self.basepay.store.callbacks
        for dead in await letters.dead(100):  # an incident told a person, who brings them back
            await letters.revive(dead.id)
        for callback in self.sim.courier.missed():
            taken = [await self.sim.courier.tell(callback) for _ in range(5)]  # some are probes
            hold("I1: a callback is refused for ever", any(taken), callback)

    async def _check_stream(self) -> None:
        """Each event reached the stream, in order."""
        taken = {message.id for message in self.basepay.stream.taken}
        ours = await self._ours()
        hold("I5: never published", taken == {message.id for message in ours.messages})
        highest: dict[str, int] = {}
        for message in self.basepay.stream.taken:
            before = highest.get(message.order_id, 1)
            hold("I6: out of order", message.sequence <= before + 1, message)
            highest[message.order_id] = max(before, message.sequence)

    def _now_all_know(self) -> None:
        self.sim.faults.disarm([each["code"] for each in NOT_YET])

    def _at_a_till(self, method: Method, order: int) -> None:
        waits = Wanted(
            "shop", order, 5000, method, "01", None, patient=True, twins=False, pays=False
        )
        self.act(lambda: self._order_payment(waits))

    async def _order_payment(self, wanted: Wanted) -> None:
        method = wanted.method
        facts: dict[str, Any] = {
            "app": wanted.app,
            "order_no": f"SO-{wanted.order}",
            "amount": wanted.amount,
            "subject": "Two cups of tea",
            "method": method,
            **NEEDS[method],
        }
        if method in BEGINNINGS:
            code = f"{BEGINNINGS[method]}{len(self.asked):014d}{wanted.wallet}"
            facts["payer"] = {"auth_code": code}
        elif wanted.lives is not None:
            facts["expires_in"] = wanted.lives
        await self.basepay.try_to(
            lambda: self._send("payments", facts, patient=wanted.patient, twins=wanted.twins)
        )
        if wanted.pays:
            await self._payer_acts(0, PayerAction.PAY)

    async def _come(self, who: str) -> None:
        basepay = self.basepay
        match who:
            case "courier":
                await self.sim.courier.deliver()
            case "callbacks":
                await basepay.app.apply_callbacks()
            case "sweeper":
                await basepay.app.sweep()
            case "relay":
                await basepay.announce()
            case "keys":
                await basepay.keep_up()
            case _:
                await basepay.work()

    def _plan(self, provider: str, operation: str, troubles: Sequence[Trouble | None]) -> None:
        """Those of them that can happen there, one after another."""
        there: Trouble = {"provider": provider, "operation": operation}
        for trouble in troubles:
            if trouble is None or there | trouble == trouble | there:
                fault = None if trouble is None else Fault(**there | trouble)
                self.sim.faults.plan(provider, operation, fault)

    def _turn_keys(self, provider: str, steps: Sequence[str]) -> None:
        """The first of these steps that can be taken now; no key goes whose words still wait.

        Nor does a second one follow meanwhile: a new process would never hear of the one between.
        """
        for step in steps:
            if self.basepay.waiting() and step.startswith(("sign", "retire", "finish")):
                continue
            with suppress(PayerRefused):
                self.sim.providers[provider].turn_keys(step)
                return

    async def _forge(self, callback: Callback) -> None:
        struck = {"callback_forged": Fault(kind="callback_forged")}
        message = self.sim.providers[callback.provider].render(callback, struck)
        status, _ = await self.sim.courier.post(callback.provider, message)
        hold("I10: a forged callback was taken", status != 200, callback)

    async def _reuse(self, asked: Asked) -> None:
        if asked.idempotency_key in self.basepay.answers:
            other = Asked(asked.route, asked.key, asked.facts | {"amount": 77})
            try:
                await self.basepay.ask(other)
            except IdempotencyKeyReused:
                return
            hold("I9: a reused key was taken", False, other)

    async def _payer_acts(self, n: int, action: PayerAction) -> None:
        payments = await self._payments()
        payments = [p for p in payments if p.action or p.terms.charges_at_once]
        if payment := pick(payments, n):
            self.sim.pass_time()
            provider = self.sim.providers[payment.terms.provider]
            order = provider.opens(_link(payment)) or self._order(payment)
            if order is not None:
                provider.payer_acts(order, action)

    async def _send(
        self, route: str, facts: dict[str, Any], *, patient: bool, twins: bool = False
    ) -> None:
        asked = Asked(route, f"k{len(self.asked)}", facts)
        self.asked.append(asked)

        async def ask() -> None:
            if patient:
                await self.basepay.survive(lambda: self.basepay.ask(asked))
            else:
                await self.basepay.try_to(lambda: self.basepay.ask(asked))

        await asyncio.gather(*(ask() for _ in range(1 + twins)))

    def _refund_on_site(self, order: Order, *, wholly: bool) -> None:
        returns = self.sim.book.refunds_of(order)
        left = order.amount - sum(r.amount for r in returns if r.state != "CLOSED")
        amount = left if wholly else min(left, 1000)
        if amount:
            number = f"site{len(self.sim.book.refunds())}"
            self.sim.providers[order.provider].merchant_refunds(order, number, amount, "")

    def _reverse(self, order: Order) -> None:
        with suppress(WeChatRefused, AlipayRefused):
            if order.provider == "wechat":
                request = {"appid": order.details["request"]["appid"], "mchid": order.merchant}
                self.sim.wechat._calls.codes.reverse(order, request)
            else:
                reference = TradeReference(out_trade_no=order.provider_order_no)
                trade_calls._cancel(self.sim.alipay._desk, reference)

    def _order(self, payment: Payment) -> Order | None:
        return self.sim.book.order(payment.terms.provider, payment.provider_order_no)

    async def _ours(self) -> Ours:
        store = self.basepay.store
        return await Ours.read(store.library, store.outbox, store.work)

    async def _books(self) -> Books:
        self.sim.pass_time()
        return Books(await self._ours(), self.sim.book, self.sim.clock.now())

    async def _payments(self, status: PaymentStatus | None = None) -> list[Payment]:
        """Oldest first."""
        payments = (await self.basepay.store.library.payments(ALL)).items
        return [p for p in reversed(payments) if status in (None, p.status)]

    async def _refunds(self) -> list[Refund]:
        return list(reversed((await self.basepay.store.library.refunds(ALL)).items))


def pick(items: Sequence[T], n: int) -> T | None:
    """One of them, if there is any; the newest for 0."""
    return items[-1 - n % len(items)] if items else None


def _link(payment: Payment) -> str:
    """What the payer's browser or app opens."""
    details = payment.action.details if payment.action else {}
    return str(details.get("url") or details.get("order_string") or "")
