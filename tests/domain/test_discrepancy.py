from datetime import timedelta
from itertools import product

import pytest

from domain.bill import MovementKind, UnreadableRow
from domain.details import detail
from domain.discrepancy import Discrepancy, DiscrepancyStatus, Resolution
from domain.errors import (
    ApprovalAwaited,
    DiscrepancyResolved,
    InvalidRequest,
    MoneyDiffers,
    NothingToApprove,
    SecondPersonNeeded,
)
from domain.fund_flow import FundsDifference
from domain.reconciliation import Class, Finding
from tests.builders import NOON, later
from tests.domain.bills import billed, ours

CHARGE, REVERSAL, REFUND = MovementKind
OPEN, AWAITING, RESOLVED = DiscrepancyStatus
WHY = "the branch paid it in cash"


def a_discrepancy(finding=None, **changes):
    """A charge of 88.88 yuan that the bill has and we don't, found at NOON."""
    finding = finding or Finding(Class.MISSING_LOCALLY, None, billed(raw="the row"))
    found = Discrepancy.of(finding, id="dis_1", run_id="rec_1", account="wechat-main", at=NOON)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def without_money(**changes):
    """Both sides have the same money, and disagree on what became of it."""
    return a_discrepancy(Finding(Class.STATUS_MISMATCH, ours(), billed()), **changes)


def accepted(**changes):
    """Anna has accepted money."""
    found = a_discrepancy(**changes)
    found.accept(by="anna", why=WHY, at=later(hours=1))
    return found


def did(discrepancy):
    return [(entry.by, entry.did) for entry in discrepancy.trail]


def settled(how):
    """One of each way to be resolved."""
    found = without_money() if how in {"note", "accept"} else a_discrepancy()
    if how == "gone":
        found.gone(NOON)
    elif how == "approve":
        found = accepted()
        found.approve(by="ben", at=NOON)
    else:
        getattr(found, how)(by="anna", why=WHY, at=NOON)
    return found


def act(discrepancy, how):
    """What a person can try."""
    if how == "approve":
        discrepancy.approve(by="ben", at=later(hours=2))
    else:
        getattr(discrepancy, how)(by="ben", why=WHY, at=later(hours=2))


#: What a person tries on a discrepancy about money (or not), and where it then stands.
MOVES = {
    (OPEN, "repair"): (RESOLVED, RESOLVED),
    (OPEN, "accept"): (AWAITING, RESOLVED),
    (OPEN, "note"): (MoneyDiffers, RESOLVED),
    (OPEN, "approve"): (NothingToApprove, NothingToApprove),
    (AWAITING, "repair"): (RESOLVED, None),
    (AWAITING, "accept"): (ApprovalAwaited, None),
    (AWAITING, "note"): (MoneyDiffers, None),
    (AWAITING, "approve"): (RESOLVED, None),
    (RESOLVED, "repair"): (DiscrepancyResolved, DiscrepancyResolved),
    (RESOLVED, "accept"): (DiscrepancyResolved, DiscrepancyResolved),
    (RESOLVED, "note"): (DiscrepancyResolved, DiscrepancyResolved),
    (RESOLVED, "approve"): (DiscrepancyResolved, DiscrepancyResolved),
}


def standing(status, money):
    if status is AWAITING:
        return accepted()
    found = a_discrepancy() if money else without_money()
    if status is RESOLVED:
        found.repair(by="anna", why=WHY, at=NOON)
    return found


def test_the_moves_are_told_whole():
    tried = product(DiscrepancyStatus, ["repair", "accept", "note", "approve"])

    assert set(MOVES) == set(tried)


@pytest.mark.parametrize(
    ("status", "how", "money", "expected"),
    [(*case, bool(1 - n), then[n]) for case, then in MOVES.items() for n in (0, 1) if then[n]],
)
def test_each_move_ends_where_the_table_says(status, how, money, expected):
    discrepancy = standing(status, money)
    before = discrepancy.trail

    if isinstance(expected, DiscrepancyStatus):
        act(discrepancy, how)

        assert discrepancy.status is expected
        assert did(discrepancy) == [*((e.by, e.did) for e in before), ("ben", how)]
    else:
        with pytest.raises(expected):
            act(discrepancy, how)
        assert (discrepancy.status, discrepancy.trail) == (status, before)


