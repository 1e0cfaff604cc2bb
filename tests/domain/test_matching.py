from dataclasses import replace
from datetime import timedelta

import pytest

from domain.bill import MovementKind
from domain.matching import Matching
from domain.reconciliation import Class
from domain.sides import Unsorted
from tests.domain.bills import DAY, LATE, TODAY, billed, match, ours

CHARGE, REVERSAL, REFUND = MovementKind


def classes(movements, rows, **more):
    found, _ = match(movements, rows, **more)
    return [(each.cls, each.movement is not None, each.row is not None) for each in found]


BOTH, OURS, THEIRS = (True, True), (True, False), (False, True)
MATCHING = [
    ("both agree", [ours()], [billed()], []),
    ("only the bill has the charge", [], [billed()], [(Class.MISSING_LOCALLY, *THEIRS)]),
    ("only we have it", [ours()], [], [(Class.MISSING_AT_PROVIDER, *OURS)]),
    ("another amount", [ours()], [billed(fen=8889)], [(Class.AMOUNT_MISMATCH, *BOTH)]),
    (
        "another settled amount",
        [ours(settled_fen=8000)],
        [billed(settled_fen=8888)],
        [(Class.AMOUNT_MISMATCH, *BOTH)],
    ),
    ("a settled amount that one side knows", [ours()], [billed(settled_fen=8000)], []),
    ("another deployment's charge", [], [billed("d2a")], []),
    ("a charge of ours with a foreign number", [ours("d2a")], [billed("d2a")], []),
    (
        "a refund that we don't know, of a charge with a foreign number",
        [ours("d2a")],
        [billed("d2a"), billed("d2a", REFUND, "r")],
        [(Class.UNKNOWN_REFUND, *THEIRS)],
    ),
    (
        "the same row twice",
        [ours()],
        [billed(), billed(line=2)],
        [(Class.DUPLICATE_IN_BILL, *THEIRS)],
    ),
    (
        "a row that nobody knows, twice",
        [],
        [billed(), billed(line=2)],
        [(Class.MISSING_LOCALLY, *THEIRS), (Class.DUPLICATE_IN_BILL, *THEIRS)],
    ),
    (
        "the same movement twice",
        [ours(), ours()],
        [billed()],
        [(Class.MISSING_AT_PROVIDER, *OURS)],
    ),
    (
        "the same twice on both sides",
        [ours(), ours()],
        [billed(), billed(line=2)],
        [(Class.MISSING_AT_PROVIDER, *OURS), (Class.DUPLICATE_IN_BILL, *THEIRS)],
    ),
    ("a refund", [ours(kind=REFUND, refund_no="r")], [billed(kind=REFUND, refund_no="r")], []),
    (
        "a refund that we don't know",
        [ours()],
        [billed(), billed(kind=REFUND, refund_no="r")],
        [(Class.UNKNOWN_REFUND, *THEIRS)],
    ),
    (
        "reversed on both sides",
        [ours(), ours(kind=REVERSAL)],
        [billed(), billed(kind=REVERSAL)],
        [],
    ),
    (
        "our reversal is their refund of everything",
        [ours(), ours(kind=REVERSAL)],
        [billed(), billed(kind=REFUND, refund_no="own")],
        [],
    ),
    (
        "our reversal is not their refund of a part",
        [ours(), ours(kind=REVERSAL)],
        [billed(), billed(kind=REFUND, refund_no="own", fen=1)],
        [(Class.UNKNOWN_REFUND, *THEIRS), (Class.STATUS_MISMATCH, *OURS)],
    ),
    (
        "their reversal is our refund of everything",
        [ours(), ours(kind=REFUND, refund_no="d1a-rest")],
        [billed(), billed(kind=REVERSAL)],
        [],
    ),
    (
        "reversed there, paid here",
        [ours()],
        [billed(), billed(kind=REVERSAL)],
        [(Class.STATUS_MISMATCH, *THEIRS)],
    ),
    (
        "reversed here, paid there",
        [ours(), ours(kind=REVERSAL)],
        [billed()],
        [(Class.STATUS_MISMATCH, *OURS)],
    ),
    (
        "reversed here, unknown there",
        [ours(), ours(kind=REVERSAL)],
        [],
        [(Class.MISSING_AT_PROVIDER, *OURS), (Class.MISSING_AT_PROVIDER, *OURS)],
    ),
    (
        "likewise, and the next order agrees",
        [ours(), ours(kind=REVERSAL), ours("d1b")],
        [billed("d1b")],
        [(Class.MISSING_AT_PROVIDER, *OURS), (Class.MISSING_AT_PROVIDER, *OURS)],
    ),
    (
        "a reversal that we never had, and the next order agrees",
        [ours("d1b")],
        [billed(kind=REVERSAL), billed("d1b")],
        [(Class.UNKNOWN_REFUND, *THEIRS)],
    ),
    (
        "their reversal is not our refund of a part, and the next order agrees",
        [ours(kind=REFUND, refund_no="r", fen=1), ours("d1b")],
        [billed(kind=REVERSAL), billed("d1b")],
        [(Class.MISSING_AT_PROVIDER, *OURS), (Class.UNKNOWN_REFUND, *THEIRS)],
    ),
    (
        "their reversal is not our refund's twin",
        [ours(kind=REFUND, refund_no="r", fen=1), ours(kind=REFUND, refund_no="r")],
        [billed(kind=REVERSAL)],
        [
            (Class.MISSING_AT_PROVIDER, *OURS),
            (Class.MISSING_AT_PROVIDER, *OURS),
            (Class.UNKNOWN_REFUND, *THEIRS),
        ],
    ),
    (
        "a reversal of what we never had",
        [],
        [billed(kind=REVERSAL)],
        [(Class.UNKNOWN_REFUND, *THEIRS)],
    ),
    ("just before midnight", [ours(at=LATE)], [], [(Class.CARRIED_OVER, *OURS)]),
    ("tomorrow's, and today's bill lacks it", [ours(at=DAY.end)], [], []),
    (
        "tomorrow's, and today's bill has it",
        [ours(at=DAY.end)],
        [billed()],
        [(Class.MATCHED, *BOTH)],
    ),
]


