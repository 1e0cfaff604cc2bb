"""The tables of reconciliation, beside the others; with them the schema is whole."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy import column as sql_column

from adapters.persistence.sql.tables import Text
from adapters.persistence.sql.webhook_tables import metadata

__all__ = [
    "RUNNING",
    "WAITING",
    "bill_parts",
    "bills",
    "carries",
    "discrepancies",
    "discrepancy_trail",
    "metadata",
    "reconciliations",
]

WAITING: ColumnElement[str] = literal_column("'waiting'")
RUNNING: ColumnElement[str] = literal_column("'running'")

_TO_DO = sql_column("status").in_([WAITING, RUNNING])

# Days are ISO dates: they sort as they are read.
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("leased_until", BigInteger),
    Column("next_try_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("progress", BigInteger, nullable=False),
    Column("failure", Text, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint("account", "day"),
    CheckConstraint("status IN ('waiting', 'running', 'finished', 'failed')", name="status"),
    Index(None, "day", "id"),
    # The few that are to be executed, however many lie in the past.
    Index("ix_reconciliations_due", "day", "id", sqlite_where=_TO_DO, postgresql_where=_TO_DO),
)

# `kind` 0: of no movement. `attempt` is the last that saw it.
discrepancies = Table(
    "discrepancies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("reconciliations.id"), nullable=False),
    Column("account", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("kind", BigInteger, nullable=False),
    Column("refund_no", Text, nullable=False),
    Column("nth", BigInteger, nullable=False),
    Column("ours_fen", BigInteger),
    Column("bill_fen", BigInteger),
    Column("fee_fen", BigInteger),
    Column("order_id", Text),
    Column("detail", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("line", BigInteger),
    Column("status", Text, nullable=False),
    Column("resolution", Text),
    Column("found_at", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    # Begins with what a repeated run asks for.
    UniqueConstraint(
        *("run_id", "order_no", "nth", "class", "kind", "refund_no"), name="uq_discrepancies_what"
    ),
    CheckConstraint("status IN ('open', 'awaiting_approval', 'resolved')", name="status"),
    Index(None, "run_id", "id"),
    Index(None, "run_id", "status", "id"),
    Index(None, "status", "id"),
)

# Who did what about them, in order. Rows come and are never changed.
discrepancy_trail = Table(
    "discrepancy_trail",
    metadata,
    Column("discrepancy_id", Text, ForeignKey("discrepancies.id"), primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("why", Text, nullable=False),
)

# What the run of `kept_by` says of movements near midnight.
carries = Table(
    "carries",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kept_by", Text, primary_key=True),
    Column("order_no", Text, primary_key=True),
    Column("kind", BigInteger, primary_key=True),
    Column("refund_no", Text, primary_key=True),
    Column("fen", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("settled_fen", BigInteger),
    Column("test", Boolean, nullable=False),
    Column("carried_from", Text),
    Column("from_day", Text, nullable=False),
    Column("settled_day", Text),
    CheckConstraint("fen > 0", name="fen"),
    Index(None, "account", "from_day"),
)

# Bills as they were downloaded. `content` names the parts that are theirs.
bills = Table(
    "bills",
    metadata,
    Column("account", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    CheckConstraint("kind IN ('trade', 'funds')", name="kind"),
    Index(None, "day"),
)

bill_parts = Table(
    "bill_parts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Index(None, "day"),
)
