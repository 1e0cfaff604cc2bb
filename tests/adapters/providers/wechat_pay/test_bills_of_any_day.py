"""Any book, its bills, our readers: what comes out is what moved."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.china_days import start_of
from adapters.providers.sandbox.records import Entry, EntryKind, Order, Refund
from adapters.providers.wechat_pay.fund_bill import read_fund_bill
from adapters.providers.wechat_pay.sandbox.bill_day import entries_of, invented, net
from adapters.providers.wechat_pay.sandbox.bill_text import packed
from adapters.providers.wechat_pay.sandbox.fund_bill import fund_bill
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_bill import ALL, REFUND, SUCCESS, trade_bill
from adapters.providers.wechat_pay.trade_bill import read_trade_bill
from domain.bill import BillRow, BillTotals, FundRow, MovementKind
from tests.adapters.providers.wechat_pay.bill_samples import a_file

DAY = date(2026, 3, 10)
MADE_AT = start_of(DAY + timedelta(days=1)) + timedelta(hours=9)

KINDS = {
    EntryKind.CHARGE: MovementKind.CHARGE,
    EntryKind.REFUND: MovementKind.REFUND,
    EntryKind.REVERSAL: MovementKind.REVERSAL,
}
TYPES = {
    ALL: tuple(EntryKind),
    SUCCESS: (EntryKind.CHARGE,),
    REFUND: (EntryKind.REFUND, EntryKind.REVERSAL),
}

#: From the evening before to the morning after.
moments = st.integers(-7200, 86_400 + 7200).map(
    lambda seconds: start_of(DAY) + timedelta(seconds=seconds)
)
rules = st.builds(
    WeChatPaySandboxSettings,
    fee_rate=st.sampled_from([Decimal(0), Decimal("0.0038"), Decimal("0.006"), Decimal("0.01")]),
    refund_returns_fee=st.booleans(),
    fund_bill_is_net=st.booleans(),
    full_width_brackets=st.booleans(),
    withdrawn_daily_fen=st.sampled_from([0, 12345]),
)
words = st.text(st.sampled_from("茶a,\"'`\n\r\t;0.元（"), min_size=1, max_size=12)


@st.composite
def books(draw, settings: WeChatPaySandboxSettings) -> Book:
    book = Book()
    for place in range(draw(st.integers(0, 8))):
        at, fen = draw(moments), draw(st.integers(1, 10**8))
        order = invented(settings, f"d1{place:026}", fen, at)
        details = order.details | {"request": {**order.details["request"], "attach": draw(words)}}
        state = draw(st.sampled_from(["SUCCESS", "REFUND", "REVOKED"]))
        closed_at = draw(moments) if state == "REVOKED" else None
        order = Order(
            **{name: getattr(order, name) for name in order.__struct_fields__}
            | {"subject": draw(words), "details": details, "state": state, "closed_at": closed_at}
        )
        book.keep(order)
        if state == "REFUND":
            book.keep(*draw(refunds(order)))
    return book


@st.composite
def refunds(draw, order: Order) -> Sequence[Refund]:
    made = []
    for place in range(draw(st.integers(1, 3))):
        at = draw(moments)
        state = draw(st.sampled_from(["SUCCESS", "PROCESSING", "CLOSED", "ABNORMAL"]))
        made.append(
            Refund(
                provider=order.provider,
                merchant=order.merchant,
                provider_refund_no=f"d1R{order.provider_order_no[-3:]}{place}",
                provider_order_no=order.provider_order_no,
                amount=draw(st.integers(1, order.amount)),
                state=state,
                created_at=at,
                provider_refund_id=f"5{order.provider_order_no[-3:]}{place}",
                succeeded_at=at if state == "SUCCESS" else None,
            )
        )
    return made


def told(entry: Entry) -> tuple[object, ...]:
    refund_no = entry.refund.provider_refund_no if entry.refund else ""
    key = entry.order.provider_order_no, KINDS[entry.kind], refund_no
    return key, entry.fen, entry.fee_fen, entry.at.replace(microsecond=0)


def read(row: object) -> tuple[object, ...]:
    assert isinstance(row, BillRow)
    return row.key, row.fen, row.fee_fen, row.at


@given(st.data(), rules, st.booleans(), st.sampled_from(sorted(TYPES)))
@settings(max_examples=150, deadline=None)
def test_a_trade_bill_tells_what_moved(tmp_path_factory, data, rules, zipped, bill_type):
    entries = entries_of(data.draw(books(rules)), rules, DAY)
    wanted = [entry for entry in entries if entry.kind in TYPES[bill_type]]

    content = trade_bill(entries, bill_type, rules, MADE_AT)

    if content is None:
        assert not wanted
        return
    path = kept(tmp_path_factory, content, zipped=zipped)
    *rows, totals = read_trade_bill(path, mchid=rules.mchid, day=DAY)
    assert Counter(map(read, rows)) == Counter(map(told, wanted))
    assert totals == BillTotals(
        rows=len(wanted),
        charged_fen=sum(each.fen for each in wanted if each.kind is EntryKind.CHARGE),
        refunded_fen=sum(each.fen for each in wanted if each.kind is not EntryKind.CHARGE),
        fee_fen=sum(each.fee_fen for each in wanted),
    )


@given(st.data(), rules, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_fund_flow_bill_tells_what_the_balance_moved_by(tmp_path_factory, data, rules, zipped):
    book = data.draw(books(rules))
    entries = entries_of(book, rules, DAY)
    content = fund_bill(entries, book, rules, DAY)
    if content is None:
        return
    trade = trade_bill(entries, ALL, rules, MADE_AT)
    path = kept(tmp_path_factory, trade or b"")
    rows = list(read_trade_bill(path, mchid=rules.mchid, day=DAY)) if trade else []

    moved: Counter[str] = Counter()
    for fund in read_fund_bill(kept(tmp_path_factory, content, zipped=zipped), day=DAY):
        assert isinstance(fund, FundRow)
        if fund.kind not in ("refund_closed", "other"):
            moved[fund.funds_no] += fund.fen

    assert moved.total() == sum(map(net, entries))
    assert {row.funds_no for row in rows if isinstance(row, BillRow)} >= moved.keys()


def kept(folders, content: bytes, *, zipped: bool = False) -> str:
    folder: Path = folders.getbasetemp()
    return a_file(folder, packed(content) if zipped else content)
