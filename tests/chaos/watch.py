"""Somebody who looks at all orders again and again: what has succeeded is never less (I7)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise

import httpx

from tests.books import View
from tests.load import Lines

LOOK_EVERY_SECONDS = 1.0

#: What only grows.
GROWING = ("sequence", "refunded_amount")

#: Ends that a success may still follow, as a late one. A refund shows that in its event only.
ENDED = ("closed", "failed")


@dataclass
class Watch:
    """Remembers each order whenever it has changed."""

    looks: int = 0
    seen: defaultdict[str, list[View]] = field(default_factory=lambda: defaultdict(list))

    async def look(self, lines: Lines) -> None:
        """At the newest of each kind; who is in trouble is asked again later."""
        for kind in ("payments", "refunds"):
            answer = await lines.api.get(f"/v1/{kind}", params={"limit": "200"})
            if answer.is_success:
                self.looks += 1
                for view in answer.json()["items"]:
                    self.note(view)

    def note(self, view: View) -> None:
        before = self.seen[view["id"]]
        if not before or before[-1] != view:
            before.append(view)

    def findings(self) -> list[str]:
        """Everything that went backwards from one look to the next."""
        return [f"seen: {found}" for views in self.seen.values() for found in backward_steps(views)]


def announced_backwards(events: Sequence[View]) -> list[str]:
    """Everything that goes backwards in the events of an order, by their numbers."""
    of_each = defaultdict[str, list[View]](list)
    for event in sorted(events, key=lambda event: event["sequence"]):
        of_each[event["subject"]].append(event["data"] | {"late": event["late"]})
    return [f"announced: {found}" for views in of_each.values() for found in backward_steps(views)]


def backward_steps(views: Sequence[View]) -> Iterator[str]:
    """Of one order, as it was from time to time."""
    for before, after in pairwise(views):
        was, now = before["status"], after["status"]
        if was != now and (was == "succeeded" or now == "created"):
            yield f"{after['id']} went from {was} to {now}"
        if was in ENDED and now == "succeeded" and not after.get("late", True):
            yield f"{after['id']} succeeded after it was {was}, and is not late"
        for name in GROWING:
            if after.get(name, 0) < before.get(name, 0):
                yield f"{after['id']}: {name} went from {before[name]} to {after[name]}"


@asynccontextmanager
async def watching(started: View) -> AsyncIterator[Watch]:
    """Looking in the block."""
    watch = Watch()

    async def look_again_and_again(lines: Lines) -> None:
        while True:
            with suppress(httpx.HTTPError):
                await watch.look(lines)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async with Lines.to(started) as lines:
        looking = asyncio.create_task(look_again_and_again(lines))
        try:
            yield watch
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
