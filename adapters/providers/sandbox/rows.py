"""Records as testers read them, every time in UTC."""

from datetime import UTC, date, datetime
from typing import TypeVar

import msgspec

from adapters.providers.sandbox.records import Bill, Callback, Change, Entry, Order, Refund


class OrderRow(msgspec.Struct, frozen=True):
    """An order as `GET /sandbox/book` lists it."""

    provider: str
    merchant: str
    provider_order_no: str
    provider_transaction_id: str | None
    product: str
    amount: int  # fen
    subject: str
    state: str
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    charges: int


class RefundRow(msgspec.Struct, frozen=True):
    """A refund as `GET /sandbox/book` lists it."""

    provider: str
    merchant: str
    provider_refund_no: str
    provider_refund_id: str | None
    provider_order_no: str
    amount: int  # fen
    state: str
    created_at: datetime
    succeeded_at: datetime | None


class CallbackRow(msgspec.Struct, frozen=True):
    """A callback that is still to be delivered."""

    provider: str
    provider_order_no: str
    event: str
    attempts: int
    next_at: datetime | None
    last_answer: str | None


class EntryRow(msgspec.Struct, frozen=True):
    """One line of a bill; `day`: whose bill."""

    day: date
    provider_order_no: str
    kind: str
    provider_refund_no: str | None
    amount: int  # fen
    fee: int
    balance: int  # what the merchant's balance moved by, before fees
    at: datetime
    readable: bool


class PlantedRow(msgspec.Struct, frozen=True):
    """What a bill tells wrongly: what would be true (None: nothing), and what it says instead."""

    fault: str
    true: EntryRow | None
    told: EntryRow | None


class BillRow(msgspec.Struct, frozen=True):
    """A bill that was made, as `GET /sandbox/bills` lists it."""

    provider: str
    day: date
    planted: list[PlantedRow]


Row = TypeVar("Row", OrderRow, RefundRow, CallbackRow)


def row(kind: type[Row], record: Order | Refund | Callback) -> Row:
    """Take what a row shows; its times in UTC, whatever zone a merchant wrote them in."""
    values = {name: getattr(record, name) for name in kind.__struct_fields__}
    times = {name: each for name, each in values.items() if isinstance(each, datetime)}
    return kind(**values | {name: at.astimezone(UTC) for name, at in times.items()})


def bill_row(bill: Bill) -> BillRow:
    """Take what testers are shown of a bill."""
    return BillRow(bill.provider, bill.day, [_planted(change) for change in bill.changes])


def _planted(change: Change) -> PlantedRow:
    """A second copy of a row takes nothing away, and yet it is true once."""
    true = change.taken or (change.given if change.fault == "bill_row_duplicated" else None)
    return PlantedRow(
        fault=change.fault,
        true=_entry_row(true, change.taken_from) if true else None,
        told=_entry_row(change.given, change.given_on) if change.given else None,
    )


def _entry_row(entry: Entry, day: date) -> EntryRow:
    return EntryRow(
        day=day,
        provider_order_no=entry.order.provider_order_no,
        kind=entry.kind,
        provider_refund_no=entry.refund.provider_refund_no if entry.refund else None,
        amount=entry.fen,
        fee=entry.fee_fen,
        balance=entry.fen if entry.balance_fen is None else entry.balance_fen,
        at=entry.at.astimezone(UTC),
        readable=not entry.garbled,
    )
