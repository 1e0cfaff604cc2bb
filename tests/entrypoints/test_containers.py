"""`Containerfile` and `compose.yaml`, held to their word as far as that goes without an engine."""

import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # publishes no types

from adapters.nats.platform import INBOX
from entrypoints.roles import ROLES
from entrypoints.settings import load
from tests.dev_process import ROOT
from tests.servers.nats import BIN

IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


def instructions(name: str) -> list[list[str]]:
    """The words of each such instruction of the Containerfile."""
    text = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{name} ")]


def copied() -> set[str]:
    """What comes from the tree; what is copied from the stage before does not."""
    return {name for *names, _ in instructions("COPY") if names[0][:2] != "--" for name in names}


def test_the_image_holds_every_package_and_nothing_is_missing():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])

    assert copied() == packages | {
        "pyproject.toml",
        "requirements.txt",
        project["project"]["readme"],
    }
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_only_what_is_copied_reaches_the_builder():
    let_in = {line[1:] for line in IGNORED if line.startswith("!")}

    assert "*" in IGNORED
    assert let_in == copied()
    assert not any(fnmatch("secrets", name) for name in let_in)


def test_the_image_does_not_run_as_root():
    assert instructions("USER") == [["basepay"]]


def test_every_role_is_served_in_more_than_one_process(compose):
    for role in ROLES:
        service = compose["services"][role]
        assert service["command"] == ["serve", role]
        assert service["deploy"]["replicas"] > 1


def test_nothing_is_published_beyond_this_machine(compose):
    published = [port for each in compose["services"].values() for port in each.get("ports", [])]

    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_a_gateway_starts_without_the_database(compose):
    assert set(compose["services"]["gateway"]["depends_on"]) == {"nats"}


@pytest.mark.parametrize("service", [*ROLES, "migrate"])
def test_what_compose_says_of_the_servers_is_understood(compose, service, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "postgres_password").write_text("the password\n")
    config = tmp_path / "basepay.toml"
    config.write_text('public_url = "https://pay.example.com"\n')
    environ = {
        name: VARIABLE.sub("n0t-a-secret", value)
        for name, value in compose["services"][service]["environment"].items()
    }

    settings = load(config, environ)

    assert settings.environment == "production"
    hosts = set(compose["services"])
    for url in (settings.database.url, settings.redis.url, settings.nats.url):
        assert re.split(r"[:/?]", (url or "").partition("://")[2].rpartition("@")[2])[0] in hosts
    assert settings.database.password == "the password"
    assert settings.http.host == "0.0.0.0"


def test_the_bus_starts_with_this_configuration(compose, tmp_path):
    content = compose["configs"]["nats"]["content"].replace("$$", "$")
    config = tmp_path / "nats.conf"
    config.write_text(content.replace('"/data"', f'"{tmp_path}"'))

    tried = subprocess.run(
        [str(BIN), "-t", "-c", str(config)],
        env=os.environ | {"NATS_PASSWORD": "n0t-a-secret"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert tried.returncode == 0, tried.stderr
    assert f'subscribe: "{INBOX}.>"' in content
    assert "sync_interval: always" in content
