"""`basepay serve`: the production roles of one process, from its settings."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.http.app import create_http
from entrypoints.bootstrap import Basepay, clock_of, running
from entrypoints.reload import Reload, reloading
from entrypoints.roles import ROLES, Role
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import Http, Settings
from entrypoints.stopping import stop_signal
from entrypoints.worker import IDLE, work

log = logging.getLogger("basepay.serve")

#: Names the file descriptor that is told when everything is served.
READY_VARIABLE = "READY_FD"

#: Seconds between the worker's looks where time can be moved, and nobody tells it.
WHILE_TIME_MOVES = 0.1

#: Seconds. A provider that is silent must not hold up the end; its orders stay due.
LAST_STEPS_SECONDS = 10


async def run_serve(load: Callable[[], Settings], roles: frozenset[Role]) -> None:
    """Serve these roles until a signal ends it; requests in flight finish first.

    `load` reads the configuration, now and whenever it may have changed.
    """
    settings = load()
    async with contextlib.AsyncExitStack() as stack:
        stopped = stack.enter_context(stop_signal())
        clock = clock_of(settings)
        basepay = await stack.enter_async_context(running(settings, clock, roles=roles))
        reload = Reload(settings, load=load, follow=basepay.follow)
        await stack.enter_async_context(reloading(reload))
        if not settings.accounts:
            log.warning("no accounts are configured: nothing can be paid")
        if "worker" in roles:
            log.info("worker running")
            idle = IDLE if clock is None else WHILE_TIME_MOVES
            await stack.enter_async_context(background(basepay, idle=idle))
        if roles - {"worker"}:
            listener = _listener(settings.http)
            served = [role for role in ROLES if role in roles and role != "worker"]
            switches = settings.environment != "production"
            app = create_http(basepay.app, roles=served, test_switches=switches)
            await stack.enter_async_context(serving(app, listener))
            log.info("%s listening on %s", " and ".join(served), url_of(listener))
        _tell_that_we_are_ready()
        await stopped.wait()


def _listener(http: Http) -> socket.socket:
    return bind(http.port, host=http.host) if http.fd is None else socket.socket(fileno=http.fd)


def _tell_that_we_are_ready() -> None:
    """Whoever started us may have left a pipe for this."""
    if (fd := os.environ.get(READY_VARIABLE, "")).isdecimal():
        with open(int(fd), "w") as pipe:  # noqa: PTH123 -- it has no path
            pipe.write("ready\n")


@asynccontextmanager
async def background(basepay: Basepay, *, idle: float = IDLE) -> AsyncIterator[None]:
    """Do the worker's job beside the block; afterwards end what is under way, and begin nothing."""
    task = asyncio.create_task(work(basepay.app, basepay.wakeups, idle=idle))
    try:
        yield
    finally:
        basepay.wakeups.end()
        await asyncio.wait([task], timeout=LAST_STEPS_SECONDS)
        task.cancel()  # everything it does survives being cut off
        with contextlib.suppress(asyncio.CancelledError):
            await task
