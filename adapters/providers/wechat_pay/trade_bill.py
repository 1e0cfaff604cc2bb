"""WeChat Pay's trade bill: what was paid, refunded and reversed on a day.

Source: MAPPING.md §11.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from operator import itemgetter

from adapters.providers.wechat_pay.bill_amounts import FEE_UNITS, ONE, Amounts, Fees, RoundedFees
from adapters.providers.wechat_pay.bill_file import lines_of
from adapters.providers.wechat_pay.bill_table import (
    AS_DOWNLOADED,
    check_total,
    header_of,
    instant_of,
    read_table,
    values_of,
)
from domain.bill import BillRejected, BillRow, BillTotals, MovementKind, UnreadableRow


class Scope(Enum):
    """What a trade bill tells of; its columns say which it is."""

    ALL = "ALL"
    SUCCESS = "SUCCESS"  # payments only
    REFUND = "REFUND"  # refunds only


#: How older bills spell a column or a total (unverified).
SPELLINGS: Mapping[str, str] = {
    "总金额": "应结订单金额",
    "企业红包退款金额": "充值券退款金额",
    "代金券或立减优惠退款金额": "充值券退款金额",
    "总交易额": "应结订单总金额",
    "总退款金额": "退款总金额",
    "总企业红包退款金额": "充值券退款总金额",
    "总代金券或立减优惠退款金额": "充值券退款总金额",
}

#: What every row tells, and what the two sorts of rows tell besides.
COMMON = ("商户号", "商户订单号", "货币种类", "交易时间", "微信订单号", "手续费")
PAID = ("订单金额", "应结订单金额")
TAKEN = ("微信退款单号", "商户退款单号", "退款申请时间", "申请退款金额", "退款金额")

#: Amounts, each with its total.
TOTALS: Mapping[str, str] = {
    "订单金额": "订单总金额",
    "应结订单金额": "应结订单总金额",
    "申请退款金额": "申请退款总金额",
    "退款金额": "退款总金额",
    "充值券退款金额": "充值券退款总金额",
    "手续费": "手续费总金额",
}

NEEDED_TOTAL = TOTALS["应结订单金额"]

#: Without these it is no trade bill.
NEEDED = frozenset(COMMON) | {"交易状态", "应结订单金额"}

#: Bills from before these columns had only what is settled (unverified).
INSTEAD: Mapping[str, str] = {"订单金额": "应结订单金额", "申请退款金额": "退款金额"}

#: Enumeration members are slow to reach in a loop of millions.
CHARGE, REFUND = MovementKind.CHARGE, MovementKind.REFUND
TAKEN_BACK: Mapping[str, MovementKind] = {"REFUND": REFUND, "REVOKED": MovementKind.REVERSAL}

#: How WeChat Pay says that there is no such number.
NONE = frozenset({"", "0"})


def read_trade_bill(
    path: str, *, mchid: str, day: date, scopes: frozenset[Scope] = frozenset(Scope)
) -> Iterator[BillRow | UnreadableRow | BillTotals]:
    """Yield the rows in the bill's own order, and last what was found true of them.

    Raises BillRejected: damaged, no such bill, another merchant's or day's, or at odds with its
    own totals.
    """
    numbered = enumerate(lines_of(path), 1)
    table = TradeTable(next(numbered, (1, ""))[1], mchid=mchid, day=day)
    if table.scope not in scopes:
        wanted = " or ".join(sorted(scope.value for scope in scopes))
        raise BillRejected(
            f"This is the bill of type {table.scope.value}, which leaves things out. "
            f"Hand in the one of type {wanted}."
        )
    yield from read_table(numbered, table)
    yield table.totals


class TradeTable:
    """A trade bill, its header understood; adds up what it reads."""

    first_total = "总交易单数"

    def __init__(self, header: str, *, mchid: str, day: date) -> None:
        """Raises BillRejected for the header of anything else."""
        names = _known(header_of(header))
        if missing := NEEDED.difference(names):
            raise BillRejected(
                f"Not a trade bill of WeChat Pay: it has no column {min(missing)}. {AS_DOWNLOADED}"
            )
        self.scope = _scope(names)
        self.totals = BillTotals(rows=0)  # once it was read to its end
        self._mchid, self._day = mchid, day.isoformat()
        self._width, self._state = len(names), names.index("交易状态")
        self._paid = _picker((*COMMON, *PAID), names)
        self._taken = _picker((*COMMON, *TAKEN), names)
        self._amounts = _picker(tuple(TOTALS), names)
        self._fen, self._fees, self._rounded = Amounts(), Fees(), RoundedFees()
        self._sums = [0] * len(TOTALS)  # fees in their own units, all else in fen
        self._charged = self._taken_back = self._kept = 0  # fen

    def row(self, number: int, line: str) -> BillRow:
        """Read one row. Raises ValueError saying why it can't be read, BillRejected."""
        cells = values_of(line)
        if len(cells) != self._width:
            raise ValueError(f"It has {len(cells)} values and not {self._width}.")
        cells.append("")  # what a column holds that this bill does not have
        state = cells[self._state]
        if state == "SUCCESS":
            row = self._charge(number, line, self._paid(cells))
        else:
            row = self._back(number, line, state, self._taken(cells))
        self._add(row, self._amounts(cells))
        return row

    def check(self, totals: Mapping[str, str], *, rows: int, read: int, unreadable: int) -> None:
        """Raise BillRejected unless the totals are those of the rows; then tell them as ours."""
        told = dict(zip(_known(tuple(totals)), totals.values(), strict=True))
        if NEEDED_TOTAL not in told:
            raise BillRejected(f"Its totals have no {NEEDED_TOTAL}. {AS_DOWNLOADED}")
        check_total(self.first_total, told, rows * ONE)
        if not unreadable:
            *sums, fees = self._sums
            for name, found in zip(TOTALS.values(), sums, strict=False):
                check_total(name, told, found * FEE_UNITS)
            check_total(TOTALS["手续费"], told, fees, slack=FEE_UNITS // 2)
        self.totals = BillTotals(
            read + unreadable, self._charged, self._taken_back, self._kept, unreadable
        )

    def _charge(self, number: int, line: str, told: Sequence[str]) -> BillRow:
        mchid, order_no, currency, at, transaction, fee, total, settled = told
        if (
            mchid != self._mchid
            or currency != "CNY"
            or not (order_no and order_no.isascii() and total)
        ):
            raise self._refusal(number, mchid, currency)
        return BillRow(
            number,
            order_no,
            CHARGE,
            "",
            self._fen[total],
            instant_of(at, self._day, number),
            self._rounded[fee],
            self._fen[settled],
            transaction,
            "",
            transaction,
            line,
        )

    def _back(self, number: int, line: str, state: str, told: Sequence[str]) -> BillRow:
        """Read a refund or a reversal; what is given back of the fee may bear either sign."""
        mchid, order_no, currency, at, transaction, fee, *more = told
        refund_id, refund_no, accepted_at, asked, taken = more
        if (
            mchid != self._mchid
            or currency != "CNY"
            or not (order_no and order_no.isascii() and asked)
        ):
            raise self._refusal(number, mchid, currency)
        kind = TAKEN_BACK.get(state)
        if kind is None:
            raise ValueError(f"Its state {state[:32]!r} is not known.")
        if kind is REFUND and refund_no in NONE:
            raise ValueError("It is a refund without a number.")
        refund_id = "" if refund_id in NONE else refund_id
        return BillRow(
            number,
            order_no,
            kind,
            refund_no if kind is REFUND else "",
            self._fen[asked],
            instant_of(accepted_at or at, self._day, number),
            -abs(self._rounded[fee]),
            self._fen[taken],
            transaction,
            refund_id,
            refund_id or transaction,
            line,
        )

    def _add(self, row: BillRow, amounts: Sequence[str]) -> None:
        total, settled, asked, taken, coupon, fee = amounts
        fen, sums = self._fen, self._sums
        sums[0] += fen[total]
        sums[1] += fen[settled]
        sums[2] += fen[asked]
        sums[3] += fen[taken]
        sums[4] += fen[coupon]
        sums[5] += self._fees[fee]
        if row.kind is CHARGE:
            self._charged += row.fen
        else:
            self._taken_back += row.fen
        self._kept += row.fee_fen

    def _refusal(self, number: int, mchid: str, currency: str) -> Exception:
        if mchid.isdigit() and mchid != self._mchid:
            return BillRejected(
                f"Row {number} is of merchant {mchid}, and this account is {self._mchid}. "
                "Hand in this account's own bill."
            )
        if currency != "CNY":
            return ValueError(f"Its currency is {currency[:8]!r} and not CNY.")
        return ValueError("Its merchant, order number or amount can't be read.")


def _known(names: Sequence[str]) -> Sequence[str]:
    """Return the columns as they are called today; what an old bill lacks goes by another."""
    return [SPELLINGS.get(name, name) for name in names]


def _scope(names: Sequence[str]) -> Scope:
    if "退款申请时间" in names:
        return Scope.REFUND
    return Scope.ALL if "商户退款单号" in names else Scope.SUCCESS


def _picker(
    wanted: Sequence[str], names: Sequence[str]
) -> Callable[[Sequence[str]], Sequence[str]]:
    """Take these columns out of a row; what is not there is at the end of every row, empty."""
    return itemgetter(*(_place(name, names) for name in wanted))


def _place(name: str, names: Sequence[str]) -> int:
    if name not in names:
        name = INSTEAD.get(name, name)
    return names.index(name) if name in names else len(names)
