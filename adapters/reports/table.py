"""Discrepancies as a table: one column a fact, with its header in Chinese and English."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

from adapters.reports.words import CLASSES, KINDS, RESOLUTIONS, STATUSES
from domain.discrepancy import Discrepancy, Entry

#: Fen and whole numbers are int.
Value = str | int | date | datetime | None


class Cell(Enum):
    """How a column is written."""

    TEXT = auto()
    YUAN = auto()  # the value is fen
    NUMBER = auto()
    DATE = auto()
    INSTANT = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """One fact of a discrepancy; the day is the run's."""

    header: str
    cell: Cell
    value: Callable[[Discrepancy, date], Value]
    width: int = 14  # characters


COLUMNS: tuple[Column, ...] = (
    Column("差异编号 id", Cell.TEXT, lambda it, _: it.id, 31),
    Column("账单日 day", Cell.DATE, lambda _, day: day, 11),
    Column("账户 account", Cell.TEXT, lambda it, _: it.account),
    Column("类别 class", Cell.TEXT, lambda it, _: CLASSES[it.cls], 26),
    Column("业务 kind", Cell.TEXT, lambda it, _: "" if it.kind is None else KINDS[it.kind], 15),
    Column("商户订单号 order number", Cell.TEXT, lambda it, _: it.order_no, 30),
    Column("商户退款单号 refund number", Cell.TEXT, lambda it, _: it.refund_no, 30),
    Column("我方金额（元） ours (yuan)", Cell.YUAN, lambda it, _: it.ours_fen),
    Column("账单金额（元） bill (yuan)", Cell.YUAN, lambda it, _: it.bill_fen),
    Column("差额（元） bill − ours (yuan)", Cell.YUAN, lambda it, _: difference_fen(it)),
    Column("手续费（元） fee (yuan)", Cell.YUAN, lambda it, _: it.fee_fen),
    Column("状态 status", Cell.TEXT, lambda it, _: STATUSES[it.status], 24),
    Column("处理 resolution", Cell.TEXT, lambda it, _: _resolution(it), 24),
    Column("经办 by", Cell.TEXT, lambda it, _: _last(it).by if it.trail else "", 16),
    Column("原因 why", Cell.TEXT, lambda it, _: _last(it).why if it.trail else "", 40),
    Column("处理时间 at", Cell.INSTANT, lambda it, _: _last(it).at if it.trail else None, 20),
    Column("说明 detail", Cell.TEXT, lambda it, _: it.detail, 60),
    Column("内部单号 our id", Cell.TEXT, lambda it, _: it.order_id or "", 31),
    Column("账单行 line", Cell.NUMBER, lambda it, _: it.line, 8),
    Column("发现时间 found at", Cell.INSTANT, lambda it, _: it.found_at, 20),
    Column("账单原文 bill row", Cell.TEXT, lambda it, _: it.raw, 60),
)


def difference_fen(discrepancy: Discrepancy) -> int:
    """What the provider has beyond us, fen, in favour of the merchant."""
    return (discrepancy.bill_fen or 0) - (discrepancy.ours_fen or 0)


def _resolution(discrepancy: Discrepancy) -> str:
    return "" if discrepancy.resolution is None else RESOLUTIONS[discrepancy.resolution]


def _last(discrepancy: Discrepancy) -> Entry:
    return discrepancy.trail[-1]
