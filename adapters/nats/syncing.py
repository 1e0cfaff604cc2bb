"""Whether the broker writes to its disk before it acknowledges; by default it does not."""

import asyncio
from typing import Any
from urllib.request import urlopen

import msgspec

ANSWER_SECONDS = 2.0


async def loses_power_cuts(monitor_url: str | None) -> str | None:
    """What to tell operators, or None if all is well."""
    if monitor_url is None:
        return "nats.monitor_url is not set: nobody can see whether NATS has sync_interval: always"
    try:
        config = await asyncio.to_thread(_jetstream_config, monitor_url)
    except (OSError, ValueError) as error:
        return f"nats.monitor_url does not tell of sync_interval ({type(error).__name__})"
    if config.get("sync_always") is True:
        return None
    return "NATS acknowledges before it writes: set sync_interval: always in its jetstream block"


def _jetstream_config(monitor_url: str) -> dict[str, Any]:
    with urlopen(f"{monitor_url}/varz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 -- configured
        told: dict[str, Any] = msgspec.json.decode(answer.read())
    found: dict[str, Any] = (told.get("jetstream") or {}).get("config") or {}
    return found
