"""The quick stage: the real use cases in memory, no wire, no disk."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.providers.in_memory.book import Trade
from adapters.providers.in_memory.provider import InMemoryProvider
from application.idempotency import Answer
from application.records import Caller, Filter
from application.views import event_view, payment_view, refund_view
from domain.errors import DomainError
from domain.method import Method, Provider
from domain.money import ZERO, Money
from tests.acceptance.bills import MemoryBillStage
from tests.acceptance.stage import ACCOUNTS, Reply, T, Trouble, Truth, View
from tests.worlds import SHOP, MemoryWorld, seen

#: The longer of the two providers' distances between two refunds of one payment.
REFUND_SPACING = timedelta(minutes=1)

#: What the double does itself.
MOODS: dict[Trouble, Callable[[InMemoryProvider], None]] = {
    Trouble.SILENT: lambda it: it.stops_answering(),
    Trouble.ANSWERS_LOST: lambda it: it.loses_answers(),
    Trouble.REFUSES_ORDERS: lambda it: it.refuses("NO_AUTH", "not allowed"),
    Trouble.REFUSES_REFUNDS: lambda it: it.refuses_refunds("NO_AUTH", "not allowed"),
    Trouble.NO_BALANCE: lambda it: it.has_no_balance(),
}


@dataclass(slots=True)
class Calls:
    """How a provider's callbacks fare, and those that it still owes: account, kind, number."""

    lost: bool = False
    copies: int = 1
    stranger_first: bool = False
    owed: list[tuple[str, str, str]] = field(default_factory=list)


