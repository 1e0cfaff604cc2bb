"""`basepay events`: every event is shown once, and a range reaches NATS again."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from adapters.ids import made_at, new_ulid
from adapters.nats.platform import Platform
from adapters.persistence.memory.store import MemoryStore
from application.announce_again import first_id
from entrypoints.errors import SettingsError, Trouble
from entrypoints.event_tools import BATCH, announce_range, announced, moment, replay
from entrypoints.settings import load
from entrypoints.storage import open_store, upgrade_schema
from tests.adapters.nats.reading import ids
from tests.adapters.persistence.making import HandSetClock, Make
from tests.dev_process import ROOT
from tests.servers.nats import NatsServer

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=1)


def an_id(at=NOW):
    """Of an event that was made then."""
    return first_id("evt", at) + new_ulid()[10:]


async def keep(store, *messages):
    async with store.work() as work:
        for message in messages:
            work.append(message)
        await work.commit()


async def announce(store, *messages):
    await keep(store, *messages)
    await store.outbox.published([message.id for message in messages], NOW)


@pytest.fixture
def store():
    return MemoryStore(HandSetClock())


@pytest.fixture
def make():
    return Make()


class Platforms:
    """Takes so many events, and no more."""

    def __init__(self, patience=10**6):
        self.taken, self._patience = [], patience

    async def publish(self, messages):
        room = self._patience - len(self.taken)
        self.taken += [message.id for message in messages[:room]]
        return [message.id for message in messages[:room]]


def test_each_event_is_shown_once_also_one_that_is_overtaken(run, store, make):
    now = datetime.now(UTC)  # what is overtaken is looked for within the last minute
    old, first, behind, last = (
        make.message(id=an_id(now - timedelta(seconds=seconds))) for seconds in (3_600, 30, 20, 1)
    )

    async def watch():
        await announce(store, old, first)
        shown = []
        async with aclosing(
            announced(store.outbox, since=now - timedelta(minutes=5), rest=0)
        ) as it:
            shown.append((await anext(it)).id)
            await announce(store, last)
            shown.append((await anext(it)).id)
            await announce(store, behind)
            shown.append((await anext(it)).id)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    shown.append((await anext(it)).id)
        return shown

    assert run(watch()) == [first.id, last.id, behind.id]


def test_a_range_is_announced_again_in_order_and_nothing_else(run, store, make):
    inside = [make.message(id=an_id(NOW - timedelta(seconds=s))) for s in range(BATCH + 2, 0, -1)]
    before, after = make.message(id=an_id(LONG_AGO)), make.message(id=an_id(NOW))
    other = make.message(id=an_id(NOW - timedelta(seconds=1)), app="rival")
    platform = Platforms()

    run(announce(store, before, *inside, other, after))
    since = NOW - timedelta(hours=1)
    count = run(announce_range(store.outbox, platform, since=since, until=NOW, app="shop"))

    assert platform.taken == [message.id for message in inside]
    assert count == len(inside)


def test_what_is_not_taken_is_told_with_where_to_go_on(run, store, make):
    three = [make.message(id=an_id(NOW - timedelta(seconds=s))) for s in (3, 2, 1)]
    run(announce(store, *three))

    with pytest.raises(Trouble, match="took 1 events and then no more") as told:
        run(announce_range(store.outbox, Platforms(1), since=LONG_AGO, until=NOW))

    assert moment(str(told.value).split()[-1]) == made_at(three[1].id)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-26T12:00", "", "7"])
def test_a_time_without_its_offset_is_refused(text):
    with pytest.raises(Trouble, match="time with its offset"):
        moment(text)


@pytest.fixture
def bus():
    server = NatsServer(sync="2m")
    yield server
    server.remove()


@pytest.fixture
def config(tmp_path, bus):
    path = tmp_path / "basepay.toml"
    path.write_text(
        f'environment = "test"\ndatabase.url = "sqlite:///{tmp_path / "basepay.db"}"\n'
        f'nats.url = "{bus.url()}"\n'
    )
    upgrade_schema(load(path, {}))
    return path


def test_the_commands_show_and_announce_what_the_database_kept(run, config, bus, make):
    message = make.message(id=an_id(NOW - timedelta(hours=1)))

    async def fill():
        store = await open_store(load(config, {}))
        await announce(store, message)
        await store.close()

    async def stream():
        platform = Platform(bus.url())
        await platform.open(patience=30)
        try:
            return await ids(platform)
        finally:
            await platform.aclose()

    run(fill())
    basepay = [sys.executable, "-m", "entrypoints", "events"]
    options = ["--from", LONG_AGO.isoformat(), "--config", str(config)]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    again = subprocess.run(
        [*basepay, "replay", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
        check=False,
    )

    assert again.stdout == "announced again: 1\n", again.stderr
    assert run(stream()) == [message.id]
    alone = config.with_name("alone.toml")
    alone.write_text(config.read_text().partition("nats.url")[0])
    for each in (config, alone):  # the stream, and the database
        options = ["--from", LONG_AGO.isoformat(), "--app", "shop", "--config", str(each)]
        with subprocess.Popen(
            [*basepay, "tail", *options], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environ
        ) as tail:
            assert tail.stdout is not None
            assert json.loads(tail.stdout.readline())["id"] == message.id
            tail.terminate()


def test_without_nats_nothing_is_announced_again(run, tmp_path):
    path = tmp_path / "basepay.toml"
    path.write_text(f'database.url = "sqlite:///{tmp_path / "basepay.db"}"\n')

    with pytest.raises(SettingsError, match=r"nats\.url: is not configured"):
        run(replay(load(path, {}), since=LONG_AGO, until=NOW))