def test_money_is_accepted_by_two_persons():
    discrepancy = accepted()

    with pytest.raises(SecondPersonNeeded):
        discrepancy.approve(by="anna", at=NOON)
    before = discrepancy.resolution
    discrepancy.approve(by="ben", at=NOON)

    assert (before, discrepancy.resolution) == (None, Resolution.ACCEPT)
    assert did(discrepancy) == [("basepay", "found"), ("anna", "accept"), ("ben", "approve")]


@pytest.mark.parametrize("how", ["repair", "accept", "note"])
@pytest.mark.parametrize("why", ["", "   ", "x" * 501])
def test_nothing_is_settled_without_a_reason(how, why):
    discrepancy = without_money()

    with pytest.raises(InvalidRequest):
        getattr(discrepancy, how)(by="anna", why=why, at=NOON)
    assert discrepancy.status is OPEN


UNREADABLE = UnreadableRow(7, "no amount", "`x")
REFUNDED = {"kind": REFUND, "refund_no": "r"}
#: A finding of each class, whether money is concerned, and some of what is said of it.
FOUND = {
    Class.UNREADABLE_ROW: (Finding(Class.UNREADABLE_ROW, None, UNREADABLE), True, "Line 7"),
    Class.DUPLICATE_IN_BILL: (Finding(Class.DUPLICATE_IN_BILL, None, billed()), True, "once more"),
    Class.MISSING_LOCALLY: (
        Finding(Class.MISSING_LOCALLY, None, billed()),
        True,
        "The bill has a charge of 88.88 yuan",
    ),
    Class.UNKNOWN_REFUND: (
        Finding(Class.UNKNOWN_REFUND, None, billed(**REFUNDED)),
        True,
        "refund of 88.88 yuan",
    ),
    Class.MISSING_AT_PROVIDER: (
        Finding(Class.MISSING_AT_PROVIDER, ours(), None, age=1),
        True,
        "nor the next one",
    ),
    Class.AMOUNT_MISMATCH: (
        Finding(Class.AMOUNT_MISMATCH, ours(), billed(fen=1)),
        True,
        "88.88 yuan, the bill a charge of 0.01 yuan",
    ),
    Class.STATUS_MISMATCH: (
        Finding(Class.STATUS_MISMATCH, ours(kind=REVERSAL), None),
        True,
        "the charge, but not that",
    ),
    Class.FEE_MISMATCH: (
        Finding(Class.FEE_MISMATCH, ours(), billed(fee_fen=60), expected_fee_fen=53),
        True,
        "0.60 yuan; 0.53 yuan were expected",
    ),
}


def test_every_class_that_needs_a_person_is_told_here():
    needing = frozenset(Class) - {Class.FOREIGN, Class.CARRIED_OVER, Class.MATCHED}

    assert set(FOUND) | {Class.FUNDS_MISMATCH} == needing


@pytest.mark.parametrize(("finding", "money", "said"), FOUND.values(), ids=list(FOUND))
def test_each_class_says_what_is_wrong(finding, money, said):
    discrepancy = a_discrepancy(finding)

    assert discrepancy.concerns_money is money
    assert said in discrepancy.detail == detail(finding)
    assert discrepancy.detail.endswith(".")
    assert (discrepancy.order_no, discrepancy.kind, discrepancy.refund_no) == finding.key


def test_other_settled_amounts_are_named():
    finding = Finding(Class.AMOUNT_MISMATCH, ours(settled_fen=1), billed(settled_fen=2))

    assert detail(finding) == "Settled are 0.01 yuan by our books, 0.02 yuan by the bill."


def test_the_balance_is_told_likewise():
    difference = FundsDifference("420001", 8835, 0, billed(), None)
    told = Discrepancy.of_funds(difference, id="dis_1", run_id="rec_1", account="a", at=NOON)

    assert (
        told.detail == "By the trade bill the balance moves by 88.35 yuan; it moved by 0.00 yuan."
    )
    assert (told.cls, told.order_no, told.refund_no) == (Class.FUNDS_MISMATCH, "d1a", "420001")
    assert told.concerns_money


def test_a_repeated_run_keeps_what_persons_did():
    discrepancy = accepted()
    discrepancy.approve(by="ben", at=NOON)
    trail = discrepancy.trail

    discrepancy.seen_again(a_discrepancy())

    assert (discrepancy.status, discrepancy.trail) == (RESOLVED, trail)


