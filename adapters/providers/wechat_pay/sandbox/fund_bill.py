"""The fund-flow bill of the basic account (§7.7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.china_days import start_of
from adapters.providers.sandbox.records import Entry, EntryKind
from adapters.providers.wechat_pay.sandbox.bill_day import (
    balance_before,
    closed_refunds,
    returned_fee,
)
from adapters.providers.wechat_pay.sandbox.bill_text import bill_text, count, moment, total, yuan
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_bill import refund_id

COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型",
    "收支金额(元)", "账户结余(元)", "资金变更提交申请人", "备注", "业务凭证号",
)  # fmt: skip

TRADE, FEE, REFUND = "交易", "扣除交易手续费", "退款"
FEE_RETURN, REFUND_CLOSED, WITHDRAWN = "退还交易手续费", "退款关闭", "提现"
IN, OUT = "收入", "支出"

#: When the merchant withdraws, if it does.
WITHDRAWN_AFTER = timedelta(hours=22)


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of the balance."""

    at: datetime
    number: str  # the platform's, of what it was for
    name: str
    fen: int  # signed, in favour of the merchant
    voucher: str  # the merchant's number
    by: str = "system"
    remark: str = ""


def fund_bill(
    entries: Sequence[Entry], book: Book, settings: WeChatPaySandboxSettings, day: date
) -> bytes | None:
    """Write the day's bill; None if the balance never moved."""
    moves = sorted(_moves(entries, book, settings, day), key=lambda move: move.at)
    if not moves:
        return None
    balance, rows = balance_before(book, settings, day), []
    for place, move in enumerate(moves, 1):
        balance += move.fen
        serial = f"{settings.mchid}{day:%Y%m%d}{place:07}"
        rows.append(_row(move, serial, balance))
    income = [move.fen for move in moves if move.fen > 0]
    expense = [-move.fen for move in moves if move.fen < 0]
    totals = {
        "资金流水总笔数": count(len(moves)),
        "收入笔数": count(len(income)),
        "收入金额": total(sum(income)),
        "支出笔数": count(len(expense)),
        "支出金额": total(sum(expense)),
    }
    return bill_text(_columns(settings), rows, totals)


def _moves(
    entries: Sequence[Entry], book: Book, settings: WeChatPaySandboxSettings, day: date
) -> Iterator[Move]:
    for entry in entries:
        moves = _charge(entry) if entry.kind is EntryKind.CHARGE else _back(entry, settings)
        yield from (move for move in moves if move.fen)
    for at, refund, _ in closed_refunds(book, day):
        fen = refund.amount - returned_fee(refund.amount, settings)
        number, voucher = refund.provider_refund_id or "", refund.provider_refund_no
        yield Move(at, number, REFUND_CLOSED, fen, voucher)
    if settings.withdrawn_daily_fen:
        at, number = start_of(day) + WITHDRAWN_AFTER, f"W{day:%Y%m%d}"
        yield Move(at, number, WITHDRAWN, -settings.withdrawn_daily_fen, number)


def _charge(entry: Entry) -> Iterator[Move]:
    number, voucher = entry.order.provider_transaction_id or "", entry.order.provider_order_no
    yield Move(entry.at, number, TRADE, _fen(entry), voucher)
    yield Move(entry.at, number, FEE, -entry.fee_fen, voucher)


def _back(entry: Entry, settings: WeChatPaySandboxSettings) -> Iterator[Move]:
    """A refund or reversal: what it gives back of the fee is taken off, or a row of its own."""
    number, fen, fee = refund_id(entry), _fen(entry), -entry.fee_fen
    voucher = entry.refund.provider_refund_no if entry.refund else entry.order.provider_order_no
    by = f"{settings.mchid}API"
    if not settings.fund_bill_is_net:
        yield Move(entry.at, number, REFUND, -fen, voucher, by)
        yield Move(entry.at, number, FEE_RETURN, fee, voucher)
        return
    remark = f"退款总金额{yuan(fen)}元;含手续费{yuan(fee)}元"
    yield Move(entry.at, number, REFUND, fee - fen, voucher, by, remark)


def _fen(entry: Entry) -> int:
    return entry.fen if entry.balance_fen is None else entry.balance_fen


def _row(move: Move, serial: str, balance: int) -> Sequence[str]:
    return (
        moment(move.at),
        move.number,
        serial,
        move.name,
        move.name,
        IN if move.fen > 0 else OUT,
        yuan(abs(move.fen)),
        yuan(balance),
        move.by,
        move.remark,
        move.voucher,
    )


def _columns(settings: WeChatPaySandboxSettings) -> Sequence[str]:
    if not settings.full_width_brackets:
        return COLUMNS
    return [name.replace("(", "（").replace(")", "）") for name in COLUMNS]
