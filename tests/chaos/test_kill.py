"""kill -9 of `basepay dev` at random moments under load; afterwards both books must agree.

`PROOF_KILLS` sets how often (default 4), `PROOF_SEED` which moments.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.books import disagreements
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


ORDER = {"provider_order_no": "d1A", "amount": 5, "charges": 1, "state": "SUCCESS"}
PAYMENT = {
    "id": "pay_A",
    "order_no": "SO-1",
    "provider_order_no": "d1A",
    "status": "succeeded",
    "reversed": False,
    "amount": 5,
    "charged_amount": 5,
    "refunded_amount": 0,
    "duplicate_of": None,
    "sequence": 2,
}
THERE = {"provider_refund_no": "d1R", "provider_order_no": "d1A", "amount": 5, "succeeded_at": "x"}
REFUND = {
    "id": "ref_A",
    "payment_id": "pay_A",
    "refund_no": "R-1",
    "provider_refund_no": "d1R",
    "status": "succeeded",
    "amount": 5,
    "charged_amount": 5,
    "initiated_by": "app",
    "sequence": 2,
}

#: What is planted: a change of the order, the payment, the refund there and the refund here
#: (None: it is not there), and a word of what must be found.
DAMAGE = {
    "charged twice": ({"charges": 2}, {}, {}, {}, "charged 2 times"),
    "a payment lost": ({}, None, {}, {}, "d1A is not known here"),
    "a payment dreamt of": (None, {}, {}, {}, "not known there"),
    "a success missed": ({}, {"status": "closed"}, {}, {}, "paid there"),
    "still open": ({}, {"status": "created"}, {}, {}, "still open here"),
    "taken back, shown as paid": ({"state": "REVOKED"}, {}, {}, {}, "taken back there"),
    "cancelled, shown as paid": ({}, {}, {"provider_refund_no": "d1A"}, {}, "taken back there"),
    "shown as taken back": ({}, {"status": "closed", "reversed": True}, {}, {}, "taken back here"),
    "1 fen charged": ({"amount": 1}, {}, {}, {}, "1 fen there, 5 here"),
    "a refund lost": ({}, {}, {}, None, "d1R is not known here"),
    "a refund dreamt of": ({}, {}, None, {}, "d1R succeeded here and is not known there"),
    "a refund missed": ({}, {}, {}, {"status": "failed"}, "is failed here"),
    "less refunded": ({}, {}, {"amount": 4}, {}, "4 fen there, 5 here"),
    "refunded on the site": ({}, {}, {"provider_refund_no": "siteX"}, None, "on the site, 0 here"),
    "more refunded than paid": ({}, {}, {}, {"charged_amount": 6}, "more than paid"),
    "a sum not kept": ({}, {"refunded_amount": 4}, {}, {}, "4 fen went back"),
    "a winner without a win": ({}, {"duplicate_of": "pay_B"}, {}, {}, "0 of 1 paid ones are kept"),
    "nothing announced": ({}, {}, {}, {}, "no event"),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_the_check_sees_planted_damage(damage: str) -> None:
    """The checker itself: no kind of damage may escape it."""
    *changes, words = DAMAGE[damage]
    whole = (ORDER, PAYMENT | {"refunded_amount": 5}, THERE, REFUND)
    records = [[] if c is None else [w | c] for w, c in zip(whole, changes, strict=True)]
    orders, payments, there, here = records

    found = disagreements({"orders": orders, "refunds": there}, payments, here, [])

    assert any(words in each for each in found), found


def test_the_check_finds_nothing_in_books_that_agree() -> None:
    payment = PAYMENT | {"refunded_amount": 5}
    events = [
        {"id": each["id"], "subject": each["id"], "sequence": 2, "data": each}
        for each in (payment, REFUND)
    ]

    assert disagreements({"orders": [ORDER], "refunds": [THERE]}, [payment], [REFUND], events) == []
