"""Apps, payers, providers and one basepay that may die and is started again."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, TypeVar

from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.memory.tables import Tables
from application.accounts import Accounts
from application.app import App, World
from application.circuit import Circuits
from application.commands import NewPayment, NewRefund
from application.idempotency import Answer, Key
from application.ports import Account, Unavailable
from application.records import Caller, Message
from application.shared import Shared
from domain.errors import IdempotencyInProgress, NotFound
from domain.method import Provider
from domain.outcome import Unknown
from domain.payment import Payment
from domain.refund import Refund
from tests.simulation.asking import Asked, a_return, an_order
from tests.simulation.process import Appointed, Died, Fate, Port, Process, unknown
from tests.simulation.provider import StrictProvider
from tests.simulation.virtual_time import LoopClock

T = TypeVar("T")

OLGA = Caller("olga", operator=True)

#: True in whatever the sweeper does.
SWEEPING: ContextVar[bool] = ContextVar("SWEEPING", default=False)

#: Asks that were under way when a provider wanted patience may still arrive so long after it.
UNDER_WAY = timedelta(seconds=100)


class Broken(AssertionError):
    """A promise of basepay does not hold; the text begins with its number."""


class Stream:
    """The event platform: keeps everything that was handed over, repetitions included."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """Take them all."""
        self.taken.extend(messages)
        return [message.id for message in messages]


class Line(Port):
    """The line to a provider; overhears how long it wants to be left alone."""

    def __init__(self, provider: StrictProvider, process: Process, rude: list[str]) -> None:
        super().__init__(provider.name, provider, process, unknown)
        self._rude, self._clock = rude, provider._clock
        self._quiet: tuple[datetime, datetime] | None = None

    def __getattr__(self, attribute: str) -> Any:
        found = super().__getattr__(attribute)
        if not asyncio.iscoroutinefunction(getattr(self._inner, attribute)):
            return found

        async def ask(*args: Any) -> Any:
            now = self._clock.now()
            if SWEEPING.get() and self._quiet and self._quiet[0] <= now < self._quiet[1]:
                self._rude.append(f"{self._name}.{attribute} at {now}, quiet {self._quiet}")
            answer = await found(*args)
            if isinstance(answer, Unknown) and answer.retry_after:
                now = self._clock.now()
                self._quiet = now + UNDER_WAY, now + answer.retry_after
            return answer

        return ask


class SimulatedWorld:
    """Everything that outlives a process, and the process that lives now."""

    def __init__(
        self,
        fate: Fate | None = None,
        *,
        refund_spacing: timedelta = timedelta(0),
        at_rest: Callable[["SimulatedWorld"], None],  # looks at what a dead process leaves
    ) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(self.clock)
        self.wechat = StrictProvider("wechat-main", Provider.WECHAT, self.clock)
        self.alipay = StrictProvider("alipay-main", Provider.ALIPAY, self.clock)
        self.providers = {each.name: each for each in (self.wechat, self.alipay)}
        self.stream = Stream()
        self.answers: dict[Key, Answer] = {}
        self.rude: list[str] = []  # what the sweeper asked of providers that wanted silence
        self.strikes = 0  # deaths and failures of finished lives
        self._fate, self._spacing, self._at_rest = fate or Appointed(), refund_spacing, at_rest
        self._ids = itertools.count(1)
        self.boot()

    # The process.

    def boot(self) -> None:
        """A new process over what the old one left behind."""
        self.process = Process(self._fate)
        self._relay = asyncio.Lock()
        store = self.store
        self.app = App(
            World(
                work=lambda: self._port("store", store.work()),
                outbox=self._port("outbox", store.outbox),
                callbacks=self._port("queue", store.callbacks),
                agenda=self._port("agenda", store.agenda),
                library=store.library,
                directory=store.directory,
                publisher=self._port("stream", self.stream),
                locks=InProcessLocks(),
                accounts=Accounts(
                    {each.name: self._account(each) for each in self.providers.values()},
                    circuits=Circuits(chance=lambda: 0.5),
                ),
                clock=self.clock,
                wall_clock=self.clock,
                new_id=lambda: f"{next(self._ids):026d}",
                number_prefix="t1",
                pings={},
                shared=Shared(
                    tokens=InProcessTokens(self.clock), locks=InProcessLocks(), clock=self.clock
                ),
                switches=self._port("switches", store.switches),
            )
        )

    async def survive(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it; after a death or an outage start again and do it again."""
        for _ in range(50):
            try:
                return await act()
            except Died:
                self.mourn()
            except (Unavailable, IdempotencyInProgress):
                pass
            await asyncio.sleep(2)
        raise Broken("I9: never answered")

    def mourn(self) -> None:
        """See what the dead process left behind, and start another; once for each death."""
        if self.process.dead:
            self._at_rest(self)
            self.strikes += 1 + self.process.failures
            self.boot()

    def check(self) -> None:
        """Every promise holds now."""
        self._at_rest(self)

    def _port(self, name: str, inner: object) -> Any:
        return Port(name, inner, self.process)

    def _account(self, provider: StrictProvider) -> Account:
        account = provider.account(refund_spacing=self._spacing)
        mortal: Any = Line(provider, self.process, self.rude)
        return Account(
            account.name, account.provider, account.methods, self._spacing, mortal, mortal, provider
        )

    # What apps do.

    async def ask(self, asked: Asked) -> Answer:
        """Send a request once; what was answered must never change."""
        key = asked.idempotency_key
        if asked.route == "payments":
            answer = await self.app.create_payment(NewPayment(**asked.facts), key)
        else:
            answer = await self.app.create_refund(NewRefund(**asked.facts), key)
        first = self.answers.setdefault(key, answer)
        if (first.status, first.body) != (answer.status, answer.body):
            raise Broken(f"I9: {key} was answered {first} and {answer}")
        return answer

    async def pay(self, key: str = "k1", **changes: Any) -> Payment:
        """Ask for a payment until there is an answer, then once more; the payment as stored."""
        asked = Asked("payments", key, an_order(**changes))
        await self.survive(lambda: self.ask(asked))
        answer = await self.survive(lambda: self.ask(asked))
        return self.payment(answer.order_id)

    async def refund(self, payment: Payment, key: str = "r1", **changes: Any) -> Refund:
        """Likewise for a refund of 10 yuan."""
        asked = Asked("refunds", key, a_return(payment.app, payment.id, **changes))
        await self.survive(lambda: self.ask(asked))
        answer = await self.survive(lambda: self.ask(asked))
        return self.found_refund(answer.order_id)

    async def shown(self, key: str = "k1", **changes: Any) -> Payment:
        """A payment with something for the payer to pay with."""
        payment = await self.pay(key, **changes)
        await self.until(lambda: self.payment(payment.id).action is not None)
        return self.payment(payment.id)

    async def paid(self, key: str = "k1", **changes: Any) -> Payment:
        """A payment that has succeeded."""
        payment = await self.shown(key, **changes)
        self.providers[payment.account].payer_pays(payment.provider_order_no)
        await self.call_back(payment)
        await self.until(lambda: not self.payment(payment.id).open)
        return self.payment(payment.id)

    async def accepted(self, payment: Payment, **changes: Any) -> Refund:
        """A refund that the provider is working on."""
        refund = await self.refund(payment, **changes)
        await self.taken_on(refund)
        return self.found_refund(refund.id)

    async def taken_on(self, refund: Refund) -> None:
        """The provider has begun to work on it."""
        await self.until(lambda: self.found_refund(refund.id).accepted_at is not None)

    async def turn_one_fen(self, *, on: bool) -> None:
        """An operator turns the switch until it is turned."""
        await self.survive(lambda: self.app.one_fen.turn(OLGA, on=on))

    async def close(self, payment: Payment) -> None:
        """Ask to close it until there is an answer."""
        caller = Caller(payment.app)
        await self.survive(lambda: self.app.close_payment(caller, payment.id))

    # What providers and time do.

    async def call_back(self, order: Payment | Refund) -> None:
        """The provider tells the news of one order until it is taken, and basepay works on it."""
        kind, number = (
            ("payment", order.provider_order_no)
            if isinstance(order, Payment)
            else (
                "refund",
                order.provider_refund_no,
            )
        )
        await self.hear(self.providers[order.account], kind, number)

    async def hear(self, provider: StrictProvider, kind: str, number: str) -> None:
        """Likewise of what has this number there."""
        body = provider.callback(kind, number)
        for wait in (15, 15, 30, 180, 600):  # seconds, as WeChat Pay does
            if await self.survive(lambda: self.post(provider, body)) == 200:
                break
            await asyncio.sleep(wait)
        await self.work()

    async def post(self, provider: StrictProvider, body: bytes) -> int:
        """One delivery of a callback; the answer's status."""
        reply = await self.app.receive_callback(provider.provider, provider.name, {}, body)
        return reply.status

    async def work(self) -> None:
        """Let the workers do all that they can now."""

        async def once() -> int:
            return await self.app.apply_callbacks() + await self.announce()

        while await self.survive(once):
            pass

    async def announce(self) -> int:
        """The relay's turn; a process has one relay."""
        async with self._relay:
            return await self.app.announce_events()

    async def sweep_after(self, **units: float) -> None:
        """Let time pass, then let the sweeper ask once."""
        await asyncio.sleep(timedelta(**units).total_seconds())
        await self.survive(self.sweep)
        await self.work()

    async def sweep(self) -> None:
        """The sweeper's turn at all accounts."""
        sweeping = SWEEPING.set(True)
        try:
            await self.app.sweep()
        finally:
            SWEEPING.reset(sweeping)

    async def until(self, ready: Callable[[], bool]) -> None:
        """Let the sweeper come again and again; it must help within ten minutes."""
        for _ in range(100):
            if ready():
                return
            await self.sweep_after(seconds=6)
        raise Broken("I1: nothing comes of it")

    async def settle(self) -> None:
        """Let everything come to its end, then hear what happened elsewhere.

        Nobody asks about it: callbacks tell, and the bill does if they don't. What a refund of
        ours was refused for meanwhile is heard in the second round.
        """
        for provider in self.providers.values():
            provider.behaves_again()
        await self._come_to_an_end()
        self._check_taken_back()
        for _ in range(2):
            for provider in self.providers.values():
                await self._hear_of_elsewhere(provider)
            await self._come_to_an_end()

    def _check_taken_back(self) -> None:
        """Nobody need tell basepay what it did itself."""
        numbers = set().union(*(provider.taken_back for provider in self.providers.values()))
        for payment in self.payments():
            known = payment.reversed or payment.amount <= payment.refunded_amount
            if payment.provider_order_no in numbers and not (known or payment.parked):
                raise Broken(f"I8: taken back by basepay, and shown as {payment}")

    async def _hear_of_elsewhere(self, provider: StrictProvider) -> None:
        for number in provider.elsewhere:
            await self.hear(provider, "refund", number)
        for trade in provider.book.values():
            if trade.state == "reversed":
                await self.hear(provider, "payment", trade.number)

    async def _come_to_an_end(self) -> None:
        """It must, within two days."""
        deadline = self.clock.now() + timedelta(days=2)
        while True:
            for provider in self.providers.values():
                _let_refunds_arrive(provider)
            await self.sweep_after(seconds=0)
            if not (waiting := self._waiting()):
                return
            if self.clock.now() > deadline:
                raise Broken(f"I1: still open {waiting}")
            soonest = min((at or self.clock.now()) - self.clock.now() for at in waiting.values())
            await asyncio.sleep(max(soonest.total_seconds(), 10))

    def _waiting(self) -> dict[str, Any]:
        """What is not at its end, and when it is looked at next; parked orders wait for people."""
        orders: list[Payment | Refund] = [*self.payments(), *self.refunds()]
        waiting = {o.id: o.next_check_at for o in orders if self._unfinished(o)}
        inbox = self.tables.inbox._rows.values()
        waiting |= {each.callback.id: each.due_at for each in inbox if not each.dead}
        unpublished = (m for m in self.tables.messages._rows.values() if m.published_at is None)
        return waiting | {message.id: None for message in unpublished}

    def _unfinished(self, order: Payment | Refund) -> bool:
        """Open, or mended at the provider since it was found abnormal."""
        if isinstance(order, Refund) and order.abnormal:
            trades, number = self.providers[order.account].book.values(), order.provider_refund_no
            found = [trade.refunds[number] for trade in trades if number in trade.refunds]
            return any(returned.state != "abnormal" for returned in found)
        return order.open and not order.parked

    # What there is.

    @property
    def tables(self) -> Tables:
        """The store from within."""
        return self.store._tables

    def payments(self) -> list[Payment]:
        """All payments as stored, for reading only."""
        return list(self.tables.payments._rows.values())

    def refunds(self) -> list[Refund]:
        """All refunds likewise."""
        return list(self.tables.refunds._rows.values())

    def payment(self, id: str) -> Payment:
        """One payment as stored."""
        if (payment := self.tables.payments.get(id)) is None:
            raise NotFound("payment", id)
        return payment

    def found_refund(self, id: str) -> Refund:
        """One refund as stored."""
        if (refund := self.tables.refunds.get(id)) is None:
            raise NotFound("refund", id)
        return refund


def _let_refunds_arrive(provider: StrictProvider) -> None:
    for trade in provider.book.values():
        for number, returned in trade.refunds.items():
            if returned.state == "processing":
                provider.refund_arrives(number)
