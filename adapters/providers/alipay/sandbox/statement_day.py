"""What really moved on a day, as the entries of its bills. Source: REFERENCE.md §7."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.trade import details_of
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import NAME, new_trade_no
from adapters.providers.sandbox.bills import fee_of
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.china_days import day_of
from adapters.providers.sandbox.records import Entry, EntryKind, Order, Refund


def entries_of(book: Book, day: date, rules: AlipayRules) -> Sequence[Entry]:
    """Every charge and refund that ended on the day."""
    return [entry for entry in _entries(book, rules) if day_of(entry.at) == day]


def balance_before(book: Book, day: date, rules: AlipayRules) -> int:
    """What the merchant's balance was in fen when the day began, all fees paid."""
    earlier = (entry for entry in _entries(book, rules) if day_of(entry.at) < day)
    return rules.opening_balance_fen + sum(moved(entry) for entry in earlier)


def moved(entry: Entry) -> int:
    """What the balance moves by for an entry, its fee included."""
    fen = entry.fen if entry.balance_fen is None else entry.balance_fen
    return (fen if entry.kind is EntryKind.CHARGE else -fen) - entry.fee_fen


def invented(parties: Parties, number: str, fen: int, at: datetime) -> Order:
    """An order that nobody placed, as a bill may tell of it."""
    return Order(
        provider=NAME,
        merchant=parties.seller_id,
        provider_order_no=number,
        amount=fen,
        subject="无人下单 Nobody's order",
        state=TradeStatus.TRADE_SUCCESS,
        created_at=at,
        product="qr",
        provider_transaction_id=new_trade_no(at),
        paid_at=at,
        charges=1,
    )


def _entries(book: Book, rules: AlipayRules) -> Iterator[Entry]:
    for order in book.orders():
        if order.provider == NAME and order.paid_at is not None:
            yield _charge(order, order.paid_at, rules)
            yield from (_refund(order, each, rules) for each in book.refunds_of(order))


def _charge(order: Order, paid_at: datetime, rules: AlipayRules) -> Entry:
    fee = fee_of(order.amount, rules.fee_rate)
    return Entry(kind=EntryKind.CHARGE, order=order, fen=order.amount, fee_fen=fee, at=paid_at)


def _refund(order: Order, refund: Refund, rules: AlipayRules) -> Entry:
    """What a cancel gave back has the order's own number; otherwise it is a refund like any."""
    is_cancel = details_of(order).cancelled and refund.provider_refund_no == order.provider_order_no
    return Entry(
        kind=EntryKind.REVERSAL if is_cancel else EntryKind.REFUND,
        order=order,
        refund=refund,
        fen=refund.amount,
        fee_fen=-fee_of(refund.amount, rules.fee_rate) if rules.refund_returns_fee else 0,
        at=refund.created_at,
    )
