"""How a bill is written: values behind backticks, a header above, totals below (§7.4)."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.providers.wechat_pay.sandbox.wechat_time import BEIJING

BOM, END = "\ufeff", "\r\n"

#: §7.7: how control characters are written; a backtick would open a value.
ESCAPES = str.maketrans({"\x01": " ", "\r": "\\r", "\n": "\\n", "`": "'"})


def bill_text(
    columns: Sequence[str], rows: Sequence[Sequence[str]], totals: Mapping[str, str]
) -> bytes:
    """Write a whole bill."""
    lines = [
        ",".join(columns),
        *map(_values, rows),
        ",".join(totals),
        _values(list(totals.values())),
    ]
    return (BOM + END.join(lines) + END).encode()


def packed(content: bytes) -> bytes:
    """The same bill as a gzip file, byte for byte the same each time."""
    return gzip.compress(content, mtime=0)


def yuan(fen: int) -> str:
    """Write an amount with two decimals."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}"


def total(fen: int) -> str:
    """Write a total; nothing has one decimal only."""
    return yuan(fen) if fen else "0.0"


def count(rows: int) -> str:
    """Write how many, as bills do."""
    return f"{rows}.0"


def moment(at: datetime) -> str:
    """Write an instant, China time."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _values(values: Sequence[str]) -> str:
    return "`" + ",`".join(value.translate(ESCAPES) for value in values)
