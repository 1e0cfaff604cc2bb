"""The tables of webhooks, beside those of money; with them the schema is whole."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Table,
    literal_column,
)
from sqlalchemy import column as sql_column

from adapters.persistence.sql.tables import Text, metadata

__all__ = ["BY_ITSELF", "WAITING", "metadata", "webhook_deliveries", "webhook_endpoints"]

#: Literal, as in the statements: a planner trusts no value that it does not see.
WAITING: ColumnElement[str] = literal_column("'waiting'")
BY_ITSELF: ColumnElement[str] = literal_column("'event'")

_WAITING = sql_column("status") == WAITING
_BY_ITSELF = sql_column("cause") == BY_ITSELF


def _only_where(
    name: str, *columns: str, condition: ColumnElement[bool], unique: bool = False
) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


# Secrets are sealed with `webhooks.seal_key`, which the database never sees.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("types", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),
    Column("old_secret_until", BigInteger),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("quiet_until", BigInteger, nullable=False),  # 0: never asked to be left alone
    Column("giving_up_since", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("status IN ('active', 'paused', 'disabled')", name="status"),
    Index(None, "app", "id"),
)

# One event on its way to one endpoint. `claimed_until` 0: nobody is sending it.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("claimed_until", BigInteger, nullable=False),
    Column("claim", Text),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("status IN ('waiting', 'delivered', 'given_up')", name="status"),
    CheckConstraint("cause IN ('event', 'redelivery')", name="cause"),
    Index(None, "endpoint_id", "id"),
    Index(None, "claim"),
    _only_where("ix_webhook_deliveries_due", "endpoint_id", "due_at", "id", condition=_WAITING),
    _only_where(
        "ix_webhook_deliveries_order", "endpoint_id", "order_id", "sequence", condition=_WAITING
    ),
    # An event waits at most once for one endpoint, and is queued by itself at most once.
    _only_where(
        "uq_webhook_deliveries_waiting",
        "endpoint_id",
        "event_id",
        condition=_WAITING,
        unique=True,
    ),
    _only_where(
        "uq_webhook_deliveries_first",
        "endpoint_id",
        "event_id",
        condition=_BY_ITSELF,
        unique=True,
    ),
)
