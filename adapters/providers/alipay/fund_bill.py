"""The balance's bill (账务明细): what moved on the merchant's balance. Source: MAPPING.md §11."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter

from adapters.providers.alipay.bill_cells import (
    AGAIN,
    Fen,
    check_count,
    check_total,
    place_of,
    plain_cell,
    read_instant,
    told_fen,
)
from adapters.providers.alipay.bill_text import Footer, read_bill
from domain.bill import BillRejected, FundKind, FundRow, UnreadableRow

#: What is read, by the names that it has had; the first is today's.
COLUMNS: Sequence[Sequence[str]] = (
    ("业务流水号", "业务订单号"),
    ("发生时间", "入账时间"),
    ("收入金额", "收入"),
    ("支出金额", "支出"),
    ("业务类型", "账务类型"),
)

#: Alipay's words are an open list; what is not named here is none of a trade's.
KINDS: Mapping[str, FundKind] = {
    "在线支付": FundKind.TRADE,
    "交易付款": FundKind.TRADE,
    "交易退款": FundKind.REFUND,
    "退款": FundKind.REFUND,
    "收费": FundKind.FEE,  # or given back, where it came in
    "退费": FundKind.FEE_RETURN,
}


def read_fund_bill(path: str, *, seller_id: str, day: date) -> Iterator[FundRow | UnreadableRow]:
    """Yield the rows in the bill's own order. Raises BillRejected as for the trade bill."""
    return read_bill(path, FundTable(), seller_id=seller_id, day=day)


class FundTable:
    """A bill of the balance; adds up what it reads."""

    title = "支付宝账务明细查询"
    summary_title = "支付宝账务汇总查询"

    def __init__(self) -> None:
        self._fen = Fen()
        self._rows = 0
        self._counts = {"收入": 0, "支出": 0}
        self._sums = {"收入": 0, "支出": 0}

    def begin(self, names: Sequence[str]) -> None:
        """Understand the header. Raises BillRejected."""
        self._pick = itemgetter(*(place_of(spellings, names) for spellings in COLUMNS))

    def row(self, number: int, line: str, cells: list[str]) -> FundRow:
        """Read one row, an expense by either sign. Raises ValueError."""
        funds_no, at, income, expense, name = self._pick(cells)
        came, went = self._fen[income], abs(self._fen[expense])
        if came < 0:
            raise ValueError(f"An income of {income[:40]!r} has the wrong sign.")
        name = plain_cell(name)
        kind = KINDS.get(name, FundKind.OTHER)
        if kind is FundKind.FEE and came > went:
            kind = FundKind.FEE_RETURN
        row = FundRow(number, plain_cell(funds_no), kind, came - went, read_instant(at), name, line)
        self._add("收入", came)
        self._add("支出", went)
        self._rows += 1
        return row

    def check(
        self, footers: Mapping[str, Footer], summary: Mapping[str, str] | None, *, unreadable: int
    ) -> None:
        """Raise BillRejected unless the totals are those of the rows."""
        if not footers.keys() >= self._sums.keys():
            raise BillRejected(f"The bill ends without its totals: it was cut short. {AGAIN}")
        if unreadable:
            return
        for side, found in self._sums.items():
            check_count(side, footers[side].count, self._may_count(side))
            for fen in footers[side].sums.values():
                check_total(side, fen, [found])
            self._check_summary(side, summary or {})

    def _check_summary(self, side: str, summary: Mapping[str, str]) -> None:
        if told := summary.get(f"{side}笔数"):
            check_count(f"{side}笔数", told, self._may_count(side))
        if told := summary.get(f"{side}金额"):
            check_total(f"{side}金额", told_fen(side, told), [self._sums[side]])

    def _may_count(self, side: str) -> range:
        """Rows of nothing at all are counted on either side, or on none."""
        nothing = self._rows - sum(self._counts.values())
        return range(self._counts[side], self._counts[side] + nothing + 1)

    def _add(self, side: str, fen: int) -> None:
        self._sums[side] += fen
        self._counts[side] += fen > 0
