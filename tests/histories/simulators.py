"""Both simulators in this process: their book, their faults, the line to them, their callbacks."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import httpx

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.sandbox.app import Sandbox, create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.callbacks import CallbackSender
from adapters.providers.sandbox.faults import Fault, Faults, Struck
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import Message, SandboxProvider, World
from adapters.providers.sandbox.records import Callback
from adapters.providers.sandbox.wire import Wire
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

URL = "http://simulators.test"

#: What a client waits for one answer, as over the real transport.
PATIENCE_SECONDS = 9.0

#: A request may still arrive when its sender has given up, but not much later: before the first
#: repetition of a prepay, whose refusal would otherwise be believed.
SLOWEST_SECONDS = 12.0

#: Hears a callback: provider, headers, body; the merchant's status and body.
Hear = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]


class HistoryClock(MovableClock):
    """Business time: today's noon in Shanghai, and as much later as the loop's time is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        noon = datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0)
        super().__init__(wall=lambda: noon + timedelta(seconds=loop.time()))


class Simulators:
    """One merchant at each provider, for one history."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        random: Random,
        wechat: WeChatPaySandboxSettings,
        alipay: AlipayRules,
    ) -> None:
        self.clock, self.random = HistoryClock(loop), random
        self.book = Book()
        world = World(self.clock, self.book, _ring_of_one_history())
        self.wechat = WeChatPaySandbox(world, wechat)
        self.alipay = AlipaySandbox(world, rules=alipay)
        self.providers: dict[str, SandboxProvider] = {
            "wechat": self.wechat,
            "alipay": self.alipay,
        }
        self.faults = PlannedFaults(
            {name: each.fault_kinds for name, each in self.providers.items()}
        )
        self._app = _app()
        self._app.wire = Wire(list(self.providers.values()), self.faults, self.book)
        self._asgi = httpx.ASGITransport(app=self._app)  # type: ignore[arg-type] # says less
        self.courier = Courier(world, self.providers, self.faults)
        self.slow = 0.0  # the share of requests and answers that take seconds

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Bring a request there and its answer back; goes on when nobody waits any more."""
        await asyncio.sleep(self._seconds())
        try:
            response = await self._asgi.handle_async_request(request)
        except ConnectionAbortedError as error:
            raise httpx.ReadError(str(error)) from None
        await asyncio.sleep(self._seconds())
        return response

    def pass_time(self) -> None:
        """Let both do what is due by the clock."""
        for provider in self.providers.values():
            provider.pass_time()

    def _seconds(self) -> float:
        slow = self.random.random() < self.slow
        return self.random.uniform(0.0, SLOWEST_SECONDS if slow else 0.05)


class PlannedFaults(Faults):
    """Faults that can also strike one after another, each at the next call of one operation."""

    def __init__(self, kinds: Mapping[str, frozenset[str]]) -> None:
        super().__init__(kinds)
        self._planned: defaultdict[tuple[str, str], deque[Fault | None]] = defaultdict(deque)

    def plan(self, provider: str, operation: str, fault: Fault | None) -> None:
        """None: a call that goes well in between."""
        self._planned[provider, operation].append(fault)

    def strike(self, provider: str, operation: str) -> Struck:
        planned = self._planned[provider, operation]
        fault = planned.popleft() if planned else None
        if fault is not None:
            self.arm(fault)
        return super().strike(provider, operation)

    def clear(self) -> None:
        super().clear()
        self._planned.clear()

    def disarm(self, codes: Sequence[str | None]) -> None:
        """No longer answer with any of these error codes."""
        self._armed = [fault for fault in self._armed if fault.code not in codes]


class Courier(CallbackSender):
    """Delivers what the book owes when it is told to, by a call instead of a connection."""

    def __init__(
        self, world: World, providers: Mapping[str, SandboxProvider], faults: Faults
    ) -> None:
        super().__init__(world, providers, faults)
        self.hear: Hear = _nobody_hears
        self.sent: list[tuple[str, Message]] = []  # everything that was posted
        self.given_up: list[Callback] = []

    async def deliver(self) -> int:
        """Try everything that is due, in the order in which it happened; how many that were."""
        book, now = self._world.book, self._world.clock.now()
        order = {each.key: place for place, each in enumerate(book.pending_callbacks())}
        due = sorted(book.take_due_callbacks(now, 1000), key=lambda each: order[each.key])
        for callback in due:
            await self._attempt(callback)
            last = callback.attempts >= len(self._providers[callback.provider].retry_delays_seconds)
            if last and callback.key not in {each.key for each in book.pending_callbacks()}:
                self.given_up.append(callback)
        return len(due)

    def missed(self) -> list[Callback]:
        """What was told without effect: given up, or taken and then not confirmed in time."""
        return self.given_up

    async def tell(self, callback: Callback) -> bool:
        """One more delivery out of turn; whether it was taken."""
        provider = self._providers[callback.provider]
        _, taken = await self._post(provider, callback, provider.render(callback, {}))
        return taken

    async def post(self, name: str, message: Message) -> tuple[int, bytes]:
        """Send these bytes; the merchant's answer."""
        headers = {key.lower(): value for key, value in message.headers.items()}
        return await self.hear(name, headers, message.body)

    async def _post(
        self, provider: SandboxProvider, callback: Callback, message: Message
    ) -> tuple[str, bool]:
        self.sent.append((callback.provider, message))
        status, body = await self.post(callback.provider, message)
        return str(status), provider.acknowledged(status, body)


async def _nobody_hears(_: str, __: Mapping[str, str], ___: bytes) -> tuple[int, bytes]:
    return 503, b""


class Line(httpx.AsyncBaseTransport):
    """A client's way to the simulators, with a client's patience."""

    def __init__(self, simulators: Simulators) -> None:
        self._simulators = simulators

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        """Send it, and wait for the answer as long as a client does."""
        under_way = asyncio.ensure_future(self._simulators.carry(request))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(under_way)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time") from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.exchange(request)


@cache
def _app() -> Sandbox:
    """The simulators' app; its wire is exchanged for each history."""
    made: Any = create_sandbox(
        environment="test",
        clock=MovableClock(),
        providers=[WeChatPaySandbox, AlipaySandbox],
        keys=_ring(),
    )
    sandbox: Sandbox = made
    return sandbox


@cache
def _ring() -> KeyRing:
    """Keys for all histories: making them takes longer than a history."""
    ring = KeyRing()
    world = World(MovableClock(), Book(), ring)
    for provider in (WeChatPaySandbox(world), AlipaySandbox(world)):
        provider.credentials(URL)
    return ring


def _ring_of_one_history() -> KeyRing:
    """The same keys and certificates, in a state that the next history does not see."""
    ring, shared = KeyRing(), _ring()
    ring._keys = shared._keys
    ring._texts = {name: text for name, text in shared._texts.items() if "stage" not in name}
    return ring