def test_other_amounts_are_another_question():
    for discrepancy in (accepted(), settled("note")):
        changed = a_discrepancy()
        changed.ours_fen, changed.bill_fen = 1, 99_999

        discrepancy.seen_again(changed)

        assert discrepancy.status is OPEN
        assert discrepancy.bill_fen == 99_999
        assert did(discrepancy)[-1] == ("basepay", "found")
        assert discrepancy.trail[-1].why == "with other amounts"


def test_another_unreadable_row_is_another_question():
    first, second = (UnreadableRow(7, "no amount", raw) for raw in ("`a,`x", "`b,`x"))
    discrepancy = accepted(finding=Finding(Class.UNREADABLE_ROW, row=first))
    discrepancy.seen_again(a_discrepancy(Finding(Class.UNREADABLE_ROW, row=first)))
    assert discrepancy.status is AWAITING

    discrepancy.seen_again(a_discrepancy(Finding(Class.UNREADABLE_ROW, row=second)))

    assert (discrepancy.status, discrepancy.raw) == (OPEN, "`b,`x")


def test_a_difference_in_what_is_settled_is_about_money():
    def settled_by_the_bill(fen):
        finding = Finding(
            Class.AMOUNT_MISMATCH, ours(settled_fen=8888), billed(settled_fen=fen, raw=f"row {fen}")
        )
        return a_discrepancy(finding)

    discrepancy = settled_by_the_bill(1)
    with pytest.raises(MoneyDiffers):
        discrepancy.note(by="anna", why=WHY, at=NOON)
    discrepancy.accept(by="anna", why=WHY, at=NOON)
    assert discrepancy.status is AWAITING

    discrepancy.seen_again(settled_by_the_bill(2))

    assert discrepancy.status is OPEN


def test_who_accepted_last_is_not_the_second_person():
    discrepancy = accepted()
    discrepancy.seen_again(a_discrepancy(bill_fen=1))
    discrepancy.accept(by="ben", why=WHY, at=NOON)

    with pytest.raises(SecondPersonNeeded):
        discrepancy.approve(by="ben", at=NOON)
    discrepancy.approve(by="anna", at=NOON)


def test_whose_order_it_is_about_is_learned_and_kept():
    discrepancy = a_discrepancy()

    discrepancy.seen_again(a_discrepancy(order_id="pay_1"))
    discrepancy.seen_again(a_discrepancy())

    assert discrepancy.order_id == "pay_1"


def test_an_open_one_takes_other_amounts_quietly():
    discrepancy = a_discrepancy()

    discrepancy.seen_again(a_discrepancy(bill_fen=1, raw="another row", line=9))

    assert (discrepancy.status, discrepancy.bill_fen) == (OPEN, 1)
    assert (discrepancy.raw, discrepancy.line) == ("another row", 9)
    assert did(discrepancy) == [("basepay", "found")]


@pytest.mark.parametrize("how", ["gone", "repair"])
def test_what_comes_back_is_open_again(how):
    discrepancy = settled(how)

    discrepancy.seen_again(a_discrepancy())

    assert (discrepancy.status, discrepancy.resolution) == (OPEN, None)
    assert [did for _, did in did(discrepancy)] == ["found", how, "found"]


def test_what_basepay_repaired_is_resolved():
    repaired = a_discrepancy()
    repaired.repair(by="basepay", why="the provider confirmed it", at=NOON)
    discrepancy = accepted()

    discrepancy.seen_again(repaired)
    discrepancy.seen_again(repaired)

    assert (discrepancy.status, discrepancy.resolution) == (RESOLVED, Resolution.REPAIR)
    assert did(discrepancy) == [("basepay", "found"), ("anna", "accept"), ("basepay", "repair")]


def test_what_is_gone_is_resolved_once():
    for discrepancy in (a_discrepancy(), accepted()):
        discrepancy.gone(later(days=1))
        discrepancy.gone(later(days=2))

        assert (discrepancy.status, discrepancy.resolution) == (RESOLVED, None)
        assert did(discrepancy).count(("basepay", "gone")) == 1

    kept = settled("approve")
    kept.gone(NOON)
    assert ("basepay", "gone") not in did(kept)


def test_a_discrepancy_ages_from_when_it_was_found():
    assert a_discrepancy().age(later(days=3)) == timedelta(days=3)
