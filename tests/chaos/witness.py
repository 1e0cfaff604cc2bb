"""The programs of the documentation that receive events, held to what they were given."""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nats
from nats.js.api import Header

from adapters.nats.declared import DUPLICATE_WINDOW, EVENTS
from tests.books import View
from tests.programs import program

EVENT_ID = re.compile(r"evt_[0-9A-Z]{26}")

#: Runs a program that believes any time: ours is moved, the watches of receivers are not.
BELIEVING = """
import datetime, sys
from standardwebhooks import webhooks
webhooks.timedelta = lambda minutes: datetime.timedelta(days=minutes)
exec(sys.argv[1])
"""


@dataclass(frozen=True)
class Witness:
    """Writes down each event that it is given."""

    name: str
    notes: Path

    def ids(self) -> list[str]:
        """Of all events, as they came; a program with threads may mix its lines."""
        return EVENT_ID.findall(self.notes.read_text())

    def unheard(self, events: list[View]) -> list[str]:
        """What was announced and never arrived."""
        heard = set(self.ids())
        return [f"{self.name} never heard {e['id']}" for e in events if e["id"] not in heard]

    def findings(self, events: list[View]) -> list[str]:
        """Everything that is wrong with what it heard."""
        known = {event["id"]: event for event in events}
        heard = [known[id] for id in dict.fromkeys(self.ids()) if id in known]
        unknown = set(self.ids()) - known.keys()
        return [
            *self.unheard(events),
            *(f"{self.name} heard {id}, which nobody announced" for id in unknown),
            *(f"{self.name}: {gap}" for gap in gaps(heard)),
        ]

    def twice(self) -> int:
        """Events that came more than once."""
        return sum(count > 1 for count in Counter(self.ids()).values())


@asynccontextmanager
async def witness(name: str, folder: Path, **environ: str) -> AsyncIterator[Witness]:
    """Listening in the block."""
    notes = folder / f"{name}.txt"
    with notes.open("w") as said, (folder / f"{name}.log").open("w") as troubles:
        process = subprocess.Popen(  # noqa: ASYNC220 -- it takes milliseconds
            [sys.executable, "-c", BELIEVING, program(name)],
            env=os.environ | environ,
            stdout=said,
            stderr=troubles,
        )
    try:
        yield Witness(name, notes)
        assert process.poll() is None, "it has ended by itself"
    finally:
        process.kill()
        process.wait(10)


async def stream_doubles(url: str) -> list[str]:
    """Event ids that stand twice in the stream although the broker had yet to forget them."""
    bus = await nats.connect(url)
    try:
        stream = bus.jetstream()
        state = (await stream.stream_info(EVENTS)).state
        numbers = range(state.first_seq, state.last_seq + 1)
        messages = [await stream.get_msg(EVENTS, number) for number in numbers]
    finally:
        await bus.close()
    return doubles([((m.headers or {})[Header.MSG_ID.value], m.time) for m in messages])


def doubles(published: Sequence[tuple[str, datetime | None]]) -> list[str]:
    """Of ids and instants, oldest first: who came again within the broker's memory."""
    found, last = list[str](), dict[str, datetime]()
    for id, at in published:
        assert at is not None
        if id in last and (at - last[id]).total_seconds() < DUPLICATE_WINDOW:
            found.append(f"{id} stands twice in the stream")
        last[id] = at
    return found


def gaps(events: list[View]) -> list[str]:
    """Orders whose events do not follow each other from the first on."""
    numbers = defaultdict[str, set[int]](set)
    for event in events:
        numbers[event["subject"]].add(int(event["sequence"]))
    return [
        f"{subject} has {sorted(found)}"
        for subject, found in numbers.items()
        if found != set(range(2, len(found) + 2))
    ]
