"""Events to JetStream: in order per order, acknowledged, and looked for afterwards."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header, PubAck

from adapters.ids import made_at
from adapters.nats.declared import EVENTS
from adapters.nats.platform import FAILURES, Platform
from application.ports import Unavailable
from application.records import Message
from application.views import event_view, to_json

log = logging.getLogger("basepay.nats")

#: Messages under way at a time.
IN_FLIGHT = 64

#: A message that is not acknowledged by then is published again later, with the same id.
ACK_SECONDS = 5.0

#: Messages read at a time when the stream is held against the outbox, and the patience for them.
SCAN, SCAN_SECONDS = 1_000, 5.0

#: How far the broker's clock may be behind ours: the stream is read from so much before the
#: oldest event that is looked for.
MARGIN = timedelta(minutes=10)


class JetStreamEvents:
    """Publishes with the event's id, by which the broker and every consumer know it again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._losses = 0  # times the stream has been seen to end earlier than before
        self._last_sequence = 0

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """The ids that were acknowledged. An order's next event waits for the one before."""
        taken: list[str] = []
        left = list(messages)
        while left:
            wave, left = _next_wave(left)
            acknowledged = await self._send(wave)
            taken += acknowledged
            if not acknowledged:
                break
            stuck = {message.order_id for message in wave if message.id not in acknowledged}
            left = [message for message in left if message.order_id not in stuck]
        return taken

    async def condition(self) -> str:
        """Changes when the stream was made anew, got shorter, has holes, or was out of sight."""
        try:
            info = await self._platform.context().stream_info(EVENTS)
        except FAILURES:
            raise Unavailable("the event stream can't be looked at") from None
        if info.state.last_seq < self._last_sequence:
            self._losses += 1
        self._last_sequence = info.state.last_seq
        seen = info.created, info.state.num_deleted or 0, self._losses, self._platform.reconnections
        return " ".join(map(str, seen))

    async def missing(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Those that are not in the stream; it is read until all are found, or to its end."""
        looked_for = {message.id: message for message in messages}
        if not looked_for:
            return []
        since = made_at(min(looked_for)) - MARGIN
        try:
            async with aclosing(_ids_since(self._platform.context(), since)) as ids:
                async for id in ids:
                    looked_for.pop(id, None)
                    if not looked_for:
                        break
        except FAILURES:
            raise Unavailable("the event stream can't be read") from None
        return list(looked_for.values())

    async def _send(self, wave: Sequence[Message]) -> set[str]:
        try:
            context = self._platform.context()
            acks = [await _publish(context, message) for message in wave]
        except (Unavailable, *FAILURES):
            return set()
        _, late = await asyncio.wait(acks, timeout=ACK_SECONDS)
        for ack in late:
            ack.cancel()
        failed = [ack for ack in acks if ack.cancelled() or ack.exception() is not None]
        if failed:
            log.warning("%s of %s events were not acknowledged", len(failed), len(wave))
        sent = zip(wave, acks, strict=True)
        return {message.id for message, ack in sent if ack not in failed}


async def _publish(context: JetStreamContext, message: Message) -> asyncio.Future[PubAck]:
    return await context.publish_async(
        subject_of(message),
        to_json(event_view(message)),
        stream=EVENTS,
        headers={
            Header.MSG_ID.value: message.id,
            "Content-Type": "application/cloudevents+json",
        },
    )


async def follow(
    platform: Platform, *, since: datetime, app: str | None = None
) -> AsyncGenerator[bytes, None]:
    """Every event announced from then on, and so on for ever. Raises Unavailable."""
    subject = f"basepay.events.{app or '*'}.>"
    starting = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=since,
    )
    try:
        reader = await platform.context().subscribe(
            subject, stream=EVENTS, ordered_consumer=True, config=starting
        )
    except FAILURES:
        raise Unavailable("the event stream can't be read") from None
    async for message in reader.messages:
        yield message.data


def subject_of(message: Message) -> str:
    """`basepay.events.<app>.<payment|refund>.<status>`."""
    return f"basepay.events.{message.app}.{message.type.value.removeprefix('basepay.')}"


def _next_wave(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The first message of each of so many orders; and what is left."""
    wave: dict[str, Message] = {}
    left = []
    for message in messages:
        if len(wave) < IN_FLIGHT and message.order_id not in wave:
            wave[message.order_id] = message
        else:
            left.append(message)
    return list(wave.values()), left


async def _ids_since(context: JetStreamContext, since: datetime) -> AsyncGenerator[str, None]:
    """Every event id that the stream holds from then on; the headers are enough."""
    reader = await context.add_consumer(
        EVENTS,
        ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=since,
            ack_policy=AckPolicy.NONE,
            headers_only=True,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=10 * SCAN_SECONDS,
        ),
    )
    subscription = await context.pull_subscribe_bind(reader.name, EVENTS)
    try:
        left = reader.num_pending or 0
        while left:
            batch = await subscription.fetch(min(left, SCAN), timeout=SCAN_SECONDS)
            for message in batch:
                yield (message.headers or {}).get(Header.MSG_ID.value, "")
            left = batch[-1].metadata.num_pending
    finally:
        with suppress(*FAILURES):
            await subscription.unsubscribe()
            await context.delete_consumer(EVENTS, reader.name)
