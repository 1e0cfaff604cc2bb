"""Which database the settings open, and that nobody sees its password."""

import logging

import pytest

from entrypoints.checkup.database import database_checks
from entrypoints.errors import SettingsError
from entrypoints.settings import Database, check, load
from entrypoints.storage import open_store, upgrade_schema
from tests.servers.postgres import PASSWORD, USER, PostgresServer

URL = f"postgresql://{USER}@127.0.0.1:{{port}}/{{name}}"


@pytest.fixture(scope="module")
def server():
    server = PostgresServer(fsync="off")
    yield server
    server.remove()


@pytest.fixture
def url(run, server):
    return run(server.create())


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "basepay.toml"
        path.write_text(text)
        return path

    return written


def settings_for(url, **more):
    return check({"environment": "test", "database": {"url": url, **more}})


def test_a_postgres_url_opens_the_same_store(run, url):
    settings = settings_for(url)
    assert upgrade_schema(settings)

    schema, _ = database_checks(settings)
    finding = run(schema())

    assert "its schema is current" in finding.words
    assert PASSWORD not in finding.words


def test_the_password_may_stand_in_a_file_of_its_own(run, url, server, write, tmp_path):
    (tmp_path / "password.txt").write_text(f"{PASSWORD}\n")
    bare = url.replace(f":{PASSWORD}", "")
    settings = load(write(f'[database]\nurl = "{bare}"\npassword_file = "password.txt"'), {})
    upgrade_schema(settings)

    async def ping():
        store = await open_store(settings)
        await store.ping()
        await store.close()

    run(ping())
    assert PASSWORD not in repr(settings)


def test_a_database_without_schema_names_the_command_that_makes_it(run, url):
    with pytest.raises(SettingsError, match="basepay migrate"):
        run(open_store(settings_for(url)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql://u:{secret}@127.0.0.1:{port}/postgres", "password authentication failed"),
        ("postgresql://u:{secret}@127.0.0.1:1/postgres", "does not answer"),
        ("postgresql://u:{secret}#@127.0.0.1:{port}/postgres", "database.url"),
        ("postgresql://u:x/{secret}@127.0.0.1:{port}/postgres", "database.url"),
    ],
)
def test_no_failure_shows_the_password(run, server, wrong, said, caplog):
    caplog.set_level(logging.DEBUG)
    settings = settings_for(wrong.format(secret="5ecret", port=server.port))

    with pytest.raises(SettingsError, match=said) as stop:
        run(open_store(settings))

    assert stop.value.__suppress_context__
    assert "5ecret" not in f"{stop.value} {settings!r} {settings.database.shown} {caplog.text}"


def test_a_password_in_the_file_stops_production(write):
    text = '[database]\nurl = "postgresql://u@h/d"\npassword = "5ecret"'

    with pytest.raises(SettingsError, match=r"database\.password.*password_file") as stop:
        load(write(text), {})

    assert "5ecret" not in str(stop.value)


def test_the_url_is_shown_without_user_and_options():
    shown = {
        "postgresql://u:p@h1,h2/d?sslmode=verify-full": "postgresql://h1,h2/d",
        "postgres://h/d": "postgres://h/d",
        "sqlite:///a@b.db": "sqlite:///a@b.db",
    }

    assert {url: Database(url).shown for url in shown} == shown
