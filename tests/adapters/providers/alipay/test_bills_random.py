"""Whatever a day was like, and however Alipay writes it: its bills read as what really moved."""

import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import composite

from adapters.clock import MovableClock
from adapters.providers.alipay.fund_bill import read_fund_bill
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statements import Statements
from adapters.providers.alipay.trade_bill import read_trade_bill
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Order, Refund
from domain.bill import CHINA, BillTotals, MovementKind

DAY = date(2026, 1, 15)
PARTIES = Parties()
MIDNIGHT = datetime(2026, 1, 15, tzinfo=CHINA)

#: Seconds from a day before the bill's to a day after.
MOMENTS = st.integers(-86_400, 2 * 86_400).map(lambda s: MIDNIGHT + timedelta(seconds=s))
WORDS = st.text(
    st.sampled_from("茶杯 a1,\"'#\t\n。（元）\U0001f375é—\u3000"), min_size=1, max_size=12
).filter(str.strip)
RULES = st.builds(
    AlipayRules,
    fee_rate=st.sampled_from(["0", "0.006", "0.0038", "0.55"]).map(Decimal),
    refund_returns_fee=st.booleans(),
    cancel_has_number=st.booleans(),
    bill_sums_net=st.booleans(),
    expenses_are_negative=st.booleans(),
    bill_codec=st.sampled_from(["gbk", "gb18030"]),
    withdrawn_daily_fen=st.sampled_from([0, 1, 100_000]),
    empty_bill=st.just("file"),
)


@composite
def books(draw):
    """A book with some orders, paid and unpaid, refunded in parts, and cancelled."""
    book = Book()
    for number in range(draw(st.integers(0, 8))):
        order = _order(draw, number)
        cancelled = order.paid_at is not None and draw(st.booleans())
        if cancelled:
            order = _with(order, details={"cancelled": True})
        book.keep(order)
        if order.paid_at is not None:
            book.keep(*_refunds(draw, order, cancelled=cancelled))
    return book


def _order(draw, number):
    paid_at = draw(st.none() | MOMENTS)
    return Order(
        provider="alipay",
        merchant=PARTIES.seller_id,
        provider_order_no=f"d1{number:026}",
        amount=draw(st.integers(1, 10**10)),
        subject=draw(WORDS),
        state="TRADE_SUCCESS",
        created_at=paid_at or MIDNIGHT,
        provider_transaction_id=f"2026011522{number:018}",
        paid_at=paid_at,
    )


def _with(order, **changes):
    return Order(**{n: getattr(order, n) for n in order.__struct_fields__} | changes)


def _refunds(draw, order, *, cancelled):
    parts = [order.amount] if cancelled else draw(st.lists(st.integers(1, 10**6), max_size=3))
    left = order.amount
    for number, part in enumerate(parts):
        if part > left:
            return
        left -= part
        own = f"{order.provider_order_no[:24]}R{number}"
        yield Refund(
            provider="alipay",
            merchant=order.merchant,
            provider_refund_no=order.provider_order_no if cancelled else own,
            provider_order_no=order.provider_order_no,
            amount=part,
            state="REFUND_SUCCESS",
            created_at=draw(
                MOMENTS.filter(lambda at: at >= order.paid_at) | st.just(order.paid_at)
            ),
            details={"reason": draw(st.just("") | WORDS)},
        )


def moved_on_the_day(book):
    """What really moved, said in our words without a look at the bill."""
    end = MIDNIGHT + timedelta(days=1)
    for order in book.orders():
        if order.paid_at is not None and MIDNIGHT <= order.paid_at < end:
            yield order.provider_order_no, MovementKind.CHARGE, "", order.amount
    for refund in book.refunds():
        if MIDNIGHT <= refund.created_at < end:
            kind, number = MovementKind.REFUND, refund.provider_refund_no
            yield refund.provider_order_no, kind, number, refund.amount


@given(books(), RULES)
def test_a_bill_reads_as_what_moved(book, rules):
    statements = Statements(World(MovableClock(), book, KeyRing()), PARTIES, rules)

    *rows, totals = read(statements, "trade", read_trade_bill)
    funds = read(statements, "signcustomer", read_fund_bill)

    true = list(moved_on_the_day(book))
    assert Counter((r.order_no, r.kind, r.refund_no, r.fen) for r in rows) == Counter(true)
    assert isinstance(totals, BillTotals)
    assert totals.rows == len(true)
    fees = sum(row.fee_fen for row in rows)
    signed = sum(row.signed_fen for row in rows)
    assert (totals.charged_fen - totals.refunded_fen, totals.fee_fen) == (signed, fees)
    assert sum(row.fen for row in funds) == signed - fees - rules.withdrawn_daily_fen


def read(statements, kind, reader):
    """Download as anybody may, and read as our account does."""
    link = statements.link("http://127.0.0.1", kind, DAY)
    (file_id,) = parse_qs(urlsplit(link).query)["fileId"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bill"
        file.write_bytes(statements.file(file_id))
        return list(reader(str(file), seller_id=PARTIES.seller_id, day=DAY))
