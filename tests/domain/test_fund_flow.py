from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bill import BillRow, FundKind, FundRow, MovementKind
from domain.bill_day import BillDay
from domain.fund_flow import FundsCheck, UnsortedFunds, net_fen

CHARGE, REVERSAL, REFUND = MovementKind
TODAY = date(2026, 3, 10)
DAY = BillDay.of(TODAY)
NOON = DAY.start + timedelta(hours=12)


def sold(funds_no="420001", kind=CHARGE, fen=10_000, fee=60, at=NOON, **changes):
    """A row of the trade bill: 100 yuan, of which the provider keeps 0.60."""
    return BillRow(1, "d1a", kind, "", fen, at, fee, funds_no=funds_no, **changes)


def moved(funds_no="420001", kind=FundKind.TRADE, fen=10_000, at=NOON):
    return FundRow(1, funds_no, kind, fen, at)


def check(rows, funds):
    """What differs, by number, and the day's sums."""
    day = FundsCheck(TODAY)
    trade = iter(sorted(rows, key=lambda row: row.funds_no))
    balance = iter(sorted(funds, key=lambda row: row.funds_no))
    found = day.differences(trade, balance)
    return [(each.funds_no, each.expected_fen, each.moved_fen) for each in found], day.tally


REFUNDED = sold("500001", REFUND, 3000, -18)
FEE = moved(kind=FundKind.FEE, fen=-60)
FLOWS = [
    ("a charge and its fee", [sold()], [moved(), FEE], []),
    ("a charge net of its fee", [sold()], [moved(fen=9940)], []),
    ("less because of a coupon", [sold(settled_fen=9000)], [moved(fen=9000), FEE], []),
    ("a refund, net", [REFUNDED], [moved("500001", FundKind.REFUND, -2982)], []),
    (
        "a refund, gross",
        [REFUNDED],
        [moved("500001", FundKind.REFUND, -3000), moved("500001", FundKind.FEE_RETURN, 18)],
        [],
    ),
    ("a charge that never arrived", [sold()], [], [("420001", 9940, 0)]),
    ("its fee taken twice", [sold()], [moved(), FEE, FEE], [("420001", 9940, 9880)]),
    ("money from nowhere", [], [moved()], [("420001", 0, 10_000)]),
    ("a withdrawal", [], [moved(kind=FundKind.OTHER, fen=-99)], []),
    ("a refund that came back", [], [moved("500001", FundKind.REFUND_CLOSED, 2982)], []),
    (
        "a reversal under the charge's own number",
        [sold(), sold(kind=REVERSAL, fee=-60)],
        [moved(), FEE, moved(kind=FundKind.REFUND, fen=-9940)],
        [],
    ),
]


@pytest.mark.parametrize(
    ("rows", "funds", "expected"), [flow[1:] for flow in FLOWS], ids=[flow[0] for flow in FLOWS]
)
def test_each_flow_is_held_against_the_trade(rows, funds, expected):
    found, tally = check(rows, funds)

    assert found == expected
    assert tally.balanced


def test_what_is_no_trade_is_summed_apart():
    _, tally = check(
        [sold()],
        [
            moved(),
            FEE,
            moved("w", FundKind.OTHER, -5000),
            moved("r", FundKind.REFUND_CLOSED, 2982),
        ],
    )

    assert (tally.moved_fen, tally.other_fen, tally.returned_fen) == (9940, -5000, 2982)
    assert (tally.trade_rows, tally.fund_rows) == (1, 4)


def test_around_midnight_the_other_half_may_be_a_neighbours():
    late = DAY.end - timedelta(seconds=1)

    found, tally = check([sold(at=late)], [moved("420002", at=DAY.start)])

    assert found == []
    assert (tally.waiting, tally.waiting_fen) == (2, -9940 + 10_000)
    assert tally.balanced


def test_a_wrong_sum_near_midnight_is_a_difference_all_the_same():
    late = DAY.end - timedelta(seconds=1)

    assert check([sold(at=late)], [moved(fen=1, at=late)])[0] == [("420001", 9940, 1)]


def test_streams_that_are_not_sorted_prove_nothing():
    for rows, funds in [([sold("2"), sold("1")], []), ([], [moved("2"), moved("1")])]:
        with pytest.raises(UnsortedFunds):
            list(FundsCheck(TODAY).differences(iter(rows), iter(funds)))


NUMBERS = st.sampled_from(["", "1", "2", "3"])
TIMES = st.sampled_from([DAY.start, NOON, DAY.end - timedelta(minutes=1)])
ROWS = st.builds(
    sold,
    NUMBERS,
    st.sampled_from(MovementKind),
    st.integers(0, 3),
    st.integers(-1, 1),
    TIMES,
    settled_fen=st.none() | st.integers(0, 3),
)
FUNDS = st.builds(moved, NUMBERS, st.sampled_from(FundKind), st.integers(-3, 3), TIMES)


@given(st.lists(ROWS, max_size=12), st.lists(FUNDS, max_size=12))
def test_the_differences_are_those_that_plain_sums_show(rows, funds):
    found, tally = check(rows, funds)

    of_trade = [f for f in funds if f.kind not in {FundKind.OTHER, FundKind.REFUND_CLOSED}]
    expected = []
    for number in sorted({each.funds_no for each in [*rows, *of_trade]}):
        sold_here = [row for row in rows if row.funds_no == number]
        moved_here = [row for row in of_trade if row.funds_no == number]
        wanted, came = sum(map(net_fen, sold_here)), sum(row.fen for row in moved_here)
        first = (sold_here or moved_here)[0]
        lone = not (sold_here and moved_here)
        if wanted != came and not (lone and first.at != NOON):
            expected.append((number, wanted, came))
    assert found == expected
    assert tally.balanced
    assert tally.expected_fen == sum(map(net_fen, rows))
    assert tally.moved_fen == sum(row.fen for row in of_trade)
