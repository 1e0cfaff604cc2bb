"""The version before and this one side by side over the same servers, under load.

`PROOF_OLD_VERSION` names the commit whose code runs beside this one (`git archive` unpacks it).
"""

import asyncio
import os
import random
import tempfile
from pathlib import Path

import pytest

from tests.chaos.faults import CUSTOMERS, Chaos
from tests.chaos.upgrade import Upgrade, revision_told, unpacked, upgrading
from tests.chaos.watch import announced_backwards, watching
from tests.chaos.witness import gaps
from tests.dev_process import ROOT
from tests.load import Lines

OLD = os.environ.get("PROOF_OLD_VERSION", "")
SEED = int(os.environ.get("PROOF_SEED", "20269127"))

#: Seconds for each mix of the versions.
A_WHILE = 5

PROCESSES = [f"{role}-{number}" for number in (1, 2) for role in ("api", "gateway", "worker")]


@pytest.mark.slow
@pytest.mark.skipif(not OLD, reason="PROOF_OLD_VERSION names the commit of the version before")
@pytest.mark.timeout(900)
def test_two_versions_serve_side_by_side_and_the_books_agree(run):
    with tempfile.TemporaryDirectory(prefix="upgrade-") as folder:
        old = unpacked(OLD, Path(folder) / "old")
        run(story(Path(folder), old))


async def story(folder: Path, old: Path) -> None:
    chaos = Chaos(random.Random(SEED))
    async with upgrading(folder, old) as upgrade:
        for name in PROCESSES:
            await upgrade.put(name, old)
        async with watching(upgrade.started) as watch:
            revisions = await upgrade_under_load(chaos, upgrade, old)
            await chaos.settle(upgrade.started)
        findings = [*watch.findings(), *await chaos.findings(upgrade.started), *chaos.wrong]
        async with Lines.to(upgrade.started) as lines:
            events = await lines.all_of("events")
        findings += [*gaps(events), *announced_backwards(events)]

    print(f"\n{OLD} beside this version, schema {revisions}, seed {SEED}: {chaos.summary}")  # noqa: T201
    assert findings == []
    assert not [count for count in chaos.summary if "unanswered" in count or "unavailable" in count]
    assert chaos.summary["payments acknowledged"] > len(PROCESSES)


async def upgrade_under_load(chaos: Chaos, upgrade: Upgrade, old: Path) -> list[str]:
    """Old ones alone, then over the new schema, one of each beside a new one, new ones alone."""
    customers = [chaos.buy] * CUSTOMERS
    async with Lines.to(upgrade.started) as lines, chaos.busy(customers, lines):
        before = revision_told(await asyncio.to_thread(upgrade.ask, old, "migrate"))
        await asyncio.sleep(A_WHILE)
        after = revision_told(await asyncio.to_thread(upgrade.ask, ROOT, "migrate"))
        await asyncio.sleep(A_WHILE)
        for name in PROCESSES:
            if name == "api-2":  # one of each is new by now
                await asyncio.sleep(A_WHILE)
            await upgrade.put(name, ROOT)
        await asyncio.sleep(A_WHILE)
    return [before, after]
