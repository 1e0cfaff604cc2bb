"""The event platform inside one process: the outbox itself is the log that shops read."""

from collections.abc import Sequence

from application.records import Message


class InProcessPublisher:
    """Takes every message: it is durable already, and readable once it is marked."""

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """All of their ids."""
        return [message.id for message in messages]
