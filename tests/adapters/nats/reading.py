"""What stands in the streams, read as any other client of the bus would."""

import asyncio
import json
from typing import Any

from adapters.nats.platform import Platform
from application.ports import Unavailable


async def published(platform: Platform, stream: str = "BASEPAY_EVENTS") -> list[Any]:
    """Every message of a stream, oldest first."""
    context = await back(platform)
    info = await context.stream_info(stream)
    numbers = range(info.state.first_seq, info.state.last_seq + 1)
    return [await context.get_msg(stream, number) for number in numbers]


async def ids(platform: Platform) -> list[str]:
    """The event ids in the stream, oldest first."""
    return [json.loads(message.data)["id"] for message in await published(platform)]


async def back(platform: Platform) -> Any:
    """The JetStream context, as soon as there is a connection that answers."""
    while True:
        try:
            await platform.ping()
            return platform.context()
        except Unavailable:
            await asyncio.sleep(0.02)
