"""The connection to NATS: made again for ever, and used only while it stands."""

import asyncio
import contextlib
import logging

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from adapters.nats.declared import StreamDiffers, declare
from adapters.nats.outage import Outage
from application.ports import Unavailable

log = logging.getLogger("basepay.nats")

#: A server that is down does not stop the start: after this one goes on, and connects behind.
PATIENCE_SECONDS = 5.0

#: Between attempts to connect.
REST_SECONDS = 0.5

#: Of one request to the server; a provider's callback is answered within 3.
REQUEST_SECONDS = 2.0

#: How the driver says that it did not work.
FAILURES = (nats.errors.Error, JetStreamError, TimeoutError, OSError)

#: How it says that the connection has ended, a moment before it knows so itself.
BROKEN = (nats.errors.UnexpectedEOF, nats.errors.StaleConnectionError, TimeoutError, OSError)

#: Each process hears its own answers only; apps may not listen to them.
INBOX = "_INBOX_basepay"


class Platform:
    """Everything declared, or not used."""

    def __init__(self, url: str, *, replicas: int = 1, name: str = "basepay") -> None:
        self._url, self._replicas, self._name = url, replicas, name
        self._client = Client()
        self._context: JetStreamContext | None = None
        self._getting_ready: asyncio.Task[None] | None = None
        self._outage = Outage()
        self.reconnections = 0  # each may be a server that came back with less

    async def open(self, *, patience: float = PATIENCE_SECONDS) -> None:
        """Connect and declare the streams, behind our back if it takes longer.

        Raises StreamDiffers.
        """
        self._getting_ready = asyncio.create_task(self._get_ready())
        done, _ = await asyncio.wait([self._getting_ready], timeout=patience)
        if done:
            self._getting_ready.result()
        else:
            self._outage.away("no answer")

    def context(self) -> JetStreamContext:
        """Raises Unavailable while there is no connection, or the streams are not declared."""
        if self._context is None or not self._client.is_connected:
            raise Unavailable("the event platform does not answer")
        return self._context

    async def declare(self) -> None:
        """Create what is missing. Raises StreamDiffers, Unavailable."""
        try:
            await declare(self.context(), self._replicas)
        except FAILURES as error:
            raise Unavailable(f"the streams can't be declared: {type(error).__name__}") from None

    async def ping(self) -> None:
        """Raises Unavailable."""
        try:
            await self.context().account_info()
        except FAILURES:
            raise Unavailable("the event platform does not answer") from None

    async def aclose(self) -> None:
        """Send what waits, then hang up."""
        if self._getting_ready is not None:
            self._getting_ready.cancel()
            await asyncio.gather(self._getting_ready, return_exceptions=True)
        with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
            await self._client.flush(1)
        await self._client.close()

    async def _get_ready(self) -> None:
        await self._client.connect(
            self._url.split(","),
            name=self._name,
            inbox_prefix=INBOX,
            max_reconnect_attempts=-1,
            reconnect_time_wait=REST_SECONDS,  # type: ignore[arg-type]  # seconds, as it uses them
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnection,
            reconnected_cb=self._on_reconnection,
        )
        context = self._client.jetstream(timeout=REQUEST_SECONDS)
        while True:
            try:
                await declare(context, self._replicas)
                break
            except StreamDiffers:
                log.exception("the event platform can't be used")
                raise
            except FAILURES as error:
                self._outage.away(f"the streams can't be declared: {type(error).__name__}")
                await asyncio.sleep(REST_SECONDS)
        self._context = context
        self._outage.over()

    async def _on_error(self, error: Exception) -> None:
        told = type(error).__name__
        if self._client.is_connected and not isinstance(error, BROKEN):
            self._outage.complaint(told)
        elif not self._client.is_closed:
            self._outage.away(told)

    async def _on_disconnection(self) -> None:
        if not self._client.is_closed:  # else it is we who hang up
            self._outage.away("the connection is broken")

    async def _on_reconnection(self) -> None:
        self.reconnections += 1
        if self._context is not None:
            self._outage.over()
