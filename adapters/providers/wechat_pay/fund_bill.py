"""WeChat Pay's fund-flow bill: what moved on the merchant's balance. Source: MAPPING.md §11."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from operator import itemgetter

from adapters.providers.wechat_pay.bill_amounts import FEE_UNITS, ONE, Amounts
from adapters.providers.wechat_pay.bill_file import lines_of
from adapters.providers.wechat_pay.bill_table import (
    AS_DOWNLOADED,
    check_total,
    header_of,
    instant_of,
    read_table,
    values_of,
)
from domain.bill import BillRejected, FundKind, FundRow, UnreadableRow

COLUMNS = ("记账时间", "微信支付业务单号", "业务名称", "业务类型", "收支类型", "收支金额(元)")

#: What names and types say, both open sets. A fee may be named 交易 and be told by its type alone,
#: so the more special word goes before the more general one.
KINDS: Mapping[str, FundKind] = {
    "扣除交易手续费": FundKind.FEE,
    "退还交易手续费": FundKind.FEE_RETURN,
    "退款关闭": FundKind.REFUND_CLOSED,
    "退款": FundKind.REFUND,
    "交易": FundKind.TRADE,
}

#: The two directions, with the totals of each: how many rows and how much.
IN, OUT = "收入", "支出"
TOTALS: Mapping[str, tuple[str, str]] = {
    IN: ("收入笔数", "收入金额"),
    OUT: ("支出笔数", "支出金额"),
}


def read_fund_bill(path: str, *, day: date) -> Iterator[FundRow | UnreadableRow]:
    """Yield the rows in the bill's own order; its totals are checked at the end.

    Raises BillRejected: damaged, no such bill, another day's, or at odds with its own totals.
    The bill does not say whose it is.
    """
    numbered = enumerate(lines_of(path), 1)
    yield from read_table(numbered, FundTable(next(numbered, (1, ""))[1], day=day))


class FundTable:
    """A fund-flow bill, its header understood; adds up what it reads."""

    first_total = "资金流水总笔数"

    def __init__(self, header: str, *, day: date) -> None:
        """Raises BillRejected for the header of anything else."""
        names = header_of(header)
        if missing := set(COLUMNS).difference(names):
            raise BillRejected(
                f"Not a fund-flow bill of WeChat Pay: no column {min(missing)}. {AS_DOWNLOADED}"
            )
        self._day, self._width = day.isoformat(), len(names)
        self._pick = itemgetter(*map(names.index, COLUMNS))
        self._fen = Amounts()
        self._rows, self._sums = {IN: 0, OUT: 0}, {IN: 0, OUT: 0}

    def row(self, number: int, line: str) -> FundRow:
        """Read one row. Raises ValueError saying why it can't be read, BillRejected."""
        cells = values_of(line)
        if len(cells) != self._width:
            raise ValueError(f"It has {len(cells)} values and not {self._width}.")
        at, funds_no, name, sort, direction, amount = self._pick(cells)
        if direction not in TOTALS or not amount:
            raise ValueError(f"It is neither {IN} nor {OUT} of an amount.")
        fen = self._fen[amount]
        row = FundRow(
            number,
            funds_no,
            _kind(name, sort),
            fen if direction == IN else -fen,
            instant_of(at, self._day, number),
            name,
            line,
        )
        self._rows[direction] += 1
        self._sums[direction] += fen
        return row

    def check(self, totals: Mapping[str, str], *, rows: int, read: int, unreadable: int) -> None:
        """Raise BillRejected unless the totals are those of the rows."""
        check_total(self.first_total, totals, rows * ONE)
        if read != rows or unreadable:
            return
        for direction, (count, amount) in TOTALS.items():
            check_total(count, totals, self._rows[direction] * ONE)
            check_total(amount, totals, self._sums[direction] * FEE_UNITS)


@lru_cache(maxsize=256)
def _kind(name: str, sort: str) -> FundKind:
    return next((kind for word, kind in KINDS.items() if word in (name, sort)), FundKind.OTHER)
