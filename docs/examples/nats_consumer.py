"""Reads an app's events from NATS. Name, user and password are what `basepay apps add` printed."""

import asyncio
import json
import os

import nats

app, url = os.environ["APP"], os.environ["NATS_URL"]


async def main():
    bus = await nats.connect(url, inbox_prefix=f"_INBOX_{app}", max_reconnect_attempts=-1)
    events = await bus.jetstream().pull_subscribe_bind(f"app-{app}", "BASEPAY_EVENTS")
    while True:
        try:
            messages = await events.fetch(10, timeout=5)
        except nats.errors.Error:  # nothing new, or the server is away: ask again
            await asyncio.sleep(0.1)
            continue
        for message in messages:
            event = json.loads(message.data)
            # The same id may come again: keep it with what you do, in one transaction.
            print(event["id"], event["type"], event["data"]["order_no"], flush=True)
            await message.ack()


asyncio.run(main())
