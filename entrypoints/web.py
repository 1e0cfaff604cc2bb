"""`basepay serve`: the production roles of one process, from its settings."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from adapters.http.app import create_http
from entrypoints.bootstrap import Basepay, running
from entrypoints.reload import Reload, reloading
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import Settings
from entrypoints.stopping import stop_signal
from entrypoints.worker import IDLE, work

log = logging.getLogger("basepay.serve")

Role = Literal["api", "gateway", "worker"]
ROLES: tuple[Role, ...] = ("api", "gateway", "worker")

#: Seconds. A provider that is silent must not hold up the end; its orders stay due.
LAST_STEPS_SECONDS = 10


async def run_serve(load: Callable[[], Settings], roles: frozenset[Role]) -> None:
    """Serve these roles until a signal ends it; requests in flight finish first.

    `load` reads the configuration, now and whenever it may have changed.
    """
    settings = load()
    async with contextlib.AsyncExitStack() as stack:
        stopped = stack.enter_context(stop_signal())
        basepay = await stack.enter_async_context(running(settings))
        reload = Reload(settings, load=load, follow=basepay.follow)
        await stack.enter_async_context(reloading(reload))
        if not settings.accounts:
            log.warning("no accounts are configured: nothing can be paid")
        if "worker" in roles:
            log.info("worker running")
            await stack.enter_async_context(background(basepay))
        if roles - {"worker"}:
            listener = bind(settings.http.port, host=settings.http.host)
            served = [role for role in ROLES if role in roles and role != "worker"]
            switches = settings.environment != "production"
            app = create_http(basepay.app, roles=served, test_switches=switches)
            await stack.enter_async_context(serving(app, listener))
            log.info("%s listening on %s", " and ".join(served), url_of(listener))
        await stopped.wait()


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
