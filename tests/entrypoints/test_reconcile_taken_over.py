"""`basepay reconcile` while another process has the run."""

from datetime import timedelta

from application.reconciliation_lease import LEASE
from application.reconciliation_records import RunStatus
from domain.bill_day import bill_day
from entrypoints import reconcile
from tests.worlds import MemoryWorld

ACCOUNT = "wechat-main"


def test_a_run_whose_process_died_is_taken_over(run, monkeypatch):
    world = MemoryWorld()
    world.clock.advance(timedelta(days=2).total_seconds())
    day = bill_day(world.clock.now()) - timedelta(days=2)
    begun = run(world.app.reconcile.start(ACCOUNT, day, by="somebody"))
    begun.status, begun.leased_until = RunStatus.RUNNING, world.clock.now() + LEASE
    run(world.store.runs.save(begun))
    rests: list[int] = []

    def tell(_: object, rows: int, __: float) -> None:
        rests.append(rows)
        world.clock.advance(50)
        assert len(rests) < 5, "it waits for ever"

    monkeypatch.setattr(reconcile, "REST", 0.0)
    monkeypatch.setattr(reconcile._Progress, "tell", tell)
    ended = run(reconcile._reconciled(world.app, ACCOUNT, day, None))

    assert (ended.id, ended.status) == (begun.id, RunStatus.FINISHED)
