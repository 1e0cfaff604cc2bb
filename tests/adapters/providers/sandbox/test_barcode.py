"""Bars that a scanner can read back."""

import pytest

from adapters.providers.sandbox.barcode import START_WITH_PAIRS, STOP, SYMBOLS, bars


def test_the_table_holds_106_different_symbols_of_11_units():
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 106
    assert {sum(map(int, symbol)) for symbol in SYMBOLS} == {11}
    # The standard's own parity: black makes an even number of units in every symbol.
    assert all(sum(map(int, symbol[::2])) % 2 == 0 for symbol in SYMBOLS)


@pytest.mark.parametrize("digits", ["1300", "280000000000000003", "139999999999999901"])
def test_what_is_written_can_be_read(digits):
    drawn = bars(digits)
    symbols = [drawn[place : place + 6] for place in range(0, len(drawn) - len(STOP), 6)]
    start, *pairs, check = (SYMBOLS.index(symbol) for symbol in symbols)

    assert "".join(f"{pair:02d}" for pair in pairs) == digits
    assert start == START_WITH_PAIRS
    assert check == (start + sum(n * pair for n, pair in enumerate(pairs, 1))) % 103
    assert drawn.endswith(STOP)
