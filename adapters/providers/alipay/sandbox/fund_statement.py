"""The bill of the balance (账务明细) and its summary. Source: REFERENCE.md §7.5."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statement_day import moved
from adapters.providers.alipay.sandbox.statement_text import comments, ending, line, signed_yuan
from adapters.providers.sandbox.china_days import start_of
from adapters.providers.sandbox.records import Entry, EntryKind

LISTING = "账务明细"

HEADER = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,"
    "账户余额（元）,交易渠道,业务类型,备注"
)

SUMMARY_HEADER = "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"

PAID, REFUNDED, FEE, WITHDRAWN = "在线支付", "交易退款", "收费", "提现"


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of the balance."""

    word: str
    fen: int  # in favour of the merchant
    at: datetime
    entry: Entry | None = None
    remark: str = ""


def moves_of(entries: Sequence[Entry], rules: AlipayRules, day: date) -> Sequence[Move]:
    """What the balance moved by, one after the other; fees are movements of their own."""
    moves = [move for entry in entries for move in _moves(entry)]
    if rules.withdrawn_daily_fen:
        at = start_of(day) + timedelta(hours=22)
        moves.append(Move(WITHDRAWN, -rules.withdrawn_daily_fen, at))
    return sorted(moves, key=lambda move: move.at)


def fund_lines(
    moves: Sequence[Move], balance: int, parties: Parties, rules: AlipayRules, day: date
) -> Sequence[str]:
    """The detail; `balance`: fen, before the first of them."""
    rows = []
    for number, move in enumerate(moves, 1):
        balance += move.fen
        rows.append(line(_row(f"{day:%y%m%d}{number:09}", move, balance, parties, rules)))
    totals = (
        f"支出合计：{_count(moves, -1)}笔，共{_expense(_sum(moves, -1), rules)}元",
        f"收入合计：{_count(moves, 1)}笔，共{signed_yuan(_sum(moves, 1))}元",
    )
    head = comments("支付宝账务明细查询", LISTING, parties, day)
    return [*head, HEADER, *rows, *ending(LISTING, totals, day)]


def fund_summary_lines(
    moves: Sequence[Move], parties: Parties, rules: AlipayRules, day: date
) -> Sequence[str]:
    """The summary: a row per kind, and all of them."""
    kinds = {word: [m for m in moves if m.word == word] for word in sorted({m.word for m in moves})}
    rows = [line(_summed(word, some, rules)) for word, some in {**kinds, "合计": moves}.items()]
    head = comments("支付宝账务汇总查询", "账务汇总", parties, day)
    return [*head, SUMMARY_HEADER, *rows, *ending("账务汇总", (), day)]


def _moves(entry: Entry) -> Iterator[Move]:
    word = PAID if entry.kind is EntryKind.CHARGE else REFUNDED
    refund_no = entry.refund.provider_refund_no if entry.refund else ""
    yield Move(word, moved(entry) + entry.fee_fen, entry.at, entry, refund_no)
    if entry.fee_fen:
        yield Move(FEE, -entry.fee_fen, entry.at, entry)


def _row(
    number: str, move: Move, balance: int, parties: Parties, rules: AlipayRules
) -> Sequence[str]:
    order = move.entry.order if move.entry else None
    is_principal = order is not None and move.word != FEE
    return [
        f"{number}\t",
        f"{order.provider_transaction_id if order else number}\t",
        f"{order.provider_order_no if order else ''}\t",
        f"{order.subject if order and is_principal else ''}\t",
        to_text(move.at),
        f"*某 ({parties.buyer_logon_id})\t" if is_principal else "\t",
        signed_yuan(max(move.fen, 0)),
        _expense(min(move.fen, 0), rules),
        signed_yuan(balance),
        "支付宝",
        move.word,
        move.remark,
    ]


def _summed(word: str, moves: Sequence[Move], rules: AlipayRules) -> Sequence[str]:
    return [
        word,
        str(_count(moves, 1)),
        signed_yuan(_sum(moves, 1)),
        str(_count(moves, -1)),
        _expense(_sum(moves, -1), rules),
        signed_yuan(sum(move.fen for move in moves)),
    ]


def _expense(fen: int, rules: AlipayRules) -> str:
    return signed_yuan(fen if rules.expenses_are_negative else -fen)


def _count(moves: Sequence[Move], sign: int) -> int:
    return sum(1 for move in moves if move.fen * sign > 0)


def _sum(moves: Sequence[Move], sign: int) -> int:
    return sum(move.fen for move in moves if move.fen * sign > 0)
