"""A line to a server that can lose what is said on it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Self


class Line:
    """A TCP proxy on a free port of 127.0.0.1; it is cut where a request holds certain words."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening: asyncio.Server | None = None
        self._unheard = self._unanswered = _NOTHING
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def cut_the_answer_to(self, words: str) -> None:
        """A request with these words arrives; its connection is cut when the server answers."""
        self._unanswered = words.encode()

    def cut_the_request(self, words: str) -> None:
        """A request with these words does not arrive; its connection is cut instead."""
        self._unheard = words.encode()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers |= {writer, to_server}
        last = _Last()
        with suppress(ConnectionError):
            await asyncio.gather(
                self._say(reader, to_server, last), self._answer(far, writer, last)
            )
        for each in (writer, to_server):
            each.transport.abort()
            self._writers.discard(each)

    async def _say(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: "_Last"
    ) -> None:
        while data := await reader.read(65_536):
            if self._unheard in data:
                raise ConnectionAbortedError
            last.said = data
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: "_Last"
    ) -> None:
        while data := await reader.read(65_536):
            if self._unanswered in last.said:
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError


#: Words that nobody says.
_NOTHING = b"\xff\xff nobody says this \xff\xff"


@dataclass
class _Last:
    """What was said last on a connection."""

    said: bytes = b""
