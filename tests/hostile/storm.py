"""Posts hostile callbacks over real sockets and remembers how each was answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tests.hostile.posts import Post

#: The gateway may hang up on more than it reads, before the sender has finished.
MOST_READ = 1 << 20


@dataclass(frozen=True)
class Answered:
    """`status` 0: the connection was cut, which is fine for what is too long only."""

    kind: str
    status: int
    seconds: float
    too_long: bool

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500 or (self.too_long and self.status == 0)


async def storm(
    url: str, posts: Iterable[tuple[str, Callable[[], Post]]], *, at_once: int = 16
) -> list[Answered]:
    """Send all of them, so many at once; each is written when its turn comes."""
    waiting = iter(posts)
    answers: list[Answered] = []
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def sender() -> None:
            for kind, write in waiting:
                answers.append(await _send(session, url, kind, write()))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(sender())
    return answers


async def _send(session: aiohttp.ClientSession, url: str, kind: str, post: Post) -> Answered:
    body = post.letter.body
    began, status = perf_counter(), 0
    try:
        async with session.request(
            post.method,
            URL(url + post.path, encoded=True),
            headers=CIMultiDict(post.letter.headers),
            data=_in_chunks(body) if post.chunked else BytesIO(body),
            allow_redirects=False,
        ) as answer:
            await answer.read()
            status = answer.status
    except aiohttp.ClientConnectionError:
        pass
    return Answered(kind, status, perf_counter() - began, len(body) > MOST_READ)


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]
