"""What is told of a NATS that is away: when it goes, that it still is, and when it is back."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger("basepay.nats")

#: The driver tries every half second, and has something to say each time.
SELDOM_SECONDS = 60.0

Now = Callable[[], float]


class Outage:
    """From the first trouble until everything works again."""

    def __init__(self, now: Now = time.monotonic) -> None:
        self._now = now
        self._since: float | None = None
        self._told: dict[str, float] = {}

    def away(self, why: str) -> None:
        """Told at once, and then once a minute."""
        now = self._now()
        if self._since is None:
            self._since = now
            self._told.pop("", None)
        if self._may_tell(""):
            log.warning("NATS is away for %.0f s (%s); trying on", now - self._since, why)

    def complaint(self, what: str) -> None:
        """Of a connection that stands; each kind once a minute."""
        if self._may_tell(what):
            log.warning("NATS: %s", what)

    def over(self) -> None:
        """Quiet if it was never away."""
        if self._since is not None:
            log.warning("NATS is back after %.0f s", self._now() - self._since)
        self._since = None

    def _may_tell(self, what: str) -> bool:
        now, told = self._now(), self._told.get(what)
        if told is not None and now - told < SELDOM_SECONDS:
            return False
        self._told[what] = now
        return True
