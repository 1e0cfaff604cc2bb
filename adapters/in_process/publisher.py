"""The event platform inside one process: the outbox is the log, listeners hear it in order."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from application.records import Message

log = logging.getLogger("basepay.events")

Listener = Callable[[Message], None]


class InProcessPublisher:
    """Hands each message to every listener; a published message stays readable in the outbox."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Hear everything published inside the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """All of them: they are durable already, and a listener's fault is its own."""
        for message in messages:
            for listener in tuple(self._listeners):
                try:
                    listener(message)
                except Exception:  # a broken listener must not hold up the others
                    log.exception("a listener failed on %s", message.id)
        return [message.id for message in messages]
