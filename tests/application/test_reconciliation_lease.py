"""A run's lease, and how it is given back."""

import asyncio
from dataclasses import replace
from datetime import date

from adapters.clock import MovableClock
from adapters.persistence.memory.reconciliation import MemoryRuns
from application import reconciliation_lease
from application.reconciliation_lease import Lease
from application.reconciliation_records import Run, RunStatus


class SlowlyAnswering(MemoryRuns):
    """What is saved is kept at once, and told after a while."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = asyncio.Event()

    async def save(self, run: Run) -> None:
        after = replace(run)
        await super().save(after)
        self.kept.set()
        for _ in range(5):
            await asyncio.sleep(0)
        run.version = after.version


def test_a_sign_of_life_that_is_under_way_comes_to_its_end(run, monkeypatch):
    monkeypatch.setattr(reconciliation_lease, "RENEW_EVERY", 0.0)
    clock = MovableClock()
    executed = Run(
        id="rec_1",
        account="wechat-main",
        day=date(2026, 3, 14),
        status=RunStatus.RUNNING,
        started_by="olga",
        created_at=clock.now(),
    )

    async def execute() -> None:
        runs = SlowlyAnswering()
        await runs.save(executed)
        runs.kept.clear()
        async with Lease(executed, runs, clock, None).held():
            await runs.kept.wait()
        await runs.save(executed)  # no LostUpdate: nobody else has it

    run(execute())

    assert executed.leased_until is not None
