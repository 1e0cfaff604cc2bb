"""Everything the memory store holds, with the keys that are unique for ever."""

from dataclasses import dataclass, field
from datetime import datetime

from adapters.persistence.memory.table import Table
from application.records import Caller, Evidence, Incident, Message, RawCallback, Request
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund


@dataclass(slots=True)
class Waiting:
    """A callback in the queue; `due_at` None: at once."""

    callback: RawCallback
    attempts: int = 0
    due_at: datetime | None = None
    dead: bool = False


@dataclass(slots=True)
class ApiKey:
    """One key of one caller, live until `retired_at`."""

    hash: str
    caller: Caller
    retired_at: datetime | None = None

    def live(self, at: datetime) -> bool:
        return self.retired_at is None or at < self.retired_at


@dataclass(frozen=True, slots=True)
class Switch:
    """How a switch stands, and who turned it last."""

    on: bool
    turned_by: str
    turned_at: datetime


def _payments() -> Table[Payment]:
    return Table("payments", lambda p: p.id, provider_order_no=lambda p: p.provider_order_no)


def _refunds() -> Table[Refund]:
    return Table(
        "refunds",
        lambda r: r.id,
        provider_refund_no=lambda r: (r.payment_id, r.provider_refund_no),
        refund_no=lambda r: (r.app, r.refund_no),
    )


def _messages() -> Table[Message]:
    return Table("events", lambda m: m.id, sequence=lambda m: (m.order_id, m.sequence))


@dataclass(slots=True)
class Tables:
    """The whole state; only commits and the queue change it, each in one step of the loop."""

    payments: Table[Payment] = field(default_factory=_payments)
    refunds: Table[Refund] = field(default_factory=_refunds)
    orders: Table[Order] = field(
        default_factory=lambda: Table("orders", lambda o: (o.app, o.order_no))
    )
    requests: Table[Request] = field(
        default_factory=lambda: Table("requests", lambda r: (r.app, r.route, r.key))
    )
    messages: Table[Message] = field(default_factory=_messages)
    evidence: Table[Evidence] = field(default_factory=lambda: Table("evidence", lambda e: e.id))
    incidents: Table[Incident] = field(default_factory=lambda: Table("incidents", lambda i: i.id))
    inbox: Table[Waiting] = field(default_factory=lambda: Table("inbox", lambda w: w.callback.id))
    api_keys: Table[ApiKey] = field(default_factory=lambda: Table("api_keys", lambda k: k.hash))
    switches: dict[str, Switch] = field(default_factory=dict)
    #: Orders that somebody asks about: which version of them, and until when.
    claims: dict[str, tuple[int, datetime]] = field(default_factory=dict)
