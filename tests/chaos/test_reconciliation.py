"""kill -9 of the process that reconciles, at random moments; the report is the same in the end.

`PROOF_KILLS` sets how often (default 4), `PROOF_SEED` which moments.
"""

import asyncio
import multiprocessing
import os
import random
import shutil
import time
from multiprocessing import connection
from pathlib import Path

import pytest

from adapters.persistence.sql import migrate
from tests.chaos import reconciling

KILLS = int(os.environ.get("PROOF_KILLS", "4"))
SEED = int(os.environ.get("PROOF_SEED", "20261126"))

#: So often at most one run is killed before it may end.
IN_A_ROW = 6

#: A process that is ready is forked from one that has loaded everything.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.chaos.reconciling"])


class Folder:
    """A copy of the filled books, and the processes that reconcile them."""

    def __init__(self, folder: Path, filled: Path) -> None:
        folder.mkdir()
        shutil.copy(filled, folder / "basepay.db")
        self.folder, self._minutes = folder, 0

    def runs(self, *, killed_after: float | None = None) -> float | None:
        """Seconds it took; None if it was killed before its end."""
        self._minutes += 2  # the lease of one that was killed is over
        here, there = _processes.Pipe(duplex=False)
        arguments = (self.folder, SEED, self._minutes, there)
        process = _processes.Process(target=reconciling.reconcile, args=arguments)
        process.start()
        there.close()
        connection.wait([here, process.sentinel])
        assert here.poll(), f"it ended with {process.exitcode} before it began"
        began = time.monotonic()
        process.join(killed_after)
        took = time.monotonic() - began
        process.kill()
        process.join()
        here.close()
        if process.exitcode == 0:
            return took
        assert process.exitcode == -9
        return None

    def outcome(self) -> reconciling.Outcome:
        return asyncio.run(reconciling.outcome(self.folder))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "filled.db"
    migrate.upgrade(f"sqlite:///{path}")
    asyncio.run(reconciling.fill(f"sqlite:///{path}", reconciling.Books(SEED)))
    return path


@pytest.mark.timeout(180 + 30 * KILLS)
def test_a_run_that_is_killed_tells_the_same_as_one_that_is_not(tmp_path, filled):
    chance = random.Random(SEED)
    undisturbed = Folder(tmp_path / "undisturbed", filled)
    takes = undisturbed.runs()
    expected = undisturbed.outcome()
    assert takes is not None

    kills = runs = 0
    while kills < KILLS:
        runs += 1
        folder = Folder(tmp_path / f"run-{runs}", filled)
        for _ in range(IN_A_ROW):
            if folder.runs(killed_after=chance.uniform(0, takes)) is not None:
                break
            kills += 1
        else:
            folder.runs()
        outcome = folder.outcome()
        assert set(outcome.found) ^ set(expected.found) == set()
        assert outcome == expected
        shutil.rmtree(folder.folder)

    print(f"\n{kills} kills over {runs} runs, seed {SEED}")  # noqa: T201 -- the proof's figures
    told = {what[0] for what in expected.found}
    assert {"missing_locally", "unknown_refund", "status_mismatch", "amount_mismatch"} <= told
