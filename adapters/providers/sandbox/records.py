"""What a simulated provider remembers: orders, refunds, callbacks and bills, as frozen records."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec


class Code(msgspec.Struct, frozen=True):
    """What leads a payer to an order until it goes stale: a QR code's text, a page's address,
    the number a wallet's own sheet opens with, or the payment code that was charged.
    """

    url: str
    expires_at: datetime


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A payment order as its provider sees it; `state` is the provider's own word."""

    provider: str
    merchant: str
    provider_order_no: str
    amount: int  # fen
    subject: str
    state: str
    created_at: datetime
    product: str = ""  # native, jsapi, h5, code, …: the second half of basepay's methods
    expires_at: datetime | None = None
    codes: tuple[Code, ...] = ()
    notify_url: str | None = None
    provider_transaction_id: str | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    charges: int = 0  # how many times money was taken
    # JSON values only this provider understands: the request as sent, the payer, …
    details: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """Identify this order among all of both providers."""
        return order_key(self.provider, self.provider_order_no)


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as its provider sees it."""

    provider: str
    merchant: str
    provider_refund_no: str
    provider_order_no: str
    amount: int  # fen
    state: str
    created_at: datetime
    provider_refund_id: str | None = None
    settles_at: datetime | None = None  # due then; None: nothing is left to happen
    succeeded_at: datetime | None = None
    notify_url: str | None = None
    details: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """Identify this refund; Alipay's numbers are unique per order only."""
        return refund_key(self.provider, self.provider_order_no, self.provider_refund_no)


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A message the provider owes to a merchant, with what became of it so far.

    `content` is rendered and signed afresh by its provider for every attempt.
    """

    id: str
    provider: str
    provider_order_no: str
    event: str
    url: str
    content: dict[str, Any]
    created_at: datetime
    next_at: datetime | None  # business time; None: delivered or given up
    attempts: int = 0
    postponed: bool = False
    delivered_at: datetime | None = None
    last_answer: str | None = None

    @property
    def key(self) -> str:
        """Identify this callback."""
        return self.id


class EntryKind(StrEnum):
    """What moved."""

    CHARGE = "charge"
    REVERSAL = "reversal"  # of a charge, all of it
    REFUND = "refund"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a daily bill, before its provider writes it."""

    kind: EntryKind
    order: Order
    refund: Refund | None = None
    fen: int  # what moved, whichever way
    fee_fen: int = 0  # what the provider keeps; negative: gives back
    at: datetime  # decides its day
    garbled: bool = False  # its amount can't be read
    balance_fen: int | None = None  # what the balance moved by, if not by `fen`

    @property
    def key(self) -> str:
        """Identify what moved."""
        refund_no = self.refund.provider_refund_no if self.refund else ""
        return f"{self.order.provider_order_no}/{self.kind}/{refund_no}"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How a bill departs from the truth: `taken` is not told, `given` is told instead."""

    fault: str
    taken: Entry | None = None
    taken_from: date
    given: Entry | None = None
    given_on: date


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """A day's bill that was made, with everything that was planted in it."""

    provider: str
    day: date  # China time
    changes: tuple[Change, ...] = ()

    @property
    def key(self) -> str:
        """Identify this bill."""
        return bill_key(self.provider, self.day)


Record = Order | Refund | Callback | Bill


def order_key(provider: str, provider_order_no: str) -> str:
    """Name an order in the book."""
    return f"{provider}/{provider_order_no}"


def refund_key(provider: str, provider_order_no: str, provider_refund_no: str) -> str:
    """Name a refund in the book."""
    return f"{provider}/{provider_order_no}/{provider_refund_no}"


def bill_key(provider: str, day: date) -> str:
    """Name a bill in the book."""
    return f"{provider}/{day}"
