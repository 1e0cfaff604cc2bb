"""The plain records that pass through ports: callbacks, messages, evidence, requests, pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from domain.events import AnyEventType, IncidentKind
from domain.method import Provider
from domain.outcome import Outcome, RefundOutcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RawCallback:
    """A provider's message exactly as it arrived; what travels over the event platform."""

    id: str
    provider: Provider
    account: str
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False)
    received_at: datetime  # wall time, for the replay window


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """A verified callback about one payment; Unknown means: ask now."""

    provider_order_no: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RefundNews:
    """A verified callback about one refund; Unknown means: ask now."""

    provider_refund_no: str
    provider_order_no: str
    outcome: RefundOutcome


@dataclass(frozen=True, slots=True)
class NoNews:
    """Genuine, and not about an order (a probe, an unpaid status)."""


News = PaymentNews | RefundNews | NoNews


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider wants to hear back."""

    status: int
    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to business systems; `id` is the same over every redelivery."""

    id: str  # evt_…
    app: str
    type: AnyEventType
    order_id: str  # pay_…, ref_…, or rec_… in an event of the operators
    sequence: int
    occurred_at: datetime
    late: bool
    data: bytes = field(repr=False)  # JSON: the order exactly as the API returned it at the commit
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a provider said: a callback's raw bytes, or the trace of an answer."""

    id: str
    order_id: str | None
    source: str  # callback, start, query, close, refund, …
    text: str  # request id and code, or the verdict
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that a person must look at."""

    id: str
    kind: IncidentKind
    app: str | None
    order_id: str | None
    detail: str
    created_at: datetime


Record = Message | Evidence | Incident


@dataclass(slots=True, kw_only=True)
class Request:
    """One idempotency key in use: claimed together with the order that it created."""

    app: str
    route: str
    key: str
    fingerprint: str  # SHA-256 of the body
    order_id: str  # the payment or refund that this request created or found
    created_at: datetime
    leased_until: datetime  # after that a repetition resumes it
    status: int | None = None  # HTTP status of the first answer
    body: bytes = field(default=b"", repr=False)
    version: int = 0


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first answer to an idempotency key, as it is repeated."""

    fingerprint: str  # SHA-256 of the body it answers
    status: int
    body: bytes = field(repr=False)
    order_id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an app, or an operator, who reads all apps."""

    name: str
    operator: bool = False


#: The app name of operators' own events, which no list shows.
OPERATOR = "_operator"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to list; None means any. `cursor` is the last id of the page before."""

    app: str | None = None
    id: str | None = None
    status: str | None = None
    method: str | None = None
    account: str | None = None
    order_no: str | None = None
    payment_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    cursor: str | None = None
    limit: int = 50  # 1–200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Newest first; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None = None
