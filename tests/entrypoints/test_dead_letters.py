"""Operators see callbacks that were given up and bring them back, on either event platform."""

import asyncio
from datetime import UTC, datetime

import pytest

from adapters.clock import SystemClock
from adapters.nats.callbacks import JetStreamCallbacks
from adapters.nats.platform import Platform
from application.records import RawCallback
from domain.method import Provider
from entrypoints.dead_letters import list_dead, replay_dead
from entrypoints.errors import Trouble
from entrypoints.settings import load
from entrypoints.storage import open_store, upgrade_schema
from tests.servers.nats import NatsServer

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CALLBACKS = [
    RawCallback(f"cb_{number}", Provider.WECHAT, "wechat-main", {}, b"{}", NOW) for number in (1, 2)
]


@pytest.fixture(params=["database", "nats"])
def settings(request, run, tmp_path):
    """Both callbacks have been given up."""
    path = tmp_path / "basepay.toml"
    lines = f'environment = "test"\ndatabase.url = "sqlite:///{tmp_path / "basepay.db"}"\n'
    if request.param == "database":
        path.write_text(lines)
        settings = load(path, {})
        upgrade_schema(settings)
        run(_give_up_in_the_database(settings))
        yield settings
        return
    server = NatsServer(sync="2m")
    path.write_text(lines + f'nats.url = "{server.url()}"\n')
    run(_give_up_on_nats(server.url()))
    yield load(path, {})
    server.remove()


async def _give_up_in_the_database(settings):
    store = await open_store(settings)
    await _give_up(store.callbacks)
    await store.close()


async def _give_up_on_nats(url):
    platform = Platform(url)
    await platform.open()
    queue = JetStreamCallbacks(platform, clock=SystemClock())
    await _give_up(queue)
    await queue.aclose()
    await platform.aclose()


async def _give_up(queue):
    for callback in CALLBACKS:
        await queue.put(callback)
    left = len(CALLBACKS)
    while left:
        for callback, _ in await queue.take(10, at=datetime.now(UTC)):
            await queue.postpone(callback.id, None)
            left -= 1
        await asyncio.sleep(0.01)


def test_the_dead_are_listed_and_brought_back(run, settings):
    listed = run(list_dead(settings)).splitlines()
    assert listed[0] == "cb_1\twechat-main\t2026-11-22T08:30:00+00:00"
    assert len(listed) == 2
    assert run(replay_dead(settings, "cb_2")) == "1 offered again"
    with pytest.raises(Trouble, match="cb_2: not among the dead"):
        run(replay_dead(settings, "cb_2"))

    assert run(replay_dead(settings, None)) == "1 offered again"
    assert run(list_dead(settings)) == "no dead callbacks"
