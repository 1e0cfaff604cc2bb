"""A way to a server that can be cut off and mended."""

import asyncio
from contextlib import suppress
from typing import Self

from entrypoints.serving import bind


class Cable:
    """A TCP proxy on a free port of 127.0.0.1, known before it is laid."""

    def __init__(self) -> None:
        self._listener = bind(0)
        self._whole = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port: int = self._listener.getsockname()[1]
        self.server_port = 0

    def cut(self) -> None:
        """Whoever talks is cut off, and nobody gets through any more."""
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Whoever comes again gets through."""
        self._whole = True

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._carry, sock=self._listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        self.cut()
        while self._writers:  # noqa: ASYNC110 -- the end of many, in a moment
            await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        try:
            far, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:  # the server is down
            writer.transport.abort()
            return
        ends = {writer, to_server}
        self._writers |= ends
        await asyncio.gather(_pass_on(reader, to_server), _pass_on(far, writer))
        self._writers -= ends


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
