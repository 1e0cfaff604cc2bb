"""What moved on a day as bills count it: charges, refunds when accepted, reversals (§7.3, §7.5)."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from adapters.providers.sandbox.bills import fee_of
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.china_days import day_of, start_of
from adapters.providers.sandbox.records import Entry, EntryKind, Order, Refund
from adapters.providers.wechat_pay.sandbox.openids import openid_of
from adapters.providers.wechat_pay.sandbox.refunds import ABNORMAL, CLOSED, PROCESSING, SUCCESS
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_states import PROVIDER, REVOKED
from adapters.providers.wechat_pay.sandbox.trade_states import SUCCESS as PAID
from adapters.providers.wechat_pay.sandbox.transaction import PERSON, transaction_id

ONE_DAY = timedelta(days=1)
EVER = datetime.min.replace(tzinfo=UTC)

#: What a bill calls a refund that has come to its end (§7.5).
ENDS = {SUCCESS: "SUCCESS", CLOSED: "FAIL", ABNORMAL: "CHANGE"}


def entries_of(book: Book, settings: WeChatPaySandboxSettings, day: date) -> Sequence[Entry]:
    """What truly moved on a day."""
    return list(_entries(book, settings, start_of(day), start_of(day + ONE_DAY)))


def closed_refunds(book: Book, day: date) -> Sequence[tuple[datetime, Refund, Order]]:
    """Refunds that were closed on a day, whose money came back to the merchant."""
    closed = [
        (ended_at(refund), refund, order)
        for refund, order in _refunds(book)
        if refund.state == CLOSED
    ]
    return [each for each in closed if day_of(each[0]) == day]


def balance_before(book: Book, settings: WeChatPaySandboxSettings, day: date) -> int:
    """The merchant's balance in fen when a day begins."""
    balance, first = settings.opening_balance_fen, day
    for entry in _entries(book, settings, EVER, start_of(day)):
        balance += net(entry)
        first = min(first, day_of(entry.at))
    for refund, _ in _refunds(book):
        if refund.state == CLOSED and ended_at(refund) < start_of(day):
            balance += refund.amount - returned_fee(refund.amount, settings)
    return balance - (day - first).days * settings.withdrawn_daily_fen


def net(entry: Entry) -> int:
    """By how much an entry moves the balance."""
    fen = entry.fen if entry.balance_fen is None else entry.balance_fen
    return (fen if entry.kind is EntryKind.CHARGE else -fen) - entry.fee_fen


def returned_fee(fen: int, settings: WeChatPaySandboxSettings) -> int:
    """What a refund of so much gives back of the fee."""
    return fee_of(fen, settings.fee_rate) if settings.refund_returns_fee else 0


def status_of(refund: Refund, at: datetime) -> str:
    """How a refund stands in a bill that was made then; nothing changes it later."""
    if refund.state == PROCESSING or ended_at(refund) > at:
        return PROCESSING
    return ENDS[refund.state]


def ended_at(refund: Refund) -> datetime:
    """When a refund came to its end."""
    told = refund.details.get("ended_at")
    return datetime.fromisoformat(told) if told else refund.succeeded_at or refund.created_at


def invented(settings: WeChatPaySandboxSettings, number: str, fen: int, at: datetime) -> Order:
    """Make up an order that nobody placed."""
    appid = settings.app_ids.official_account
    return Order(
        provider=PROVIDER,
        merchant=settings.mchid,
        provider_order_no=number,
        product="native",
        amount=fen,
        subject="来历不明",
        state=PAID,
        created_at=at - timedelta(minutes=1),
        paid_at=at,
        provider_transaction_id=transaction_id(at),
        details={
            "request": {"appid": appid},
            "trade_type": "NATIVE",
            "openid": openid_of(appid, PERSON + secrets.token_hex(4)),
        },
    )


def _entries(
    book: Book, settings: WeChatPaySandboxSettings, start: datetime, end: datetime
) -> Iterator[Entry]:
    """What moved in [start, end), charges first."""
    for order in book.orders():
        if order.provider == PROVIDER and order.paid_at is not None:
            if start <= order.paid_at < end:
                yield _charge(order, order.paid_at, settings)
            if order.state == REVOKED and order.closed_at and start <= order.closed_at < end:
                yield _taken_back(order, None, order.closed_at, settings)
    for refund, order in _refunds(book):
        if start <= refund.created_at < end:
            yield _taken_back(order, refund, refund.created_at, settings)


def _charge(order: Order, at: datetime, settings: WeChatPaySandboxSettings) -> Entry:
    kept = fee_of(order.amount, settings.fee_rate)
    return Entry(kind=EntryKind.CHARGE, order=order, fen=order.amount, fee_fen=kept, at=at)


def _taken_back(
    order: Order, refund: Refund | None, at: datetime, settings: WeChatPaySandboxSettings
) -> Entry:
    fen = refund.amount if refund else order.amount
    return Entry(
        kind=EntryKind.REFUND if refund else EntryKind.REVERSAL,
        order=order,
        refund=refund,
        fen=fen,
        fee_fen=-returned_fee(fen, settings),
        at=at,
    )


def _refunds(book: Book) -> Iterator[tuple[Refund, Order]]:
    for refund in book.refunds():
        order = book.order(refund.provider, refund.provider_order_no)
        if refund.provider == PROVIDER and order is not None:
            yield refund, order
