"""What the broker forgets is sent again: the outbox is held against the event platform."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from application.ports import Clock, EventLog, EventPublisher, Outbox
from application.records import Message

log = logging.getLogger("basepay.relay")

#: What is older is not compared; the platform itself keeps a day more.
WINDOW = timedelta(days=7)

#: A platform that shows no loss is compared as a whole this often all the same.
EVERY = timedelta(hours=1)

BATCH = 5_000

#: The digits of a ULID, and how many of them tell its time.
DIGITS, TIME_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 10


class AnnounceAgain:
    """Compares only when something may be lost, or an hour after the last time."""

    def __init__(
        self, *, outbox: Outbox, publisher: EventPublisher, event_log: EventLog, wall_clock: Clock
    ) -> None:
        self._outbox, self._publisher, self._log = outbox, publisher, event_log
        self._clock = wall_clock
        self._sound: str | None = None  # the platform's condition when nothing was missing
        self._due_at = datetime.min.replace(tzinfo=wall_clock.now().tzinfo)

    async def __call__(self) -> int:
        """Publish again what is missing, the same ids; how many. Raises Unavailable."""
        now, condition = self._clock.now(), await self._log.condition()
        if condition == self._sound and now < self._due_at:
            return 0
        again = await self._compare(now)
        self._sound, self._due_at = (None if again else condition), now + EVERY
        if again:
            log.warning("the event platform had lost %s events; they are published again", again)
        return again

    async def _compare(self, now: datetime) -> int:
        again, last = 0, first_id("evt", now - WINDOW)
        while kept := await self._outbox.announced(last, BATCH):
            missing = await self._log.missing(kept)
            again += await self._publish(missing)
            last = kept[-1].id
        return again

    async def _publish(self, missing: Sequence[Message]) -> int:
        """How many are missing; those that are not taken now are found again at the next look."""
        if missing:
            await self._publisher.publish(missing)
        return len(missing)


def first_id(kind: str, at: datetime) -> str:
    """What sorts just before all ids of this kind that were made from then on."""
    milliseconds = int(at.timestamp() * 1_000)
    places = range(TIME_DIGITS - 1, -1, -1)
    return f"{kind}_" + "".join(DIGITS[milliseconds >> 5 * place & 31] for place in places)
