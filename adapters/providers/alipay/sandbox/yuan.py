"""Yuan as Alipay writes them, read into fen and written from fen, exactly."""

import re
from decimal import Decimal

#: At most two decimals and no exponent (REFERENCE.md §9).
YUAN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")

#: 100 000 000 yuan, the most one order may ask for (REFERENCE.md §9).
MOST_FEN = 100_000_000_00


def to_fen(text: str) -> int:
    """Read "88.88" as 8888 fen; ValueError for what Alipay would not take as a price."""
    if not YUAN.fullmatch(text):
        raise ValueError(f"not an amount in yuan: {text!r}")
    fen = int(Decimal(text).scaleb(2))
    if not 1 <= fen <= MOST_FEN:
        raise ValueError(f"outside 0.01 to 100000000 yuan: {text!r}")
    return fen


def to_yuan(fen: int) -> str:
    """Write 8888 fen as "88.88", always with two decimals."""
    return f"{fen // 100}.{fen % 100:02}"
