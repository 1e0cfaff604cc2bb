import pytest

from domain.outcome import Payee, Unknown

OURS = Payee("1900000001", "wx01")


@pytest.mark.parametrize(
    ("other", "contradicts"),
    [
        (OURS, False),
        (Payee(None, None), False),
        (Payee("1900000001", None), False),
        (Payee(None, "wx01"), False),
        (Payee("1900000002", "wx01"), True),
        (Payee("1900000001", "wx02"), True),
        (Payee("1900000002", None), True),
        (Payee(None, "wx02"), True),
    ],
)
def test_payees_contradict_only_where_both_speak(other: Payee, contradicts: bool) -> None:
    assert OURS.contradicts(other) == contradicts
    assert other.contradicts(OURS) == contradicts


def test_outcomes_that_differ_only_in_their_trace_are_equal() -> None:
    assert Unknown("time-out", trace="a") == Unknown("time-out", trace="b")
