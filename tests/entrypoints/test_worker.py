"""A worker ends what it has begun, and begins nothing while it ends."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from entrypoints import web
from entrypoints.worker import Wakeups


class Slow:
    """A worker's app whose step waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.ended = 0, 0
        self.at_it, self.let_go = asyncio.Event(), asyncio.Event()
        self.accounts: dict[str, Any] = {}
        self.announce_again = self.reconciliations = None
        self.deliver_webhooks = SimpleNamespace(due=self._nothing)
        self.announce_events = self._nothing

    async def apply_callbacks(self) -> int:
        self.begun += 1
        self.at_it.set()
        await self.let_go.wait()
        self.ended += 1
        return 1  # there is more

    async def _nothing(self) -> Any:
        return []


@pytest.mark.parametrize(("patience", "ended"), [(30, 1), (0.1, 0)])
def test_a_step_under_way_is_ended_unless_it_takes_too_long(run, monkeypatch, patience, ended):
    monkeypatch.setattr(web, "LAST_STEPS_SECONDS", patience)

    async def story() -> None:
        app = Slow()
        at_work: Any = SimpleNamespace(app=app, wakeups=Wakeups())
        async with web.background(at_work):
            await app.at_it.wait()
            if patience > 1:
                asyncio.get_running_loop().call_later(0.05, app.let_go.set)

        assert (app.begun, app.ended) == (1, ended)

    run(story())
