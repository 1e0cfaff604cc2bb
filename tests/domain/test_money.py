from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import ZERO, Money

FEN = st.integers(min_value=-(10**14), max_value=10**14)


@given(FEN)
def test_yuan_and_fen_are_the_same_money(fen: int) -> None:
    text = Money(fen).to_yuan()

    assert Money.from_yuan(text) == Money(fen)
    assert Decimal(text) * 100 == fen
    assert len(text.rpartition(".")[2]) == 2


@given(whole=st.integers(0, 10**40), rest=st.text("0123456789", min_size=1, max_size=40))
def test_yuan_are_read_exactly_or_not_at_all(whole: int, rest: str) -> None:
    exact = whole * 100 + int(rest.ljust(2, "0")[:2])
    finer = rest[2:].strip("0")

    try:
        read = Money.from_yuan(f"{whole}.{rest}").fen
    except ValueError:
        assert finer or exact >= 10**20
    else:
        assert not finer
        assert read == exact


@given(st.text() | st.from_regex(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]{0,9})?", fullmatch=True))
def test_any_text_is_money_or_a_value_error(text: str) -> None:
    try:
        money = Money.from_yuan(text)
    except ValueError:
        return

    assert type(money.fen) is int


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "abc", "NaN", "sNaN", "Infinity", "-Infinity", "1,000.00", "¥1", "0x10"),
        *(
            "0.001",
            "88.888",
            "1e-3",
            "1.00000000000000000000000000000001",
            "1e999999",
            "1e99999999",
        ),
    ],
)
def test_what_is_not_a_whole_number_of_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"yuan|fen"):
        Money.from_yuan(text)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("88.88", 8888),
        ("0.01", 1),
        ("-0.01", -1),
        ("0", 0),
        ("5", 500),
        ("1.1", 110),
        ("2.00", 200),
    ],
)
def test_yuan_as_providers_write_them_are_read(text: str, fen: int) -> None:
    assert Money.from_yuan(text) == Money(fen)


@given(FEN, FEN)
def test_money_adds_subtracts_and_compares_like_its_fen(a: int, b: int) -> None:
    assert Money(a) + Money(b) == Money(a + b)
    assert Money(a) - Money(b) == Money(a - b)
    assert (Money(a) < Money(b)) == (a < b)
    assert (Money(a) <= Money(b)) == (a <= b)
    assert (Money(a) > Money(b)) == (a > b)
    assert bool(Money(a)) == (a != 0)


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_currencies_do_not_mix(operation: str) -> None:
    with pytest.raises(ValueError, match="CNY and USD do not mix"):
        getattr(Money(1), operation)(Money(1, "USD"))


def test_the_same_number_of_another_currency_is_other_money() -> None:
    assert Money(1) != Money(1, "USD")
    assert (Money(1, "USD") + Money(2, "USD")).currency == "USD"


def test_zero_is_nothing() -> None:
    assert not ZERO
    assert ZERO.to_yuan() == "0.00"
