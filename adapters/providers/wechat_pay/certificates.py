"""Platform certificates, fetched ahead of need; nothing waits for them (MAPPING.md §2)."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.providers.checked import NotGenuine, NotUnderstood
from adapters.providers.wechat_pay.answers import normal_code
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.keys import Belief, Certificate, Keys, read_certificate
from adapters.providers.wechat_pay.sealed import unseal
from adapters.providers.wechat_pay.signing import verify
from adapters.providers.wechat_pay.wire import read_certificates
from application.ports import Clock
from domain.outcome import Unknown

log = logging.getLogger("basepay.wechat_pay")

LIST = "/v3/certificates"

#: A new certificate is listed 24 h before it signs; the official Java SDK asks hourly too.
USUAL = timedelta(hours=1)
#: After a failure, or a serial that nobody knows: anybody can send us one.
SOON = timedelta(minutes=1)
#: After a failure while nothing at all can be verified.
AT_ONCE = timedelta(seconds=5)
#: A merchant that has public keys only is told so; that changes by hand.
RARELY = timedelta(days=1)

#: How often to look whether it is time; the business clock may be moved by hours at once.
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant by both clocks."""

    wall: float
    business: datetime

    def since(self, earlier: "Moment") -> timedelta:
        """How long ago that was, by the clock that moved more."""
        by_wall = timedelta(seconds=self.wall - earlier.wall)
        return max(by_wall, self.business - earlier.business)


class Certificates:
    """Keeps an account's belief up to date."""

    def __init__(
        self, keys: Keys, client: Client, clock: Clock, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._keys, self._client = keys, client
        self._clock, self._wall = clock, wall
        self._asked: Moment | None = None
        self._pause = USUAL

    async def keep(self) -> None:
        """Fetch whenever it is time, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # a slip here must not end the fetching for good
                log.exception("could not look after the platform certificates")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Fetch if it is time."""
        now = Moment(self._wall(), self._clock.now())
        if self._asked is None or now.since(self._asked) >= self._wait():
            self._asked = now
            await self.fetch()

    async def fetch(self) -> bool:
        """Ask for the list and believe what it proves; whether it did."""
        answer = await self._client.ask("GET", LIST)
        now, belief = self._clock.now(), self._keys.belief
        try:
            proven = self._proven(answer)
        except (NotGenuine, NotUnderstood) as reason:
            self._keys.believe(belief, now=now)
            self._pause = self._pause_after(answer)
            if self._pause != RARELY or not belief.public:
                log.warning("no platform certificates were fetched: %s", reason)
            return False
        fresh = proven.certificates.keys() - belief.certificates.keys()
        if fresh:
            log.info("platform certificates learned: %s", ", ".join(sorted(fresh)))
        self._keys.believe(proven, now=now)
        self._keys.missed = False
        self._pause = USUAL
        return True

    def _wait(self) -> timedelta:
        """A missing certificate shortens the usual pause, not the one that was ordered."""
        return SOON if self._keys.missed and self._pause == USUAL else self._pause

    def _proven(self, answer: Answer | Unknown) -> Belief:
        """Decrypt first: the key that signed the list may be in it."""
        if isinstance(answer, Unknown):
            raise NotUnderstood(answer.reason)
        if answer.status != 200:
            raise NotUnderstood(f"answered {answer.trace}")
        belief = self._keys.belief.with_more(self._opened(answer.body))
        verify(belief, answer.headers, answer.body, at=answer.at)
        return belief

    def _opened(self, body: bytes) -> Sequence[Certificate]:
        texts = [
            unseal(self._keys, each.encrypt_certificate) for each in read_certificates(body).data
        ]
        try:
            return [read_certificate(text.decode()) for text in texts]
        except ValueError as error:
            raise NotUnderstood(str(error)) from None

    def _pause_after(self, answer: Answer | Unknown) -> timedelta:
        belief = self._keys.belief
        usual = SOON if belief.public or belief.certificates else AT_ONCE
        if isinstance(answer, Unknown):
            return max(answer.retry_after or usual, usual)
        if _none_exist(answer) and (not belief.certificates or (belief.public and answer.genuine)):
            return RARELY
        return max(answer.pause or usual, usual)


def _none_exist(answer: Answer) -> bool:
    """What a merchant is told who has public keys only."""
    return bool(answer.refusal and normal_code(answer.refusal.code) == "RESOURCENOTEXISTS")
