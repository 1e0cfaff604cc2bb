"""Bars as a till's scanner reads them: Code 128, two digits a symbol."""

#: The widths of bars and spaces in turn, one text a symbol, 0 to 105; each is 11 units wide.
SYMBOLS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 "
    "112232 122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 "
    "311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 "
    "112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 "
    "314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 "
    "122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 "
    "124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
).split()
START_WITH_PAIRS, STOP = 105, "2331112"


def bars(digits: str) -> str:
    """Write an even number of digits as widths, bars and spaces in turn, a bar first."""
    pairs = [int(digits[place : place + 2]) for place in range(0, len(digits), 2)]
    weighted = sum(place * pair for place, pair in enumerate(pairs, start=1))
    check = (START_WITH_PAIRS + weighted) % 103
    symbols = (START_WITH_PAIRS, *pairs, check)
    return "".join(SYMBOLS[symbol] for symbol in symbols) + STOP
