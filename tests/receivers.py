"""Apps' webhook receivers in memory: they take, refuse, fall silent, and remember."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from application.ports import Clock
from application.webhook_ports import Post, UrlRefused
from domain.webhook import Answer

Behaviour = Callable[[Post], Answer]

TAKEN = Answer(200, "taken", 3)
SILENT = Answer(None, "no answer within 15 s", 15_000)


def answering(status: int, *, silence: timedelta | None = None) -> Behaviour:
    """Always the same status."""
    return lambda _: Answer(status, f"status {status}", 3, silence)


def silent(_: Post) -> Answer:
    """No answer at all."""
    return SILENT


class Receivers:
    """Stands in for the sender and everybody behind it; each URL behaves as it was told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._behaviours: dict[str, Behaviour] = defaultdict(lambda: lambda _: TAKEN)
        self._hanging: dict[str, asyncio.Event] = {}
        self.posts: list[tuple[datetime, Post]] = []

    def behaves(self, url: str, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviours[url] = behaviour

    def hangs(self, url: str) -> Callable[[], None]:
        """Take requests and never answer, until what is returned is called."""
        self._hanging[url] = over = asyncio.Event()
        return over.set

    def ids(self, url: str) -> list[str]:
        """The ids of the events that were sent there, in order."""
        return [post.id for _, post in self.posts if post.url == url]

    def times(self, url: str) -> list[datetime]:
        """When something was sent there."""
        return [at for at, post in self.posts if post.url == url]

    async def check(self, url: str) -> str:
        """Only what says https is good."""
        if not url.startswith("https://"):
            raise UrlRefused("an https URL")
        return url

    async def send(self, post: Post) -> Answer:
        """Remember it and answer."""
        self.posts.append((self._clock.now(), post))
        if post.url in self._hanging:
            await self._hanging[post.url].wait()
        return self._behaviours[post.url](post)