@pytest.mark.parametrize(
    ("movements", "rows", "expected"),
    [case[1:] for case in MATCHING],
    ids=[case[0] for case in MATCHING],
)
def test_each_case_has_its_class(movements, rows, expected):
    assert classes(movements, rows) == expected


def test_orders_of_one_fen_match_like_others_and_are_counted_apart():
    found, matching = match([ours(fen=1, test=True), ours("d1b")], [billed(fen=1), billed("d1b")])

    sums = matching.tally.of(Class.MATCHED, CHARGE)
    assert found == []
    assert (sums.ours, sums.ours_fen, sums.tests, sums.tests_fen) == (2, 8889, 1, 1)


def test_twins_are_told_apart():
    found, _ = match([ours(), ours(), ours()], [billed(), billed(line=2), billed(line=3)])

    assert [(each.cls, each.nth) for each in found] == [
        (Class.MISSING_AT_PROVIDER, 1),
        (Class.MISSING_AT_PROVIDER, 2),
        (Class.DUPLICATE_IN_BILL, 0),
        (Class.DUPLICATE_IN_BILL, 1),
    ]


def test_a_stream_that_is_not_sorted_proves_nothing():
    with pytest.raises(Unsorted):
        list(Matching(iter([billed("d1b"), billed("d1a")]), TODAY, prefix="d1").finish())
    with pytest.raises(Unsorted):
        list(Matching(iter([]), TODAY, prefix="d1").take([ours("d1b"), ours("d1a")]))


@pytest.mark.parametrize(
    ("age", "expected"),
    [(1, [(Class.MISSING_AT_PROVIDER, *OURS)]), (2, []), (-1, [])],
)
def test_only_the_next_day_judges_what_was_carried(age, expected):
    carried = ours(at=LATE, carried_from=TODAY - timedelta(days=age))

    assert classes([], [], carried=(replace(carried, at=LATE - timedelta(days=age)),)) == expected


def test_a_movement_is_matched_on_one_day_only():
    yesterdays = ours(at=DAY.start - timedelta(seconds=5))
    yesterday = TODAY - timedelta(days=1)

    assert classes([yesterdays], [billed()], finished={yesterday}) == [
        (Class.MISSING_LOCALLY, *THEIRS)
    ]
    assert classes([ours(at=LATE)], [billed()], elsewhere={ours().key}) == [
        (Class.CARRIED_OVER, *OURS),
        (Class.MISSING_LOCALLY, *THEIRS),
    ]
