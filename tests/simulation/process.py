"""A process seen from outside: at each call it makes it may die, or the other side may fail."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from random import Random
from typing import Any, NoReturn, Self

from application.ports import Unavailable
from domain.outcome import Unknown


class Died(BaseException):
    """kill -9: no handler, no clean-up, and nothing the process still does has an effect."""


class Verdict(Enum):
    """What happens at one moment."""

    GO_ON = auto()
    DIE = auto()
    FAIL = auto()  # the process lives; the call fails, before or after it had its effect


Fate = Callable[[str], Awaitable[Verdict]]


class Appointed:
    """Strikes at appointed moments, counted from 1, and remembers all that came."""

    def __init__(self, *at: int, verdict: Verdict = Verdict.DIE) -> None:
        self.moments: list[str] = []
        self._at, self._verdict = frozenset(at), verdict

    async def __call__(self, moment: str) -> Verdict:
        """Answer at once."""
        self.moments.append(moment)
        return self._verdict if len(self.moments) in self._at else Verdict.GO_ON

    @property
    def all_came(self) -> bool:
        """Every appointment was kept."""
        return max(self._at, default=0) <= len(self.moments)


class Chance:
    """Strikes at random; every call takes a little while, some a long one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._dies = random.choice([0.0, 0.002, 0.02])
        self._fails = random.choice([0.0, 0.002, 0.02])
        self.at_peace = False

    async def __call__(self, _moment: str) -> Verdict:
        """Answer after a moment that lets others go first."""
        slow = self._random.random() < 0.003
        await asyncio.sleep(self._random.uniform(0, 25 if slow else 0.02))
        drawn = self._random.random()
        if self.at_peace or drawn >= self._dies + self._fails:
            return Verdict.GO_ON
        return Verdict.DIE if drawn < self._dies else Verdict.FAIL


class Process:
    """One life. When it dies, all that was running in it dies at its next call."""

    def __init__(self, fate: Fate) -> None:
        self.dead = False
        self.failures = 0
        self._fate = fate

    async def call(
        self, name: str, call: Callable[[], Awaitable[Any]], fail: Callable[[], Any]
    ) -> Any:
        """Two moments: one before the effect, one after it and before the answer."""
        if await self._fails(f"before {name}"):
            return fail()
        answer = await call()
        return fail() if await self._fails(f"after {name}") else answer

    async def _fails(self, moment: str) -> bool:
        self._live(moment)
        verdict = await self._fate(moment)
        self.dead = self.dead or verdict is Verdict.DIE
        self._live(moment)
        self.failures += verdict is Verdict.FAIL
        return verdict is Verdict.FAIL

    def _live(self, moment: str) -> None:
        if self.dead:
            raise Died(moment)


def unavailable() -> NoReturn:
    """How a store, a queue and the event platform fail."""
    raise Unavailable("cut off")


def unknown() -> Unknown:
    """How a provider fails."""
    return Unknown("cut off", unanswered=True)


class Port:
    """Any port, called by `process`; what it does synchronously stays as it is."""

    def __init__(
        self, name: str, inner: Any, process: Process, fail: Callable[[], Any] = unavailable
    ) -> None:
        self._name, self._inner, self._process, self._fail = name, inner, process, fail

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        name = f"{self._name}.{attribute}"
        if inspect.iscoroutinefunction(found):
            return lambda *args, **kwargs: self._process.call(
                name, lambda: found(*args, **kwargs), self._fail
            )
        if attribute in {"payments", "refunds", "orders", "requests"}:
            return Port(name, found, self._process)
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)
