"""Two of each role over real servers, under load, while one after the other is hit.

A process or a server is killed -9, paused with its connections open, cut off, or made to forget.
`PROOF_CHAOS_SECONDS` sets how long (default: a few faults), `PROOF_SEED` which faults and when.
"""

import asyncio
import os
import random
import statistics
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import nats
import pytest

from adapters.nats.declared import declare_app
from entrypoints.dev import APP
from tests.chaos.bounds import waiting_callbacks
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.faults import Chaos
from tests.chaos.forger import Forger
from tests.chaos.watch import announced_backwards, watching
from tests.chaos.witness import Witness, gaps, stream_doubles, witness
from tests.dev_process import two_free_ports
from tests.load import Lines

SECONDS = int(os.environ.get("PROOF_CHAOS_SECONDS", "0"))
SEED = int(os.environ.get("PROOF_SEED", "20269019"))

#: Faults of the short form.
FEW = 6

#: Seconds for what is still under way when nothing is wrong any more; a worker that was killed
#: holds a callback for one minute.
PATIENCE = 120

#: What holds each invariant of the design to its word; the rest of the suite does so besides.
CHECKED = {
    "I1 no paid order is lost": "both books, order by order",
    "I2 nobody is charged twice": "charges an order there; twins under a flushed Redis",
    "I3 nothing is refunded twice": "both books, refund by refund and in sums",
    "I4 refunded <= paid": "sums in both books; the database's own rule at every instant",
    "I5 every end is announced": "the events' list against the orders; two receivers",
    "I6 one event, one id": "ids are unique in the list, and in the stream while NATS remembers",
    "I7 states only go forward": "orders looked at all the time; events by their numbers",
    "I8 our book is the providers'": "both books, nothing more on either side",
    "I9 one key, one answer": "every answer again, byte for byte; another body is refused",
    "I10 nothing forged is believed": "forged, stale and untrue callbacks during the faults",
    "I11 acknowledged is durable": "every acknowledged answer is in the books",
    "I12 all is bounded": "memory, connections, queues and calls to providers, all the time",
}


@pytest.mark.slow
@pytest.mark.timeout(600 + 3 * SECONDS)
def test_whoever_is_hit_nothing_is_lost_or_doubled(run):
    # Not pytest's own folder, which is closed to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        run(story(Path(folder)))


async def story(folder: Path) -> None:
    chaos = Chaos(random.Random(SEED))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        cluster = await enter(running_cluster(folder))
        witnesses = [
            await enter(witness("nats_consumer", folder, **await on_the_bus(cluster))),
            await enter(witness("webhook_receiver", folder, **await by_webhook(cluster))),
        ]
        lines = await enter(Lines.to(cluster.started))
        chaos.forger = await Forger.with_the_keys_of(folder, lines, random.Random(SEED))

        async with watching(cluster.started) as watch:
            await chaos.suffer(cluster, few=FEW, seconds=SECONDS)
            findings = await chaos.forger.findings(lines)
            findings += chaos.too_many_calls(cluster)
            await chaos.settle(cluster.started)
        findings += watch.findings()
        findings += await chaos.findings(cluster.started)
        findings += await disbelief(chaos, cluster, witnesses)
        await cluster.weigh()

    findings += cluster.peaks.findings()
    tell(chaos, cluster, findings)
    heard_twice = {each.name: each.twice() for each in witnesses}
    print(f"  heard twice: {heard_twice}; {watch.looks} looks at {len(watch.seen)} orders")  # noqa: T201
    assert findings == []
    assert chaos.summary["payments acknowledged"] > FEW


async def on_the_bus(cluster: Cluster) -> dict[str, str]:
    """Make the app's consumer; what its program wants to be told."""
    url = nats_url(cluster)
    bus = await nats.connect(url)
    await declare_app(bus.jetstream(), APP.name)
    await bus.close()
    return {"APP": APP.name, "NATS_URL": url}


def nats_url(cluster: Cluster) -> str:
    return f"nats://127.0.0.1:{cluster.cables['nats'].port}"


async def by_webhook(cluster: Cluster) -> dict[str, str]:
    """Make the app's endpoint; what its program wants to be told."""
    port = two_free_ports()
    async with Lines.to(cluster.started) as lines:
        url = {"url": f"http://127.0.0.1:{port}/"}
        made = (await lines.api.post("/v1/webhook-endpoints", json=url)).raise_for_status()
    return {"PORT": str(port), "WEBHOOK_SECRET": made.json()["secret"]}


async def disbelief(chaos: Chaos, cluster: Cluster, witnesses: list[Witness]) -> list[str]:
    """What the books do not show: twins that became two orders, and what the world never heard."""
    # What the providers seem to have said and do not confirm is tried for a quarter of an hour.
    doubtful = chaos.forger.answers["unconfirmed acknowledged"] if chaos.forger else 0
    async with Lines.to(cluster.started) as lines:
        _, payments, _, events = await lines.books()
        waiting = 0
        for _ in range(PATIENCE):
            waiting = await waiting_callbacks(cluster.monitor_url)
            if waiting <= doubtful and not any(each.unheard(events) for each in witnesses):
                break
            await lines.pass_time(31)  # what was tried in vain is tried again
            await asyncio.sleep(1)
    made = Counter(payment["order_no"] for payment in payments)
    return [
        *chaos.wrong,
        *(f"{twin} became {made[twin]} orders" for twin in chaos.twins if made[twin] != 1),
        *([f"{waiting} callbacks are still waiting"] if waiting > doubtful else []),
        *(f"what was announced: {gap}" for gap in gaps(events)),
        *announced_backwards(events),
        *await stream_doubles(nats_url(cluster)),
        *(finding for each in witnesses for finding in each.findings(events)),
    ]


def tell(chaos: Chaos, cluster: Cluster, findings: list[str]) -> None:
    """The proof's figures."""
    recovered = chaos.recovered
    print(f"\nseed {SEED}: {sum(map(len, recovered.values()))} faults, {len(findings)} findings")  # noqa: T201
    for fault, seconds in sorted(recovered.items()):
        half, most = statistics.median(seconds), max(seconds)
        print(f"  {fault:<14} x{len(seconds)}  order after {half:.2f} s, at most {most:.2f} s")  # noqa: T201
    print(f"  {chaos.summary}")  # noqa: T201
    print(f"  forged: {chaos.forger and dict(chaos.forger.answers)}")  # noqa: T201
    print(f"  at the most: {cluster.peaks}, {cluster.calls.total()} calls to providers")  # noqa: T201
    for invariant, check in CHECKED.items():
        print(f"  {invariant}: {check}")  # noqa: T201
    for finding in findings[:20]:
        print(f"  {finding}")  # noqa: T201
