"""Hears what is published in Redis, over a second connection, opened when it is first needed."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from adapters.redis.line import ANSWER_SECONDS, connection_to


class Bell:
    """Wakes those who wait. It may miss a ring, so whoever listens also looks now and then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._rings: dict[bytes, asyncio.Event] = {}
        self._heard: dict[bytes, asyncio.Event] = {}  # set once Redis has confirmed

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """Inside the block, the event is set at every ring; one listener a channel."""
        name = channel.encode()
        ring = self._rings[name] = asyncio.Event()
        self._heard[name] = asyncio.Event()
        try:
            await self._send("SUBSCRIBE", name, confirmed=self._heard[name])
            yield ring
        finally:
            del self._rings[name], self._heard[name]
            if self._connection is not None:
                await self._send("UNSUBSCRIBE", name)

    async def aclose(self) -> None:
        """Hang up."""
        connection, reader = self._connection, self._reader
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        if connection is not None:
            await connection.disconnect()

    async def _send(
        self, command: str, name: bytes, *, confirmed: asyncio.Event | None = None
    ) -> None:
        """A Redis that does not answer rings no bell; that is all."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async with self._one_at_a_time:  # who connects must not be overtaken
                    connection = self._connection or await self._connect()
                    await connection.send_command(command, name)
                if confirmed is not None:
                    await confirmed.wait()
        except (OSError, RedisError, TimeoutError):
            return

    async def _connect(self) -> AbstractConnection:
        connection = connection_to(self._url)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py has none
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        self._reader = asyncio.create_task(self._read(connection))
        return connection

    async def _read(self, connection: AbstractConnection) -> None:
        try:
            while True:
                kind, name, _ = await connection.read_response(
                    disable_decoding=True, timeout=math.inf
                )
                happened = (self._heard if kind == b"subscribe" else self._rings).get(name)
                if happened is not None and kind in {b"subscribe", b"message"}:
                    happened.set()
        except (OSError, RedisError):
            await connection.disconnect(nowait=True)
        finally:
            self._connection = None
            for ring in self._rings.values():
                ring.set()  # look for yourselves
