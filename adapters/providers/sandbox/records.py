"""What a simulated provider remembers: orders, refunds and callbacks, as frozen records."""

from datetime import datetime
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


Record = Order | Refund | Callback


def order_key(provider: str, provider_order_no: str) -> str:
    """Name an order in the book."""
    return f"{provider}/{provider_order_no}"


def refund_key(provider: str, provider_order_no: str, provider_refund_no: str) -> str:
    """Name a refund in the book."""
    return f"{provider}/{provider_order_no}/{provider_refund_no}"
