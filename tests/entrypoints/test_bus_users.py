"""An app that is added can read its events from NATS, once the server knows its user."""

import re

import nats
import pytest

from adapters.nats.permissions import BASEPAY_USER
from entrypoints.errors import SettingsError
from entrypoints.people import add_person
from entrypoints.settings import load
from entrypoints.storage import upgrade_schema
from tests.servers.nats import NatsServer


@pytest.fixture
def nats_server():
    server = NatsServer(sync="2m")
    yield server
    server.remove()


@pytest.fixture
def settings(tmp_path, nats_server):
    path = tmp_path / "basepay.toml"
    path.write_text(
        f'environment = "test"\ndatabase.url = "sqlite:///{tmp_path / "basepay.db"}"\n'
        f'nats.url = "{nats_server.url()}"\nnats.monitor_url = "{nats_server.monitor_url}"\n'
    )
    settings = load(path, {})
    upgrade_schema(settings)
    return settings


def test_what_is_printed_makes_a_user_that_reads(run, settings, nats_server):
    printed = run(add_person(settings, "shop", operator=False))
    user = printed[printed.index('{ user: "shop"') : printed.index("basepay's own user")]
    users = BASEPAY_USER.replace("…", "b") + "\n" + user
    nats_server.stop()
    nats_server.start(users=f"authorization {{ users: [\n{users}\n] }}")
    (password,) = re.findall(r'password: "([^"]+)"', user)

    async def story():
        url = nats_server.url(f"shop:{password}")
        connection = await nats.connect(url, inbox_prefix="_INBOX_shop")
        try:
            context = connection.jetstream()
            subscription = await context.pull_subscribe_bind("app-shop", "BASEPAY_EVENTS")
            return await subscription.consumer_info()
        finally:
            await connection.close()

    assert run(story()).config.filter_subject == "basepay.events.shop.>"


def test_the_key_stands_on_the_first_line_and_operators_need_no_user(run, settings):
    printed = run(add_person(settings, "shop", operator=False)).splitlines()

    assert len(printed) > 5
    assert " " not in printed[0]
    assert len(run(add_person(settings, "li", operator=True)).splitlines()) == 1


def test_without_nats_no_app_is_added(run, settings, nats_server, monkeypatch):
    monkeypatch.setattr("adapters.nats.platform.Platform.open.__kwdefaults__", {"patience": 0.1})
    nats_server.kill()

    with pytest.raises(SettingsError, match=r"nats\.url: does not answer"):
        run(add_person(settings, "shop", operator=False))
