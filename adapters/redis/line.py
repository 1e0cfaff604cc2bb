"""One connection to Redis that carries the commands of many tasks, and is given up quickly."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

log = logging.getLogger("basepay.redis")

#: Redis answers within a millisecond or two; whoever waits longer than this gains nothing by it.
ANSWER_SECONDS = 0.15

#: A Redis that failed is left alone so long: a request must not wait for it again and again.
REST_SECONDS = 3.0

#: Commands that may wait for their turn; with more of them Redis is as good as silent.
MOST_WAITING = 1_000

#: Commands sent at a time. While they are under way the next ones gather.
BATCH = 256

Command = tuple[str | bytes | int, ...]
Waiting = tuple[Command, asyncio.Future[Any]]


class RedisSilent(Exception):
    """No answer in time, or nothing is asked just now: go on without Redis."""


def connection_to(url: str) -> AbstractConnection:
    """A connection that tries once; the URL may hold a password and is shown nowhere.

    Without a time-out of its own: whoever uses it has one, and the driver's goes by
    `asyncio.wait_for`, which in Python 3.11 may lose that its task was cancelled.
    """
    once = Retry(NoBackoff(), 0)
    pool = ConnectionPool.from_url(
        url, protocol=2, retry=once, retry_on_error=[], socket_timeout=None
    )
    made: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py has none
    return made


class Line:
    """Commands in the order in which they were given; all that are given at once travel at once."""

    def __init__(
        self,
        url: str,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._answer_seconds, self._rest_seconds = answer_seconds, rest_seconds
        self._connection = connection_to(url)
        self._waiting: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    async def ask(self, *command: str | bytes | int) -> Any:
        """The reply, bytes where Redis sends text. Raises RedisSilent."""
        return await self._enqueue(command)

    def tell(self, *command: str | bytes | int) -> None:
        """Send it after everything given before, and don't wait; it may be lost."""
        self._enqueue(command).add_done_callback(_ignore)

    async def aclose(self) -> None:
        """Send what waits, then hang up."""
        if self._task is not None:
            await self._task
        await self._connection.disconnect()

    def _enqueue(self, command: Command) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Any] = loop.create_future()
        if loop.time() < self._rests_until or len(self._waiting) >= MOST_WAITING:
            told.set_exception(RedisSilent())
            return told
        self._waiting.append((command, told))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._carry())
        return told

    async def _carry(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), BATCH)
            batch = [self._waiting.popleft() for _ in range(size)]
            try:
                async with asyncio.timeout(self._answer_seconds):
                    replies = await self._exchange([command for command, _ in batch])
            except Exception as error:  # noqa: BLE001 -- whatever the driver meets: it is only comfort
                await self._give_up(error, batch)
            except BaseException:
                self._fail(batch)
                raise
            else:
                for (_, told), reply in zip(batch, replies, strict=True):
                    _settle(told, reply)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await self._reply() for _ in commands]

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:  # loading, read-only, out of memory
            return error

    async def _give_up(self, error: Exception, batch: list[Waiting]) -> None:
        """Late replies would answer the wrong questions, so the connection goes too."""
        log.warning(
            "Redis does not answer (%s); going on without it for %s s",
            type(error).__name__,
            self._rest_seconds,
        )
        self._rests_until = asyncio.get_running_loop().time() + self._rest_seconds
        self._fail(batch)
        await self._connection.disconnect(nowait=True)

    def _fail(self, batch: list[Waiting]) -> None:
        for _, told in (*batch, *self._waiting):
            _settle(told, RedisSilent())
        self._waiting.clear()


def _settle(told: asyncio.Future[Any], reply: Any) -> None:
    if told.done():  # nobody waits any more
        return
    if isinstance(reply, ResponseError):
        log.warning("Redis refuses a command: %s", reply)
        reply = RedisSilent()
    if isinstance(reply, Exception):
        told.set_exception(reply)
    else:
        told.set_result(reply)


def _ignore(told: asyncio.Future[Any]) -> None:
    if not told.cancelled():
        told.exception()
