from fractions import Fraction

import pytest

from domain.bill import MovementKind
from domain.reconciliation import FeeTerms
from tests.domain.bills import billed

CHARGE, REVERSAL, REFUND = MovementKind


@pytest.mark.parametrize(
    ("rate", "fen", "fee"),
    [
        ("0.006", 8888, 53),  # 53.328
        ("0.006", 250, 2),  # 1.5, up
        ("0.006", 249, 1),  # 1.494
        ("0.006", 1, 0),
        ("6/1000", 8888, 53),
        ("1/3", 100, 33),
        ("0.0038", 10_000, 38),
        ("0", 8888, 0),
        ("0.006", 10**15 + 250, 6 * 10**12 + 2),  # no float could tell
    ],
)
def test_a_fee_is_rounded_half_up_to_the_fen(rate, fen, fee):
    assert FeeTerms.of(rate).expected(billed(fen=fen)) == fee


def test_what_is_no_rate_is_refused():
    with pytest.raises(ValueError, match="Fraction"):
        FeeTerms.of("0.6%")


def test_only_what_is_settled_bears_a_fee():
    terms = FeeTerms(Fraction(6, 1000))

    assert terms.expected(billed(fen=10_000, settled_fen=5_000)) == 30
    assert terms.expected(billed(fen=10_000, settled_fen=0)) == 0
    assert terms.expected(billed(kind=REFUND, refund_no="r", fen=10_000)) == -60


@pytest.mark.parametrize("kind", [REVERSAL, REFUND])
@pytest.mark.parametrize(("fee", "agrees"), [(0, True), (-60, True), (-59, False), (60, False)])
def test_what_is_taken_back_returns_its_share_or_nothing(kind, fee, agrees):
    row = billed(kind=kind, refund_no="r", fen=10_000, fee_fen=fee)

    assert FeeTerms.of("0.006").agrees(row) is agrees


@pytest.mark.parametrize(("fee", "agrees"), [(57, False), (58, True), (62, True), (63, False)])
def test_the_tolerance_is_in_fen_and_both_ways(fee, agrees):
    assert FeeTerms.of("0.006", 2).agrees(billed(fen=10_000, fee_fen=fee)) is agrees


def test_a_charge_without_a_fee_is_told():
    assert not FeeTerms.of("0.006").agrees(billed(fen=10_000, fee_fen=0))
