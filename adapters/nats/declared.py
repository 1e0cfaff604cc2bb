"""The streams and consumers that basepay declares, and how a server's differ from them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

EVENTS, CALLBACKS, DEAD = "BASEPAY_EVENTS", "BASEPAY_CALLBACKS", "BASEPAY_DEAD_CALLBACKS"

DAY = 86_400.0

#: Seconds. A relay whose answers are lost for longer publishes twice; consumers look at the id.
#: What somebody purges comes back only when the broker has forgotten its ids.
DUPLICATE_WINDOW = 120.0

#: Callbacks that may wait; more are refused, and their providers repeat them.
MOST_CALLBACKS = 1_000_000

#: The durable consumer that all workers share.
WORKERS = "basepay-workers"

STREAMS = (
    StreamConfig(
        name=EVENTS,
        subjects=["basepay.events.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=8 * DAY,  # a day longer than the outbox is held against it
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.OLD,
    ),
    StreamConfig(
        name=CALLBACKS,
        subjects=["basepay.callbacks.*.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        max_age=0,
        max_msgs=MOST_CALLBACKS,
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.NEW,
    ),
    StreamConfig(
        name=DEAD,
        subjects=["basepay.dead_callbacks.*.*"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=90 * DAY,
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.OLD,
    ),
)

#: Longer than applying a callback takes, two questions to a provider included.
ACK_WAIT = 60.0

WORKERS_CONSUMER = ConsumerConfig(
    durable_name=WORKERS,
    ack_policy=AckPolicy.EXPLICIT,
    ack_wait=ACK_WAIT,
    max_ack_pending=1_000,
    max_deliver=-1,  # who gives up is the payment service, and it tells the operators
)


class StreamDiffers(Exception):
    """A stream is not what basepay needs; the text says how, and how to mend it."""


async def declare(context: JetStreamContext, replicas: int) -> None:
    """Create what is missing, and compare what is there. Raises StreamDiffers."""
    for stream in STREAMS:
        wanted = replace(stream, num_replicas=replicas)
        try:
            found = (await context.stream_info(stream.name or "")).config
        except NotFoundError:
            found = (await context.add_stream(wanted)).config
        if differences := list(_differences(found, wanted)):
            raise StreamDiffers(
                f"stream {stream.name}: {'; '.join(differences)}; mend it with "
                f"`nats stream edit {stream.name}` and start again"
            )
    await context.add_consumer(CALLBACKS, replace(WORKERS_CONSUMER, num_replicas=replicas))


async def stream_differences(
    context: JetStreamContext, replicas: int
) -> tuple[list[str], list[str]]:
    """The streams that are missing, and how the others differ; nothing is made."""
    missing, differing = [], []
    for stream in STREAMS:
        wanted = replace(stream, num_replicas=replicas)
        try:
            found = (await context.stream_info(stream.name or "")).config
        except NotFoundError:
            missing.append(str(stream.name))
        else:
            differing += [f"{stream.name}: {each}" for each in _differences(found, wanted)]
    return missing, differing


def app_consumer(app: str) -> str:
    """The name of an app's own durable consumer."""
    return f"app-{app}"


async def declare_app(context: JetStreamContext, app: str) -> None:
    """Make the consumer that an app may read with, and that it may not make itself."""
    await context.add_consumer(EVENTS, app_consumer_config(app))


def app_consumer_config(app: str) -> ConsumerConfig:
    """It sees the app's own events and no others."""
    return ConsumerConfig(
        durable_name=app_consumer(app),
        filter_subject=f"basepay.events.{app}.>",
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30.0,
        max_ack_pending=1_000,
    )


def consumer_differences(found: ConsumerConfig, wanted: ConsumerConfig) -> list[str]:
    """Only what nobody may have chosen otherwise: what it sees, and that nothing is lost."""
    given = {name: getattr(wanted, name) for name in CONSUMER_RULES}
    return [
        f"{name} is {_shown(getattr(found, name))}, expected {_shown(value)}"
        for name, value in given.items()
        if value is not None and getattr(found, name) != value
    ]


def _same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted)


def _at_least(found: float | None, wanted: float | None) -> bool:
    return not found or found >= (wanted or 0)  # 0: no limit


#: What must hold of a stream that somebody else may have made.
RULES: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "subjects": (_same, ""),
    "retention": (_same, ""),
    "storage": (_same, ""),
    "discard": (_same, ""),
    "num_replicas": (_same, ""),
    "max_age": (_at_least, "at least "),
    "duplicate_window": (_at_least, "at least "),
}


CONSUMER_RULES = ("filter_subject", "ack_policy", "max_deliver")


def _differences(found: StreamConfig, wanted: StreamConfig) -> Iterator[str]:
    for name, (rule, words) in RULES.items():
        there, needed = getattr(found, name), getattr(wanted, name)
        if not rule(there, needed):
            yield f"{name} is {_shown(there)}, expected {words}{_shown(needed)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g} s"
    return str(getattr(value, "value", value))
