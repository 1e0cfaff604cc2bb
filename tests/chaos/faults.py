"""Customers who go on whatever happens to the cluster, and somebody who makes it happen."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

import httpx

from domain.method import Method
from tests.asking import an_order_by
from tests.books import View
from tests.chaos.bounds import MOST_CALLS
from tests.chaos.cluster import Cluster
from tests.chaos.forger import Forger
from tests.load import Lines, Load, Said

FAULTS = [
    *(("kill", name) for name in ("api", "gateway", "worker", "postgres", "redis", "nats")),
    *(("pause", name) for name in ("api", "gateway", "worker", "postgres", "redis", "nats")),
    *(("cut", name) for name in ("postgres", "redis", "nats")),
    ("flush", "redis"),
]

CUSTOMERS = 6

#: Seconds a customer rests, so that the machine is busy and not more.
RESTS = (0.1, 0.6)

#: Seconds that somebody is silent or cut off, and of peace before each fault.
LASTS, PEACE = (0.5, 4.0), (0.5, 2.0)

#: Requests that say the same at once, and methods that charge at once or later.
TWINS, TWIN_METHODS = 12, (Method.WECHAT_CODE, Method.ALIPAY_CODE, Method.ALIPAY_QR)

PATIENCE_SECONDS = 90

#: Answers whose keys are tried with another body in the end, and what is other in it.
MOST_OTHER_BODIES = 30
OTHER_WORDS = {"/v1/payments": "subject", "/v1/refunds": "reason"}


Deed = Callable[[Lines], Awaitable[Any]]


@dataclass
class Chaos(Load):
    """Each recovery is remembered by its fault, in seconds."""

    forger: Forger | None = None
    over: bool = False
    twins: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    recovered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _left: list[asyncio.Task[Any]] = field(default_factory=list)
    _probes: Iterator[int] = field(default_factory=lambda: count(1))

    async def suffer(self, cluster: Cluster, *, few: int, seconds: float) -> None:
        """The load, and a few faults, or as many as there is time for."""
        deeds = [self.buy] * CUSTOMERS + [self._turn_switch, self._forge]
        async with Lines.to(cluster.started) as lines, self.busy(deeds, lines):
            until = time.monotonic() + seconds
            for number, (kind, whom) in enumerate(self._faults()):
                if number >= few and time.monotonic() > until:
                    break
                await asyncio.sleep(self.chance.uniform(*PEACE))
                await self._strike(kind, whom, cluster, lines)
                await cluster.weigh()
            await eventually(lambda: cluster.whole)
            await self.first_order(lines)

    @asynccontextmanager
    async def busy(self, deeds: Iterable[Deed], lines: Lines) -> AsyncIterator[None]:
        """All of them do so in the block again and again; afterwards they end what they began."""
        tasks = [asyncio.create_task(self._over_and_over(deed, lines)) for deed in deeds]
        try:
            yield
        finally:
            self.over = True
            await asyncio.gather(*tasks, *self._left)

    async def findings(self, started: View) -> list[str]:
        """What is wrong with the books, and who was answered under somebody else's key."""
        found = await super().findings(started)
        said = self.chance.sample(self.said, min(len(self.said), MOST_OTHER_BODIES))
        async with Lines.to(started) as lines:
            for each in said:
                other = each.body | {OTHER_WORDS[each.path]: "something else"}
                answer = await lines.api.post(
                    each.path, json=other, headers={"Idempotency-Key": each.key}
                )
                if answer.status_code != 422:
                    found.append(f"{each.key} with another body was answered {answer.content!r}")
        self.counts["other bodies refused"] = len(said)
        return found

    def too_many_calls(self, cluster: Cluster) -> list[str]:
        """Before time is made to pass, which asks about everything."""
        calls, ordered = cluster.calls.total(), len(self.said) + len(self.unanswered)
        if calls <= MOST_CALLS * ordered:
            return []
        return [f"{calls} calls to the providers for {ordered} requests"]

    def _faults(self) -> Iterator[tuple[str, str]]:
        """Each once, in any order; and again."""
        return chain.from_iterable(self.chance.sample(FAULTS, len(FAULTS)) for _ in count())

    async def _strike(self, kind: str, whom: str, cluster: Cluster, lines: Lines) -> None:
        """One fault, and how long it takes until somebody can order again."""
        await eventually(lambda: bool(cluster.processes(whom)))
        pid = self.chance.choice(cluster.processes(whom))
        heal: Callable[[], None] | None = None
        match kind:
            case "kill":
                cluster.kill(pid)
            case "pause":
                heal = cluster.pause(pid)
            case "cut":
                cluster.cables[whom].cut()
                heal = cluster.cables[whom].mend
            case "flush":
                await self._flush_among_twins(cluster, lines)
        first = asyncio.create_task(self.first_order(lines))
        if heal is not None:
            await asyncio.sleep(self.chance.uniform(*LASTS))
            heal()
        self.recovered[f"{kind} {whom}"].append(await first)

    async def _flush_among_twins(self, cluster: Cluster, lines: Lines) -> None:
        for method in (Method.WECHAT_CODE, Method.ALIPAY_CODE, Method.ALIPAY_QR):
            number = f"T-{next(self._probes)}"
            what = {"amount": 1000, **an_order_by(method)}
            asked = [self._order(lines, number, number, **what) for _ in range(TWINS)]
            answers = asyncio.gather(*asked)
            for _ in range(3):
                await asyncio.sleep(self.chance.uniform(0, 0.03))
                await cluster.flush_redis()
            await answers
            self.twins.append(number)

    async def first_order(self, lines: Lines) -> float:
        """Seconds until an order is taken. Somebody is always asking."""
        since, asked = time.monotonic(), list[asyncio.Task[View | None]]()
        while True:
            number = f"P-{next(self._probes)}"
            how = an_order_by(Method.WECHAT_NATIVE)
            order = self._order(lines, number, number, amount=1000, **how)
            asked.append(asyncio.create_task(order))
            for _ in range(10):
                await asyncio.sleep(0.02)
                if any(task.done() and task.result() for task in asked):
                    self._left += asked
                    return time.monotonic() - since

    async def _forge(self, lines: Lines) -> None:
        if self.forger is not None:
            payments = [each.view for each in self.said[-100:] if each.path == "/v1/payments"]
            await self.forger.post(lines, payments, self._order)

    async def _over_and_over(self, deed: Deed, lines: Lines) -> None:
        while not self.over:
            with suppress(httpx.HTTPError):
                await deed(lines)
            await asyncio.sleep(self.chance.uniform(*RESTS))

    async def _ask(self, lines: Lines, path: str, key: str, body: View) -> View | None:
        """Nobody knows what became of a request without an answer; it is repeated in the end."""
        kind = path.rpartition("/")[2]
        try:
            answer = await lines.api.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            self.unanswered.append((path, key, body))
            self.counts[f"{kind} unanswered"] += 1
            return None
        if answer.is_success:
            self.said.append(Said(path, key, body, answer.status_code, answer.content))
            self.counts[f"{kind} acknowledged"] += 1
            view: View = answer.json()
            return view
        self.counts[f"{kind} refused {answer.json()['code']}"] += 1
        if answer.is_server_error:
            self.unanswered.append((path, key, body))
            if answer.status_code != 503:
                self.wrong.append(f"{key} was answered {answer.status_code}: {answer.text}")
            await asyncio.sleep(int(answer.headers.get("Retry-After", "1")))
        return None


async def eventually(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < patience, "it does not get whole again"
        await asyncio.sleep(0.05)
