"""Records as testers read them, every time in UTC."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from adapters.providers.sandbox.records import Callback, Order, Refund


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


Row = TypeVar("Row", OrderRow, RefundRow, CallbackRow)


def row(kind: type[Row], record: Order | Refund | Callback) -> Row:
    """Take what a row shows; its times in UTC, whatever zone a merchant wrote them in."""
    values = {name: getattr(record, name) for name in kind.__struct_fields__}
    times = {name: each for name, each in values.items() if isinstance(each, datetime)}
    return kind(**values | {name: at.astimezone(UTC) for name, at in times.items()})
