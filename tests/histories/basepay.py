"""basepay whole, as one process that can die, over a store that outlives it."""

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from adapters.clock import SystemClock
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.sql import migrate
from adapters.persistence.sql.sqlite import Reader, Writer
from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.store import SqlStore
from adapters.persistence.sql.values import Stored, Value
from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.config import CERTIFICATES, AlipayConfig
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from application.accounts import Accounts
from application.app import App, World
from application.circuit import Circuits
from application.commands import NewPayment, NewRefund
from application.idempotency import Answer, Key
from application.ports import Account, Unavailable
from application.records import Caller
from application.shared import Shared
from domain.errors import DomainError, IdempotencyInProgress
from domain.method import Provider
from tests.histories.simulators import URL, HistoryClock, Line, Simulators
from tests.simulation.asking import Asked
from tests.simulation.process import Died, Port, Process, Verdict
from tests.simulation.virtual_time import VirtualLoop
from tests.simulation.world import Broken, Stream

T = TypeVar("T")

#: Where providers call back; no socket listens there.
CALLBACKS = "http://basepay.test/callbacks"

OLGA = Caller("olga", operator=True)

Store = MemoryStore | SqlStore


class HistoryLoop(VirtualLoop):
    """Virtual time, and no threads: what is handed to one is done at once."""

    def run_in_executor(  # type: ignore[override] # the base class says nothing of its future
        self, _executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 -- handed on to whoever awaits it
            done.set_exception(error)
        return done


class Doom:
    """Strikes at the moment it is set to, counted from now; some calls take a little while."""

    def __init__(self, simulators: Simulators) -> None:
        self._random = simulators.random
        self._left: int | None = None
        self._verdict = Verdict.GO_ON

    def set(self, verdict: Verdict, moments: int) -> None:
        """Strike at the call that is so many calls ahead."""
        self._left, self._verdict = moments, verdict

    def lift(self) -> None:
        """Nothing more will happen."""
        self._left = None

    async def __call__(self, _moment: str) -> Verdict:
        """Answer at once, or after a moment that lets others go first."""
        if self._random.random() < 0.3:
            await asyncio.sleep(self._random.uniform(0, 0.02))
        if self._left is None:
            return Verdict.GO_ON
        self._left -= 1
        if self._left > 0:
            return Verdict.GO_ON
        self._left = None
        return self._verdict


class MortalLine(Line):
    """The same, used by a process: it may die before a request leaves or after an answer came."""

    def __init__(self, simulators: Simulators, process: Process) -> None:
        super().__init__(simulators)
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._process.call("line", lambda: self.exchange(request), _cut)
        assert isinstance(response, httpx.Response)
        return response


class Basepay:
    """The present process, what it left behind, and what apps have heard from it."""

    def __init__(
        self,
        simulators: Simulators,
        store: Store,
        *,
        certificates: bool,
        public_key: bool,
    ) -> None:
        self.simulators, self.store, self.clock = simulators, store, simulators.clock
        self.doom = Doom(simulators)
        self.stream = Stream()
        self.answers: dict[Key, tuple[Asked, Answer]] = {}
        self.deaths = 0
        self._configs = _configs(simulators, certificates=certificates, public_key=public_key)
        self._ids = itertools.count(1)
        simulators.courier.hear = self.hear
        self.boot()

    def boot(self) -> None:
        """A new process over what the old one left behind."""
        self.process = Process(self.doom)
        self._relay = asyncio.Lock()
        self._asked_at = self.clock.now() - timedelta(days=1)
        self.accounts = self._accounts()
        locks = InProcessLocks()
        self.app = App(
            World(
                work=lambda: self._port("store", self.store.work()),
                outbox=self._port("outbox", self.store.outbox),
                callbacks=self._port("queue", self.store.callbacks),
                agenda=self._port("agenda", self.store.agenda),
                library=self.store.library,
                directory=self.store.directory,
                publisher=self._port("stream", self.stream),
                locks=locks,
                shared=Shared(tokens=InProcessTokens(self.clock), locks=locks, clock=self.clock),
                accounts=Accounts(self.accounts, circuits=Circuits(chance=lambda: 0.5)),
                clock=self.clock,
                wall_clock=SystemClock(),
                new_id=lambda: f"{next(self._ids):026d}",
                number_prefix="t1",
                pings={},
                switches=self._port("switches", self.store.switches),
            )
        )

    def mourn(self) -> None:
        """Start another process if this one is dead."""
        if self.process.dead:
            self.deaths += 1
            self.boot()

    def _port(self, name: str, inner: object) -> Any:
        return Port(name, inner, self.process)

    def _accounts(self) -> dict[str, Account]:
        line = MortalLine(self.simulators, self.process)
        wechat, alipay = self._configs
        made = [
            wechat_pay_account(wechat, line, self.clock),
            alipay_account(alipay, line, self.clock),
        ]
        payments: Any = made[1].payments  # its pause between downloads is of real seconds
        payments._client._renewal._wall = lambda: self.clock.now().timestamp()
        return {account.name: account for account in made}

    def waiting(self) -> int:
        """How many callbacks wait to be applied; taking them would lease them."""
        if isinstance(self.store, MemoryStore):
            return sum(not each.dead for each in self.store._tables.inbox.look())
        reader: Any = self.store._reader
        [count] = reader._at_once.execute("SELECT count(*) FROM inbox WHERE NOT dead").fetchone()
        return int(count)

    # What apps and providers ask.

    async def ask(self, asked: Asked) -> Answer:
        """Send a request once; what was answered must never change."""
        key = asked.idempotency_key
        if asked.route == "payments":
            answer = await self.app.create_payment(NewPayment(**asked.facts), key)
        else:
            answer = await self.app.create_refund(NewRefund(**asked.facts), key)
        _, first = self.answers.setdefault(key, (asked, answer))
        if (first.status, first.body) != (answer.status, answer.body):
            raise Broken(f"I9: {key} was answered {first} and {answer}")
        return answer

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

    async def hear(
        self, provider: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """A callback at the gateway; 503 where the process is dead or its queue fails."""
        try:
            account = f"{provider}-main"
            reply = await self.app.receive_callback(Provider(provider), account, headers, body)
        except (Died, Unavailable):
            return 503, b""
        return reply.status, reply.body

    # What works in the background.

    async def work(self) -> None:
        """Everything that workers do now, once."""
        await self.simulators.courier.deliver()
        await self.app.apply_callbacks()
        await self.app.sweep()
        await self.announce()
        await self.keep_up()

    async def announce(self) -> int:
        """The relay's turn; a process has one relay."""
        async with self._relay:
            return await self.app.announce_events()

    async def keep_up(self) -> None:
        """What the accounts' upkeep does when it is looked after: it asks when it is time."""
        wechat, alipay = self.accounts.values()
        certificates: Any = wechat.upkeep
        await certificates.__self__.look()
        upkeep: Any = alipay.upkeep
        hourly = self.clock.now() - self._asked_at >= timedelta(hours=1)
        if upkeep is not None and (upkeep._keys.doubt.is_set() or hourly):
            self._asked_at = self.clock.now()
            await upkeep.ask()

    async def try_to(self, act: Callable[[], Awaitable[object]]) -> None:
        """Do it if it can be done: apps, payers and workers may fail, and that is no finding."""
        with suppress(DomainError, Unavailable, Died):
            await act()


def _cut() -> None:
    raise httpx.ReadError("cut off")


def _configs(
    simulators: Simulators, *, certificates: bool, public_key: bool
) -> tuple[WeChatPayConfig, AlipayConfig]:
    told = simulators.wechat.credentials(URL)
    key = {told["public_key_id"]: told["public_key"]} if public_key else {}
    wechat = WeChatPayConfig(
        name="wechat-main",
        mchid=told["mchid"],
        app_ids=AppIds(**told["app_ids"]),
        serial_no=told["serial_no"],
        private_key=told["private_key"],
        api_v3_key=told["api_v3_key"],
        platform_certificates=(told["platform_certificate"],),
        public_keys=key,
        store_out_id="till-1",
        base_url=told["base_url"],
        notify_url=f"{CALLBACKS}/wechat/wechat-main",
    )
    told = simulators.alipay.credentials(URL)
    files = {name: told[name] for name in CERTIFICATES} if certificates else {}
    alipay = AlipayConfig(
        name="alipay-main",
        app_id=told["app_id"],
        seller_id=told["seller_id"],
        private_key=told["private_key"],
        alipay_public_key="" if certificates else told["alipay_public_key"],
        gateway_url=told["gateway_url"],
        notify_url=f"{CALLBACKS}/alipay/alipay-main",
        **files,
    )
    return wechat, alipay


class _AtOnce(Reader):
    """Reads lists where they are asked for: a thread would take real time."""

    def __init__(self, at_once: sqlite3.Connection) -> None:
        self._at_once = at_once

    async def rows(self, statement: Prepared, values: Mapping[str, Value]) -> list[Stored]:
        found: Sequence[Stored] = self._at_once.execute(
            statement.text, statement.bind(values)
        ).fetchall()
        return list(found)

    async def close(self) -> None:
        self._at_once.close()


async def open_sqlite(clock: HistoryClock) -> tuple[SqlStore, Path]:
    """A fresh database in a file, and its folder."""
    folder = Path(mkdtemp(prefix="histories-"))
    path = folder / "basepay.db"
    shutil.copy(_template(), path)
    writer = Writer(path)
    writer._connection.execute("PRAGMA synchronous = OFF")  # no power is cut here
    address = f"file:{quote(str(path))}?mode=ro"
    at_once = sqlite3.connect(address, timeout=0, uri=True, isolation_level=None)
    at_once.row_factory = sqlite3.Row
    return SqlStore(_AtOnce(at_once), writer, clock), folder


async def callbacks_wait(store: Store) -> bool:
    """Whether any callback is still to be applied, now or later; to take it would hide it."""
    if isinstance(store, MemoryStore):
        return any(not waiting.dead for waiting in store._tables.inbox.look())
    return await store._reader.row(store._statements.any_callback_due, {"at": 2**62}) is not None


@cache
def _template() -> Path:
    """An empty database with the newest schema."""
    path = Path(mkdtemp(prefix="histories-")) / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path
