from itertools import product

import pytest

from domain.status import PAYMENT_MOVES, REFUND_MOVES, PaymentStatus, RefundStatus

PAYMENT_PAIRS = {
    ("created", "succeeded"),
    ("created", "failed"),
    ("created", "closed"),
    ("failed", "succeeded"),
    ("closed", "succeeded"),
}
REFUND_PAIRS = PAYMENT_PAIRS | {("failed", "closed")}


def test_both_orders_use_the_same_four_words() -> None:
    words = {"created", "succeeded", "failed", "closed"}

    assert set(PaymentStatus) == words
    assert set(RefundStatus) == words


@pytest.mark.parametrize(("old", "new"), list(product(PaymentStatus, repeat=2)))
def test_every_pair_of_payment_statuses_is_a_move_or_is_not(
    old: PaymentStatus, new: PaymentStatus
) -> None:
    assert (new in PAYMENT_MOVES[old]) == ((old, new) in PAYMENT_PAIRS)


@pytest.mark.parametrize(("old", "new"), list(product(RefundStatus, repeat=2)))
def test_every_pair_of_refund_statuses_is_a_move_or_is_not(
    old: RefundStatus, new: RefundStatus
) -> None:
    assert (new in REFUND_MOVES[old]) == ((old, new) in REFUND_PAIRS)
