"""The relay: outbox to event platform, in order, at least once."""

from application.ports import Clock, EventPublisher, Outbox

BATCH = 256


class AnnounceEvents:
    """Publishes with the event id as the de-duplication id, then marks what was taken."""

    def __init__(self, *, outbox: Outbox, publisher: EventPublisher, clock: Clock) -> None:
        self._outbox, self._publisher, self._clock = outbox, publisher, clock

    async def __call__(self) -> int:
        """Publish one batch; how many were taken."""
        waiting = await self._outbox.waiting(BATCH)
        taken = await self._publisher.publish(waiting) if waiting else ()
        if taken:
            await self._outbox.published(taken, self._clock.now())
        return len(taken)
