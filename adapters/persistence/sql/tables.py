"""The schema. Money is BIGINT fen, instants are BIGINT microseconds UTC, values are JSON bytes.

Only types that every driver passes through by itself: TEXT, BIGINT, BOOLEAN, BLOB. What must hold
of money is a CHECK here, so that a mistake in the code above is refused and can't be stored.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy import (
    column as sql_column,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

#: Sorted by its bytes on every machine, so that lists and indexes never depend on a locale.
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

#: Counts up by itself; SQLite does that for INTEGER only.
Position = BigInteger().with_variant(Integer, "sqlite")

STATUSES = "status IN ('created', 'succeeded', 'failed', 'closed')"


def _needed(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _only_where(name: str, *columns: str, condition: ColumnElement[bool]) -> Index:
    """An index over the few rows that wait for something, however many lie in the past."""
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _due(name: str) -> Index:
    """What must be asked about, account by account; `id` spares looking into the rows."""
    waiting = sql_column("next_check_at").is_not(None)
    return _only_where(name, "account", "next_check_at", "id", condition=waiting)


def _moved(name: str, instant: str) -> Index:
    """What moved money, account by account and in time: what a bill is held against."""
    return _only_where(name, "account", instant, condition=sql_column(instant).is_not(None))


payments = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("app", Text),
    _needed("order_no", Text),
    _needed("account", Text),
    _needed("method", Text),
    _needed("amount", BigInteger),
    _needed("charged_amount", BigInteger),
    _needed("subject", Text),
    _needed("provider_order_no", Text),
    _needed("created_at", BigInteger),
    _needed("expires_at", BigInteger),
    _needed("payer", LargeBinary),
    Column("client_ip", Text),
    Column("return_url", Text),
    _needed("metadata", LargeBinary),
    # Who is paid.
    Column("merchant_id", Text),
    Column("app_id", Text),
    # Exactly what the provider is sent.
    _needed("request", LargeBinary),
    _needed("status", Text),
    Column("action", LargeBinary),
    Column("failure", LargeBinary),
    # What the provider proved.
    Column("provider_transaction_id", Text),
    Column("paid_by", Text),
    Column("payer_amount", BigInteger),
    Column("settled_amount", BigInteger),
    Column("succeeded_at", BigInteger),
    _needed("closing", Boolean),
    _needed("late", Boolean),
    _needed("reversed", Boolean),
    _needed("parked", Boolean),
    Column("superseded_by", Text),
    Column("duplicate_of", Text),
    _needed("refunded_amount", BigInteger),
    _needed("reserved_amount", BigInteger),
    _needed("refunded_charge", BigInteger),
    _needed("excess_amount", BigInteger),
    _needed("refund_count", BigInteger),
    Column("next_refund_at", BigInteger),
    _needed("sequence", BigInteger),
    _needed("checks", BigInteger),
    Column("next_check_at", BigInteger),
    # Whose turn it is to ask; whatever is saved gives it back.
    Column("claimed_until", BigInteger),
    _needed("version", BigInteger),
    UniqueConstraint("provider_order_no"),
    CheckConstraint(STATUSES, name="status"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("charged_amount > 0 AND charged_amount <= amount", name="charged"),
    CheckConstraint("refunded_amount >= 0", name="refunded"),
    CheckConstraint("reserved_amount >= 0", name="reserved"),
    CheckConstraint("refunded_charge >= 0", name="refunded_charge"),
    CheckConstraint("excess_amount >= 0", name="excess"),
    # What we grant never exceeds what was paid; `excess` is what providers proved beyond it.
    CheckConstraint(
        "reserved_amount + refunded_amount <= amount + excess_amount", name="refundable"
    ),
    CheckConstraint(
        "status <> 'succeeded'"
        " OR (succeeded_at IS NOT NULL AND provider_transaction_id IS NOT NULL)",
        name="proven",
    ),
    _due("ix_payments_due"),
    _moved("ix_payments_succeeded", "succeeded_at"),
    _only_where(
        "ix_payments_reversed",
        "account",
        "created_at",
        condition=sql_column("reversed", Boolean) == true(),
    ),
    Index(None, "app", "id"),
    Index(None, "app", "order_no"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("app", Text),
    _needed("refund_no", Text),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    _needed("order_no", Text),
    _needed("account", Text),
    _needed("amount", BigInteger),
    _needed("charged_amount", BigInteger),
    _needed("reason", Text),
    _needed("initiated_by", Text),
    _needed("provider_refund_no", Text),
    _needed("created_at", BigInteger),
    _needed("request", LargeBinary),
    _needed("status", Text),
    Column("failure", LargeBinary),
    Column("provider_refund_id", Text),
    Column("sent_at", BigInteger),
    Column("accepted_at", BigInteger),
    Column("succeeded_at", BigInteger),
    _needed("stuck", Boolean),
    _needed("parked", Boolean),
    _needed("sequence", BigInteger),
    _needed("checks", BigInteger),
    Column("next_check_at", BigInteger),
    # Whose turn it is to ask; whatever is saved gives it back.
    Column("claimed_until", BigInteger),
    _needed("version", BigInteger),
    # Numbers given on the provider's own site are unique within the payment only.
    UniqueConstraint("payment_id", "provider_refund_no"),
    UniqueConstraint("app", "refund_no"),
    CheckConstraint(STATUSES, name="status"),
    CheckConstraint("amount > 0", name="amount"),
    # Under the 1-fen switch the share of a refund may be nothing at all.
    CheckConstraint("charged_amount >= 0 AND charged_amount <= amount", name="charged"),
    CheckConstraint("status <> 'succeeded' OR succeeded_at IS NOT NULL", name="proven"),
    _due("ix_refunds_due"),
    _moved("ix_refunds_accepted", "accepted_at"),
    _moved("ix_refunds_succeeded", "succeeded_at"),
    Index(None, "app", "id"),
)

# One row per app and order_no: where two payments meet, and one of them wins.
orders = Table(
    "orders",
    metadata,
    Column("app", Text, primary_key=True),
    Column("order_no", Text, primary_key=True),
    _needed("current", Text),
    Column("winner", Text),
    _needed("version", BigInteger),
)

# Idempotency keys in use.
requests = Table(
    "requests",
    metadata,
    Column("app", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _needed("fingerprint", Text),
    _needed("order_id", Text),
    _needed("created_at", BigInteger),
    _needed("leased_until", BigInteger),
    Column("status", BigInteger),
    _needed("body", LargeBinary),
    _needed("version", BigInteger),
)

# The outbox, kept for `/v1/events`. `position` is the order of commit.
events = Table(
    "events",
    metadata,
    Column("position", Position, primary_key=True),
    _needed("id", Text),
    _needed("app", Text),
    _needed("type", Text),
    _needed("order_id", Text),
    _needed("sequence", BigInteger),
    _needed("occurred_at", BigInteger),
    _needed("late", Boolean),
    _needed("data", LargeBinary),
    Column("published_at", BigInteger),
    UniqueConstraint("id"),
    UniqueConstraint("order_id", "sequence"),
    _only_where(
        "ix_events_unpublished", "position", condition=sql_column("published_at").is_(None)
    ),
    Index(None, "app", "id"),
)

# What providers said, word for word.
evidence = Table(
    "evidence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text),
    _needed("source", Text),
    _needed("text", Text),
    _needed("received_at", BigInteger),
    _needed("headers", LargeBinary),
    _needed("body", LargeBinary),
    Index(None, "order_id"),
)

# What a person must look at.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("kind", Text),
    Column("app", Text),
    Column("order_id", Text),
    _needed("detail", Text),
    _needed("created_at", BigInteger),
    Index(None, "app", "id"),
)

# Callbacks on their way from the gateway to the payment service. `due_at` 0: at once.
inbox = Table(
    "inbox",
    metadata,
    Column("position", Position, primary_key=True),
    _needed("id", Text),
    _needed("provider", Text),
    _needed("account", Text),
    _needed("headers", LargeBinary),
    _needed("body", LargeBinary),
    _needed("received_at", BigInteger),
    _needed("attempts", BigInteger),
    _needed("due_at", BigInteger),
    _needed("dead", Boolean),
    UniqueConstraint("id"),
    _only_where("ix_inbox_waiting", "position", condition=sql_column("dead", Boolean) == false()),
)

# Keys of apps and operators: only their SHA-256 (hex) is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("hash", Text, primary_key=True),
    _needed("name", Text),
    _needed("operator", Boolean),
    _needed("created_at", BigInteger),
    Column("retired_at", BigInteger),
    Index(None, "name", "operator"),
)

# Who does what only one may do at a time, by the clock of the database.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("owner", Text),
    _needed("until", BigInteger),
)

# What operators turn on and off at run time; without a row it is off.
switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    _needed("on", Boolean),
    _needed("turned_by", Text),
    _needed("turned_at", BigInteger),
)