class MemoryStage:
    """A Stage over MemoryWorld."""

    def __init__(self) -> None:
        self._world = MemoryWorld(refund_spacing=REFUND_SPACING)
        self._calls = Calls()
        self._card_closed = False
        self._forgotten: dict[str, dict[str, Trade]] = {}
        self.bills = MemoryBillStage(self._world)

    async def place(self, order_no: str, amount: int, how: View, *, key: str) -> Reply:
        facts = {**how, "method": Method(how["method"])}
        return await _heard(self._world.pay(key, order_no=order_no, amount=amount, **facts))

    async def close(self, payment: View) -> Reply:
        try:
            closed = await self._world.app.close_payment(SHOP, payment["id"])
        except DomainError as error:
            return _refused(error)
        return Reply(dict(payment_view(closed)))

    async def refund(self, payment: View, refund_no: str, amount: int, *, key: str) -> Reply:
        return await _heard(
            self._world.refund(payment["id"], key, refund_no=refund_no, amount=amount)
        )

    async def payment(self, payment: View) -> View:
        return await self._world.payment(payment["id"])

    async def payments(self, order_no: str) -> Sequence[View]:
        page = await self._world.store.library.payments(Filter(order_no=order_no))
        return [dict(payment_view(each)) for each in page.items]

    async def refund_now(self, refund: View) -> View:
        return await self._world.refund_view(refund["id"])

    async def refunds(self, payment: View) -> Sequence[View]:
        page = await self._world.store.library.refunds(Filter(payment_id=payment["id"]))
        return [dict(refund_view(each)) for each in page.items]

    async def events(self, order: View) -> Sequence[View]:
        views = [dict(event_view(message)) for message in await self._world.events()]
        return [view for view in views if view["subject"] == order["id"]]

    async def incidents(self, order: View) -> Sequence[str]:
        return [each.kind for each in await self._world.incidents() if each.order_id == order["id"]]

    async def payer(self, action: str, payment: View) -> bool:
        provider, number = self._at(payment)
        forgotten = self._forgotten.get(provider.name, {})
        if number in forgotten:  # what it does not tell us, it may do all the same
            forgotten[number].state, forgotten[number].paid_at = "paid", self._world.clock.now()
            forgotten[number].charges += 1
            return True
        if number not in provider.book:
            provider.payer_opens(await self._world.stored(payment["id"]))
        if provider.book[number].state != "open":
            return False
        if action == "pay":
            provider.payer_pays(number)
            await self._call_back("payment", number, provider)
        return True

    async def truth(self, payment: View) -> Truth:
        provider, number = self._at(payment)
        trade = provider.book.get(number)
        if trade is None:
            return Truth(known=False)
        done = [each.amount for each in trade.refunds.values() if each.state == "done"]
        return Truth(True, trade.amount.fen, trade.charges, sum(done, ZERO).fen)

    async def trouble(self, trouble: Trouble, provider: Provider) -> None:
        double = self._world.provider(ACCOUNTS[provider])
        match trouble:
            case Trouble.CALLBACKS_LOST:
                self._calls.lost = True
            case Trouble.CALLBACKS_TWICE:
                self._calls.copies = 2
            case Trouble.STRANGER_FIRST:
                self._calls.stranger_first = True
            case Trouble.CARD_CLOSED:
                self._card_closed = True
            case Trouble.FORGETFUL:
                self._forgotten[double.name], double.book = double.book, {}
            case _:
                MOODS[trouble](double)

    async def mend(self) -> None:
        self._calls = Calls(owed=self._calls.owed)
        for double in (self._world.wechat, self._world.alipay):
            double.behaves_again()
            double.book |= self._forgotten.pop(double.name, {})

    async def forged_callback(self, payment: View) -> bool:
        provider, number = self._at(payment)
        body = provider.callback("payment", number, forged=True)
        receive = self._world.app.receive_callback
        reply = await receive(provider.provider, provider.name, {}, body)
        return reply.status == 200

    async def another_till_takes(self, amount: int, payment: View) -> None:
        provider, number = self._at(payment)
        provider.book[number] = Trade(number, Money(amount))
        await self.payer("pay", payment)

    async def merchant_refunds(self, payment: View, amount: int) -> None:
        provider, number = self._at(payment)
        provider.merchant_refunds(number, f"SITE-{number}", Money(amount))

    async def refunds_settle(self) -> None:
        for provider in (self._world.wechat, self._world.alipay):
            for trade in provider.book.values():
                for refund in trade.refunds.values():
                    await self._settle_refund(provider, refund.number, refund.state)

    async def turn_one_fen(self, *, on: bool) -> None:
        await self._world.app.one_fen.turn(Caller("olga", operator=True), on=on)

    async def time_passes(self, seconds: int) -> None:
        self._world.clock.advance(seconds)
        if not self._calls.lost:
            owed, self._calls.owed = self._calls.owed, []
            for account, kind, number in owed:
                await self._world.callback(kind, number, account=account)
        await self._world.sweep_after()
        await self.bills.work()

    async def settle(self) -> None:
        await self._world.settle()

    async def eventually(
        self,
        read: Callable[[], Awaitable[T]],
        holds: Callable[[T], bool],  # noqa: ARG002 -- here everything has happened by now
    ) -> T:
        await self._world.sweep_after()
        return await read()

    def _at(self, payment: View) -> tuple[InMemoryProvider, str]:
        return self._world.provider(payment["account"]), payment["provider_order_no"]

    async def _settle_refund(self, provider: InMemoryProvider, number: str, state: str) -> None:
        if state != "processing":
            return
        if self._card_closed:
            provider.refund_bounces(number)
        else:
            provider.refund_arrives(number)
        await self._call_back("refund", number, provider)

    async def _call_back(self, kind: str, number: str, provider: InMemoryProvider) -> None:
        if self._calls.lost:
            self._calls.owed.append((provider.name, kind, number))
            return
        if self._calls.stranger_first:
            body = provider.callback(kind, number, forged=True)
            await self._world.app.receive_callback(provider.provider, provider.name, {}, body)
        for _ in range(self._calls.copies):
            await self._world.callback(kind, number, account=provider.name)


async def _heard(asked: Awaitable[Answer]) -> Reply:
    try:
        answer = await asked
    except DomainError as error:
        return _refused(error)
    return Reply(seen(answer), answer.body, answer.replayed)


def _refused(error: DomainError) -> Reply:
    """The API's codes are the names of the errors."""
    words = re.findall("[A-Z][a-z]+", type(error).__name__)
    return Reply({}, refusal="_".join(words).lower())
