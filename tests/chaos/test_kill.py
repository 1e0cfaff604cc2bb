"""kill -9 of `basepay dev` at random moments under load; afterwards both books must agree.

`PROOF_KILLS` sets how often (default 4), `PROOF_SEED` which moments.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev_process import DevProcess
from tests.load import Load

KILLS = int(os.environ.get("PROOF_KILLS", "4"))
SEED = int(os.environ.get("PROOF_SEED", "20261122"))


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[DevProcess]:
    process = DevProcess(tmp_path)
    yield process
    process.kill()


@pytest.mark.timeout(180 + 30 * KILLS)
def test_nothing_is_lost_or_doubled_however_often_the_process_is_killed(run, dev):
    chance = random.Random(SEED)
    load = Load(chance)

    for _ in range(KILLS):
        dev.start()
        run(load.until_killed(dev.started, dev.kill, after_seconds=chance.uniform(0.1, 2.5)))
    dev.start()
    run(load.settle(dev.started))
    findings = run(load.findings(dev.started))

    print(f"\nkills {KILLS}, seed {SEED}: {load.summary}")  # noqa: T201 -- the proof's figures
    assert findings == []
    assert load.summary["payments acknowledged"] > KILLS


def test_the_check_sees_a_lost_and_a_doubled_payment() -> None:
    """The checker itself: planted damage must be found."""
    order = {"provider_order_no": "d1A", "amount": 5, "charges": 2, "state": "SUCCESS"}
    refund = {"provider_refund_no": "d1R", "provider_order_no": "d1A", "amount": 9}
    payment = {"id": "pay_A", "provider_order_no": "d1A", "status": "closed", "sequence": 2}

    found = Load(random.Random(1)).compare(
        {"orders": [order], "refunds": [refund]}, [payment], [], []
    )

    assert any("charged 2 times" in each for each in found)
    assert any("d1A" in each and "closed" in each for each in found)
    assert any("d1R" in each and "not known" in each for each in found)
    assert any("more than paid" in each for each in found)
    assert any("no event" in each for each in found)
