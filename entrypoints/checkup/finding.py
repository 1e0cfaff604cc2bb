"""What a check is, and what it can find."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from entrypoints.errors import Trouble

T = TypeVar("T")

log = logging.getLogger("basepay.doctor")


class State(StrEnum):
    """How it stands."""

    GOOD = "ok"
    LOOK = "look"  # can't be told from here, or soon a trouble: a person should look
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what is, and what to do about it."""

    state: State
    words: str
    mend: str = ""


def good(words: str) -> Finding:
    """Nothing to do."""
    return Finding(State.GOOD, words)


def look(words: str, mend: str) -> Finding:
    """A person should look."""
    return Finding(State.LOOK, words, mend)


def bad(words: str, mend: str) -> Finding:
    """It won't work like this."""
    return Finding(State.BAD, words, mend)


@dataclass(frozen=True, slots=True)
class Check:
    """One question about one subject: an account by its name, or a part of the deployment."""

    about: str
    title: str
    run: Callable[[], Awaitable[Finding]]

    async def __call__(self) -> Finding:
        """What was found; a check that fails itself is told as such, and never quotes an error."""
        try:
            return await self.run()
        except Trouble as error:
            return bad(str(error), "set this key right")
        except Exception as error:  # one check must not hide the others
            log.exception("the check %s of %s failed", self.title, self.about)
            return bad(f"the check itself failed: {type(error).__name__}", "report it as a bug")


class Once(Generic[T]):
    """One question to the outside that several checks read the answer of."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """Ask, or wait for whoever has asked."""
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._ask())
        return await self._asked

    def judged(self, judge: Callable[[T], Finding]) -> Callable[[], Awaitable[Finding]]:
        """A check that reads the answer."""

        async def run() -> Finding:
            return judge(await self())

        return run
