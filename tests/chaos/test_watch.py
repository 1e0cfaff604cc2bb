"""The checks of monotone state and of bounds: no step backwards and no crowd may escape them."""

from collections import Counter

import pytest

from tests.chaos.bounds import Peaks
from tests.chaos.watch import Watch, announced_backwards, backward_steps

CREATED = {
    "id": "pay_A",
    "status": "created",
    "sequence": 1,
    "refunded_amount": 0,
    "late": False,
}
CLOSED = CREATED | {"status": "closed", "sequence": 2}
PAID = CREATED | {"status": "succeeded", "sequence": 2}
PAID_LATE = CREATED | {"status": "succeeded", "sequence": 3, "late": True}
REFUNDED = PAID | {"refunded_amount": 5}

FORWARDS = [(CREATED, PAID, REFUNDED), (CREATED, CLOSED, PAID_LATE), (PAID, PAID), (CREATED,)]

BACKWARDS = [
    (PAID, CLOSED | {"sequence": 3}, "from succeeded to closed"),
    (CLOSED, CREATED | {"sequence": 3}, "from closed to created"),
    (PAID, CREATED | {"sequence": 2}, "from succeeded to created"),
    (CLOSED, PAID | {"sequence": 3}, "is not late"),
    (PAID_LATE, PAID_LATE | {"sequence": 2}, "sequence went from 3 to 2"),
    (REFUNDED, PAID, "refunded_amount went from 5 to 0"),
]


@pytest.mark.parametrize("views", FORWARDS)
def test_what_goes_forward_is_fine(views):
    assert list(backward_steps(views)) == []


@pytest.mark.parametrize(("before", "after", "words"), BACKWARDS)
def test_a_step_backwards_is_seen_between_two_looks(before, after, words):
    watch = Watch()
    for view in (CREATED, before, before, after):
        watch.note(view)

    assert any(words in found for found in watch.findings()), watch.findings()


def test_a_step_backwards_is_seen_in_events_by_their_numbers():
    events = [
        {"subject": "pay_A", "sequence": view["sequence"], "late": False, "data": view}
        for view in (CLOSED | {"sequence": 3}, PAID)
    ]

    assert announced_backwards(events) == ["announced: pay_A went from succeeded to closed"]


def test_whoever_holds_too_much_is_named():
    peaks = Peaks(
        mib=Counter(api=301, worker=300),
        connections=Counter({"api to postgres": 18, "worker to postgres": 17, "api to redis": 3}),
    )

    assert peaks.findings() == [
        "api held 301 MiB",
        "18 connections of api to postgres",
        "3 connections of api to redis",
    ]
