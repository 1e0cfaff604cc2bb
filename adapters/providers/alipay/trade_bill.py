"""The trade bill (业务明细): what was paid and refunded on a day. Source: MAPPING.md §11."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter

from adapters.providers.alipay.bill_cells import (
    AGAIN,
    PADDING,
    Fen,
    check_count,
    check_total,
    place_of,
    read_instant,
    told_fen,
)
from adapters.providers.alipay.bill_text import Footer, read_bill
from domain.bill import BillRejected, BillRow, BillTotals, MovementKind, UnreadableRow

#: What is read, by the names that it has had; the first is today's.
COLUMNS: Sequence[Sequence[str]] = (
    ("支付宝交易号", "交易号", "支付宝流水号"),
    ("商户订单号", "商家订单号"),
    ("业务类型", "交易类型"),
    ("完成时间",),
    ("订单金额", "订单总金额"),
    ("商家实收", "商户实收"),
    ("退款批次号/请求号", "退款批次号", "退款请求号"),
    ("服务费", "手续费"),
)

#: Of which the rows are only added up; older bills may lack it.
DISCOUNT = "商家优惠"

#: Enumeration members are slow to reach in a loop of millions.
CHARGE, REFUND = MovementKind.CHARGE, MovementKind.REFUND

#: A cancel that returned money is told as a refund (unverified).
KINDS: Mapping[str, MovementKind] = {
    "交易": CHARGE,
    "退款": REFUND,
    "交易退款": REFUND,
    "撤销": MovementKind.REVERSAL,
}


def read_trade_bill(
    path: str, *, seller_id: str, day: date
) -> Iterator[BillRow | UnreadableRow | BillTotals]:
    """Yield the rows in the bill's own order, and last what was found true of them.

    Raises BillRejected: damaged, no such bill, another merchant's or day's, or at odds with its
    own totals.
    """
    table = TradeTable()
    yield from read_bill(path, table, seller_id=seller_id, day=day)
    yield table.totals


class TradeTable:
    """A trade bill; adds up what it reads."""

    title = "支付宝业务明细查询"
    summary_title = "支付宝业务汇总查询"

    def __init__(self) -> None:
        self.totals = BillTotals(rows=0)  # once it was read to its end
        self._fen = Fen()
        self._kept = 0  # fen of fees
        # Of charges, and of what takes them back: the number, and sums as they stand in the cells.
        self._counts = [0, 0]
        self._amounts, self._receipts, self._fees, self._discounts = ([0, 0] for _ in range(4))

    def begin(self, names: Sequence[str]) -> None:
        """Understand the header. Raises BillRejected."""
        places = [place_of(spellings, names) for spellings in COLUMNS]
        discount = names.index(DISCOUNT) if DISCOUNT in names else len(names)
        self._pick = itemgetter(*places, discount)

    def row(self, number: int, line: str, cells: list[str]) -> BillRow:
        """Read one row. Raises ValueError saying why it can't be read."""
        cells.append("")  # what a column holds that this bill does not have
        trade_no, order_no, told, ended, total, receipt, request_no, fee, less = self._pick(cells)
        trade_no, order_no, told = trade_no.strip(PADDING), order_no.strip(PADDING), told.strip()
        kind = KINDS.get(told)
        if kind is None or not order_no or not order_no.isascii() or not total:
            raise ValueError(f"{told[:32]!r} of number {order_no[:64]!r}: this is not a row.")
        back, fen = kind is not CHARGE, self._fen
        amount, received, kept, discount = fen[total], fen[receipt], fen[fee], fen[less]
        if amount > 0 if back else amount < 0:
            raise ValueError(f"{told} of {total[:40]!r} has the wrong sign.")
        fee_fen = -abs(kept) if back else abs(kept)
        row = BillRow(
            number,
            order_no,
            kind,
            (request_no.strip(PADDING) or order_no) if kind is REFUND else "",
            abs(amount),
            read_instant(ended),
            fee_fen,
            abs(received) if receipt else None,
            trade_no,
            "",
            trade_no,
            line,
        )
        self._counts[back] += 1
        self._amounts[back] += amount
        self._receipts[back] += received
        self._fees[back] += kept
        self._kept += fee_fen
        self._discounts[back] += discount
        return row

    def check(
        self, footers: Mapping[str, Footer], summary: Mapping[str, str] | None, *, unreadable: int
    ) -> None:
        """Raise BillRejected unless the totals are those of the rows; then tell them as ours."""
        if not footers.keys() >= {"交易", "退款"}:
            raise BillRejected(f"The bill ends without its totals: it was cut short. {AGAIN}")
        told = footers["交易"], footers["退款"]
        check_count("rows", sum(each.count for each in told), [sum(self._counts) + unreadable])
        if not unreadable:
            self._check_footers(told)
            self._check_summary(summary or {})
        rows, (charged, refunded) = sum(self._counts) + unreadable, self._amounts
        self.totals = BillTotals(rows, charged, -refunded, self._kept, unreadable)

    def _check_footers(self, told: Sequence[Footer]) -> None:
        for side, footer in enumerate(told):
            check_count(("交易", "退款")[side], footer.count, [self._counts[side]])
            for name, fen in footer.sums.items():
                found = self._receipts if name.startswith("商家实收") else self._discounts
                check_total(name, fen, [found[side]])

    def _check_summary(self, summary: Mapping[str, str]) -> None:
        """Each total is net of refunds, or of charges alone, fees by either sign (unverified)."""
        for side, name in enumerate(("交易订单总笔数", "退款订单总笔数")):
            if summary.get(name):
                check_count(name, summary[name], [self._counts[side]])
        for name, found in (
            ("订单金额", self._amounts),
            ("商家实收", self._receipts),
            ("服务费", self._fees),
        ):
            if summary.get(name):
                may_be = [sum(found), found[0], found[0] - found[1]]
                check_total(name, told_fen(name, summary[name]), may_be)
