"""One look at NATS, for whoever sets it up: nothing is made, nothing is changed."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from adapters.nats.declared import (
    CALLBACKS,
    EVENTS,
    WORKERS,
    WORKERS_CONSUMER,
    app_consumer,
    app_consumer_config,
    consumer_differences,
    stream_differences,
)
from adapters.nats.platform import FAILURES, INBOX, REQUEST_SECONDS

WELCOME_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there. `silent`: servers that do not answer, each with the reason."""

    silent: tuple[str, ...] = ()
    version: str = ""  # of one that answers; none does without it
    servers: int = 0  # that it knows of, itself included
    trouble: str = ""  # with JetStream
    missing: tuple[str, ...] = ()  # streams that nobody has declared
    differences: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    missing_consumers: tuple[str, ...] = ()
    consumer_differences: tuple[str, ...] = ()


async def look_at(url: str, *, replicas: int, apps: Iterable[str]) -> Seen:
    """Nothing is raised, and nothing told that the URL may hide."""
    silent: list[str] = []
    met: Client | None = None
    for each in url.split(","):
        client, reason = await _meet(each)
        if reason:
            silent.append(f"{each.rpartition('@')[2].rpartition('/')[2]} ({reason})")
        if reason or met:
            await client.close()
        else:
            met = client
    if met is None:
        return Seen(tuple(silent))
    try:
        return await _look(met, tuple(silent), replicas, apps)
    finally:
        await met.close()


async def _meet(url: str) -> tuple[Client, str]:
    """Connected, or why not."""
    client, troubles = Client(), list[BaseException]()

    async def note(error: Exception) -> None:
        troubles.append(error)

    try:
        await client.connect(
            url,
            name="basepay-doctor",
            inbox_prefix=INBOX,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=WELCOME_SECONDS,
            error_cb=note,
        )
    except FAILURES as error:  # often less precise than what was told before
        return client, _reason((*troubles, error)[0])
    return client, ""


async def _look(
    client: Client, silent: tuple[str, ...], replicas: int, apps: Iterable[str]
) -> Seen:
    context = client.jetstream(timeout=REQUEST_SECONDS)
    version, servers = str(client.connected_server_version), len(client.servers)
    try:
        await context.account_info()
        missing, differences = await stream_differences(context, replicas)
        consumers = await _consumers(context, apps) if not missing else {}
    except FAILURES as error:
        return Seen(silent, version, servers, type(error).__name__)
    return Seen(
        silent,
        version,
        servers,
        missing=tuple(missing),
        differences=tuple(differences),
        consumers=tuple(name for name, told in consumers.items() if told == []),
        missing_consumers=tuple(name for name, told in consumers.items() if told is None),
        consumer_differences=tuple(each for told in consumers.values() for each in told or ()),
    )


async def _consumers(context: JetStreamContext, apps: Iterable[str]) -> dict[str, list[str] | None]:
    """How each differs from what it should be; None: it is not there."""
    wanted = {WORKERS: (CALLBACKS, WORKERS_CONSUMER)}
    wanted |= {app_consumer(app): (EVENTS, app_consumer_config(app)) for app in apps}
    found: dict[str, list[str] | None] = dict.fromkeys(wanted)
    for name, (stream, config) in wanted.items():
        with suppress(NotFoundError):
            there = (await context.consumer_info(stream, name)).config
            found[name] = [f"{name}: {each}" for each in consumer_differences(there, config)]
    return found


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if "authorization" in str(error).lower():
        return "it refuses our user or password"
    return type(error).__name__
