"""The `basepay` command. Each command imports what it needs when it runs, so that help is quick."""

import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, validators

from entrypoints.errors import Trouble
from entrypoints.telling import complain, log_to_stderr, tell

CONFIG_VARIABLE = "BASEPAY_CONFIG"
DEFAULT_CONFIG = Path("basepay.toml")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("basepay")
    except PackageNotFoundError:
        return "a checkout, not installed"


app = App(
    name="basepay",
    help="One service in front of WeChat Pay and Alipay.",
    version=_version,
    version_flags=["--version"],
    help_format="plaintext",  # reading Markdown would cost a third of the time that help takes
)
apps = App(name="apps", help="Business systems and their API keys.")
operators = App(name="operators", help="Persons who operate basepay, and their keys.")
events = App(name="events", help="What is announced to business systems.")
callbacks = App(name="callbacks", help="Providers' messages that could not be applied.")
app.command(apps)
app.command(operators)
app.command(events)
app.command(callbacks)

Config = Annotated[
    Path | None, Parameter(name="--config", help="basepay.toml, or $BASEPAY_CONFIG.")
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Machine-readable output.")]
Cluster = Annotated[
    bool,
    Parameter(
        negative="",
        help="Two processes of each role over PostgreSQL, Redis and NATS, which are started, too.",
    ),
]
Port = Annotated[
    int, Parameter(help="0 takes a free one.", validator=validators.Number(gte=0, lte=65534))
]


def main() -> None:
    """Run one command; what can be mended is told in one line and exits with 2."""
    os.umask(0o077)  # databases, keys and settings are for their owner alone
    try:
        app()
    except Trouble as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command
def dev(
    *,
    port: Port = 8000,
    data_dir: Path = Path(".basepay-dev"),
    cluster: Cluster = False,
    json: Json = False,
) -> None:
    """Run everything in one process: API, simulators on the next port, a SQLite file.

    Survives kill -9: what it holds lies in the data directory.
    """
    from entrypoints.dev import run_dev
    from entrypoints.occupying import occupied
    from entrypoints.serving import bind

    _refuse_production("basepay dev")
    with occupied(data_dir):
        api = bind(port)
        sandbox = bind(port + 1 if port else 0)
        _run(run_dev(api, sandbox, data_dir.resolve(), cluster=cluster, as_json=json))


@app.command
def demo(*, cluster: Cluster = False, json: Json = False) -> None:
    """Play the whole journey on a throw-away stack; exit 0 only if every expectation held."""
    from entrypoints.demo import run_demo

    sys.exit(_run(run_demo(as_json=json, cluster=cluster), quiet=True))


@app.command
def sandbox(*, port: Port = 8001, data_dir: Path | None = None, json: Json = False) -> None:
    """Run the simulators of WeChat Pay and Alipay alone, for any client or SDK.

    Without a data directory their book is in memory.
    """
    from contextlib import nullcontext

    from entrypoints.occupying import occupied
    from entrypoints.sandbox import describe, run_sandbox
    from entrypoints.serving import bind

    _refuse_production("basepay sandbox")
    with occupied(data_dir) if data_dir else nullcontext():
        listener = bind(port)
        tell(describe(listener, as_json=json))
        _run(run_sandbox(listener, data_dir))


@app.command
def serve(*roles: Literal["api", "gateway", "worker"], config: Config = None) -> None:
    """Run production roles from the configuration; none named: all of them.

    Changed accounts and secrets are taken in while it runs, on SIGHUP at once.
    """
    from entrypoints.roles import ROLES
    from entrypoints.web import run_serve

    _run(run_serve(partial(_settings, config), frozenset(roles or ROLES)))


@app.command
def migrate(*, config: Config = None) -> None:
    """Upgrade the database schema to what this version needs."""
    from entrypoints.storage import upgrade_schema

    revision = upgrade_schema(_settings(config, with_accounts=False))
    tell(f"the schema is at {revision}")


@app.command
def doctor(*, config: Config = None, json: Json = False) -> None:
    """Check configuration, keys, clocks, addresses and the 公众号; a line and a mend each.

    Exit 1 if anything must be mended. Asks the providers harmless questions only.
    """
    from entrypoints.doctor import run_doctor

    sys.exit(_run(run_doctor(_path(config), as_json=json), quiet=True))


@app.command
def init(*, path: Path = DEFAULT_CONFIG) -> None:
    """Write a commented basepay.toml; an existing one is left alone."""
    from entrypoints.starter import STARTER

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        raise Trouble(
            f"{path} is there already and was left alone; choose another --path"
        ) from None
    except OSError as error:
        raise Trouble(f"{path} can't be written: {error.strerror}") from None
    tell(f"{path} is written; fill in your accounts, then: basepay migrate && basepay serve")


@app.command
def reconcile(
    *,
    account: str,
    date: Annotated[str, Parameter(help="A day of Shanghai that is over, like 2026-11-25.")],
    bill: Annotated[Path | None, Parameter(help="A bill to use instead of the provider's.")] = None,
    export: Annotated[
        Path | None, Parameter(help="Write a .csv, .xlsx or (of thirty days) .svg file.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Hold an account's day against the provider's bill; exit 1 while discrepancies are open."""
    from entrypoints.reconcile import run_reconcile

    job = run_reconcile(
        partial(_settings, config),
        account=account,
        day=date,
        bill=bill,
        export=export,
        as_json=json,
    )
    sys.exit(_run(job, quiet=True))


@callbacks.command
def dead(*, config: Config = None) -> None:
    """List the callbacks that were given up; each is an incident, too."""
    from entrypoints.dead_letters import list_dead

    tell(_run(list_dead(_settings(config, with_accounts=False))))


@callbacks.command
def replay(id: str | None = None, *, config: Config = None) -> None:
    """Offer one of them again, or all, once their cause is mended."""
    from entrypoints.dead_letters import replay_dead

    tell(_run(replay_dead(_settings(config, with_accounts=False), id)))


def _add(operator: bool) -> Callable[..., None]:
    def add(name: str, *, config: Config = None) -> None:
        """Add one, or give a known one another key. The key is shown once."""
        from entrypoints.people import add_person

        tell(_run(add_person(_settings(config, with_accounts=False), name, operator=operator)))

    return add


def _rotate(operator: bool) -> Callable[..., None]:
    def rotate(name: str, *, config: Config = None) -> None:
        """Show a fresh key; the old ones work for one more day."""
        from entrypoints.people import rotate_person

        tell(_run(rotate_person(_settings(config, with_accounts=False), name, operator=operator)))

    return rotate


def _list(operator: bool) -> Callable[..., None]:
    def list_(*, config: Config = None) -> None:
        """List names and how many live keys each has."""
        from entrypoints.people import list_people

        tell(_run(list_people(_settings(config, with_accounts=False), operator=operator)))

    return list_


for group, is_operator in ((apps, False), (operators, True)):
    group.command(_add(is_operator), name="add")
    group.command(_rotate(is_operator), name="rotate")
    group.command(_list(is_operator), name="list")


def _refuse_production(command: str) -> None:
    """Pretended money must not exist where real money does."""
    if os.environ.get("BASEPAY_ENVIRONMENT") == "production":
        raise Trouble(
            f"BASEPAY_ENVIRONMENT: {command} pretends payments and is not for production; "
            "unset it here, or use `basepay serve`"
        )


From = Annotated[str | None, Parameter(name="--from", help="A time, or now if left out.")]
To = Annotated[str | None, Parameter(name="--to", help="A time, or now if left out.")]


@events.command(name="tail")
def tail_events(*, app: str | None = None, since: From = None, config: Config = None) -> None:
    """Print each event as one line of JSON as it is announced, until Ctrl+C."""
    from entrypoints.event_tools import moment, tail

    _run(tail(_settings(config, with_accounts=False), since=moment(since), app=app))


@events.command(name="replay")
def replay_events(
    *,
    since: Annotated[str, Parameter(name="--from", help="A time like 2026-11-26T12:00+08:00.")],
    until: To = None,
    app: str | None = None,
    config: Config = None,
) -> None:
    """Announce on NATS again what was made in a time, for all apps or one: the same ids, in order.

    Consumers meet known ids. What the broker took in the last ten minutes it does not take twice.
    """
    from entrypoints.event_tools import moment, replay

    settings = _settings(config, with_accounts=False)
    count = _run(replay(settings, since=moment(since), until=moment(until), app=app))
    tell(f"announced again: {count}")


def _settings(config: Path | None, *, with_accounts: bool = True) -> Any:
    from entrypoints.settings import load

    return load(_path(config), with_accounts=with_accounts)


def _path(config: Path | None) -> Path:
    return config or Path(os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG))


def _run(job: Coroutine[Any, Any, Any], *, quiet: bool = False) -> Any:
    import asyncio

    import uvloop

    log_to_stderr(logging.CRITICAL if quiet else logging.INFO)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(job)
