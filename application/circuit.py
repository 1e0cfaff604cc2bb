"""One circuit per merchant account: who does not answer is left alone, and tried now and then.

It also bounds how many questions to one account are under way, so that a slow provider can't take
up everything that this process has, and the other accounts go on as before.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.outcome import Unasked, Unknown

log = logging.getLogger("basepay.circuit")

T = TypeVar("T")

#: Questions without an answer, one after another, after which nobody seems to be there.
OPENS_AFTER = 5

#: They must follow each other within this, in seconds: one an hour says nothing about the others.
WINDOW = 30.0

#: Seconds between two tries of an open circuit, by chance, so that many processes part. A provider
#: that is back is found within the longer one; and one try in a while is no load for anybody.
PAUSES = (1.0, 3.0)

#: Questions under way per account: at 150 ms an answer, all that WeChat Pay allows a merchant.
AT_ONCE = 100

#: Who gave up sooner, in seconds, tells more about us than about the provider.
FAIR_CHANCE = 1.5

#: Seconds that a question waits for one of these places; a crowd is through by then.
PATIENCE = 1.0


def _loop_time() -> float:
    """Seconds of real time: a provider's troubles do not follow the business clock."""
    return asyncio.get_running_loop().time()


def _middle() -> float:
    """Where nobody brings chance in, pauses are all the same."""
    return 0.5


class Circuit:
    """Closed while the account's provider answers, whatever it says; open while it does not.

    An open circuit lets one question through after each pause. The first answer closes it.
    """

    def __init__(
        self,
        name: str,
        *,
        now: Callable[[], float] = _loop_time,
        chance: Callable[[], float] = _middle,
    ) -> None:
        self._name, self._now, self._chance = name, now, chance
        self._places = asyncio.Semaphore(AT_ONCE)
        self._answers = self._missed = self.tries = 0
        self._missed_at = self._next_try = 0.0
        self._opened_at: float | None = None

    @property
    def open(self) -> bool:
        """Nobody answered lately."""
        return self._opened_at is not None

    @property
    def shut(self) -> bool:
        """Open, and it is too soon to try again."""
        return self.open and self._now() < self._next_try

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T | Unasked:
        """Its answer; Unasked if the question was surely not sent."""
        if self.shut:
            return self._refuse()
        if not await self._take_place():
            return Unasked(f"{AT_ONCE} questions to {self._name} are under way already")
        try:
            if not self._lets_through():  # it has opened since
                return self._refuse()
            return await self._listen(question)
        finally:
            self._places.release()

    def _lets_through(self) -> bool:
        if self.shut:
            return False
        if self.open:
            self._plan_try()
        return True

    def _refuse(self) -> Unasked:
        return Unasked(f"{self._name} does not answer at present")

    async def _take_place(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._places.acquire()
        except TimeoutError:
            return False

    async def _listen(self, question: Callable[[], Awaitable[T]]) -> T:
        answers, began = self._answers, self._now()
        try:
            outcome = await question()
        except asyncio.CancelledError:
            if (waited := self._now() - began) >= FAIR_CHANCE:
                self._unanswered(answers, f"given up after {waited:.1f} s")
            raise
        if isinstance(outcome, Unknown) and outcome.unanswered:
            self._unanswered(answers, outcome.reason)
        else:
            self._answered()
        return outcome

    def _answered(self) -> None:
        self._answers += 1
        self._missed = 0
        if self._opened_at is not None:
            lasted = self._now() - self._opened_at
            self._opened_at = None
            log.warning("%s answers again, after %.0f s", self._name, lasted)

    def _unanswered(self, answers: int, reason: str) -> None:
        """`answers`: how many there were when it was asked. An answer since then says more."""
        if self.open or answers != self._answers:
            return
        now = self._now()
        if now - self._missed_at > WINDOW:
            self._missed = 0
        self._missed_at = now
        self._missed += 1
        if self._missed >= OPENS_AFTER:
            self._opened_at, self.tries = now, 0
            self._plan_try()
            log.warning("%s does not answer, it is tried now and then: %s", self._name, reason)

    def _plan_try(self) -> None:
        shortest, longest = PAUSES
        self.tries += 1
        self._next_try = self._now() + shortest + (longest - shortest) * self._chance()


class Circuits:
    """The circuit of each account, by its name: a new configuration forgets nothing."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = _loop_time,
        chance: Callable[[], float] = _middle,
    ) -> None:
        self._now, self._chance = now, chance
        self._circuits: dict[str, Circuit] = {}

    def of(self, name: str) -> Circuit:
        """Made when it is first asked for."""
        if name not in self._circuits:
            self._circuits[name] = Circuit(name, now=self._now, chance=self._chance)
        return self._circuits[name]
