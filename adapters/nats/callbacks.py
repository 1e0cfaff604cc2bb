"""Callbacks from the gateway to the payment service: a work queue that all workers share."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.js.api import Header
from nats.js.errors import NotFoundError

from adapters.nats.declared import ACK_WAIT, CALLBACKS, DEAD, WORKERS
from adapters.nats.platform import FAILURES, REST_SECONDS, Platform
from application.ports import Clock, Unavailable
from application.records import RawCallback

log = logging.getLogger("basepay.nats")

#: Fetched ahead of need, so that a callback is applied when it comes and not when we look.
AHEAD = 64

#: One long question to the server; then it is asked again.
LISTEN_SECONDS = 20.0

_decoder = msgspec.msgpack.Decoder(RawCallback)


class JetStreamCallbacks:
    """Acknowledged when applied; what a worker lost comes again to another one."""

    def __init__(
        self, platform: Platform, *, clock: Clock, on_callback: Callable[[], None] = lambda: None
    ) -> None:
        self._platform, self._clock, self._on_callback = platform, clock, on_callback
        self._arrived: deque[tuple[float, RawCallback, Msg]] = deque()
        self._taken: dict[str, Msg] = {}
        self._room = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._closed = False

    async def put(self, callback: RawCallback) -> None:
        """Take it durably, once. Raises Unavailable."""
        await self._publish(_subject("callbacks", callback), CALLBACKS, callback, callback.id)

    async def take(
        self,
        limit: int,
        *,
        at: datetime,  # noqa: ARG002 -- the server knows what is due
    ) -> Sequence[tuple[RawCallback, int]]:
        """What has come and is due, each with the number of attempts so far."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        taken: list[tuple[RawCallback, int]] = []
        while self._arrived and len(taken) < limit:
            stale_at, callback, message = self._arrived.popleft()
            if _now() < stale_at:  # else it is offered to somebody else by now
                self._taken[callback.id] = message
                taken.append((callback, message.metadata.num_delivered - 1))
        self._room.set()
        return taken

    async def done(self, id: str) -> None:
        """Forget it; an acknowledgement that is lost brings it again, and that is quiet."""
        await self._tell(self._taken.pop(id, None), "ack")

    async def postpone(self, id: str, until: datetime | None) -> None:
        """Offer it again then; None: to the dead letters, from where operators bring it back."""
        message = self._taken.pop(id, None)
        if message is None:
            return
        if until is None:
            callback = _decoder.decode(message.data)
            life = f"{id}-{message.metadata.sequence.stream}"  # one that was revived may die again
            await self._publish(_subject("dead_callbacks", callback), DEAD, callback, life)
            await self._tell(message, "ack")
            return
        delay = max((until - self._clock.now()).total_seconds(), 0.001)
        await self._tell(message, "nak", delay)

    async def dead(self, limit: int) -> Sequence[RawCallback]:
        """Those that were given up, oldest first. Raises Unavailable."""
        found: list[RawCallback] = []
        async with aclosing(self._dead()) as letters:
            async for _, callback in letters:
                found.append(callback)
                if len(found) == limit:
                    break
        return found

    async def revive(self, id: str) -> bool:
        """Offer it again as if for the first time; False: it is not among the dead.

        Raises Unavailable.
        """
        async with aclosing(self._dead()) as letters:
            async for number, callback in letters:
                if callback.id == id:
                    life = f"{id}-{number}"
                    await self._publish(_subject("callbacks", callback), CALLBACKS, callback, life)
                    await self._platform.context().delete_msg(DEAD, number)
                    return True
        return False

    async def _dead(self) -> AsyncGenerator[tuple[int, RawCallback], None]:
        """Each with its number in the stream; there are few, if any."""
        try:
            context = self._platform.context()
            state = (await context.stream_info(DEAD)).state
            for number in range(max(1, state.first_seq), state.last_seq + 1):
                with suppress(NotFoundError):  # it was brought back
                    message = await context.get_msg(DEAD, number)
                    yield number, _decoder.decode(message.data or b"")
        except FAILURES:
            raise Unavailable("the dead letters can't be read") from None

    async def aclose(self) -> None:
        """Take no more; what was fetched ahead goes back at once."""
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        for _, _, message in self._arrived:
            await self._tell(message, "nak")
        self._arrived.clear()

    async def _publish(self, subject: str, stream: str, callback: RawCallback, id: str) -> None:
        body = msgspec.msgpack.encode(callback)
        try:
            await self._platform.context().publish(
                subject, body, stream=stream, headers={Header.MSG_ID.value: id}
            )
        except FAILURES as error:
            text = f"the event platform did not take the callback ({type(error).__name__})"
            raise Unavailable(text) from None

    async def _tell(self, message: Msg | None, how: str, *values: Any) -> None:
        """Tell the server; without a connection it finds out by itself, after a while."""
        if message is None:
            return
        try:
            self._platform.context()
            await getattr(message, how)(*values)
        except (Unavailable, *FAILURES):
            log.warning("a callback's fate could not be told; it comes again")

    async def _listen(self) -> None:
        """Fetch ahead until closed. The driver may turn a cancellation into an error of its own."""
        while not self._closed:
            try:
                await self._fetch()
            except (Unavailable, *FAILURES) as error:
                if not isinstance(error, TimeoutError):
                    await asyncio.sleep(REST_SECONDS)

    async def _fetch(self) -> None:
        subscription = await self._platform.context().pull_subscribe_bind(WORKERS, CALLBACKS)
        try:
            while True:
                while len(self._arrived) >= AHEAD:
                    self._room.clear()
                    await self._room.wait()
                room = AHEAD - len(self._arrived)
                messages = await subscription.fetch(room, timeout=LISTEN_SECONDS)
                await self._keep(messages)
        finally:
            with suppress(*FAILURES):  # else a cancellation would be lost
                await subscription.unsubscribe()

    async def _keep(self, messages: Sequence[Msg]) -> None:
        stale_at = _now() + ACK_WAIT / 2
        for message in messages:
            try:
                self._arrived.append((stale_at, _decoder.decode(message.data), message))
            except msgspec.DecodeError as error:  # somebody else wrote to the bus
                log.warning("what is no callback was thrown away: %s", error)
                await self._tell(message, "term")
        if messages:
            self._on_callback()


def _subject(kind: str, callback: RawCallback) -> str:
    return f"basepay.{kind}.{callback.provider.value}.{callback.account}"


def _now() -> float:
    return asyncio.get_running_loop().time()
