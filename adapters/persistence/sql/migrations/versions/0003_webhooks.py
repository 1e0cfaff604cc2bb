"""Webhooks: the apps' endpoints, and the way of each event to them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WAITING = sa.text("status = 'waiting'")
BY_ITSELF = sa.text("cause = 'event'")


def upgrade() -> None:
    _create_endpoints()
    _create_deliveries()
    _index_deliveries()


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")


def _create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("types", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("quiet_until", sa.BigInteger(), nullable=False),
        sa.Column("giving_up_since", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'paused', 'disabled')", name="ck_webhook_endpoints_status"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )
    op.create_index("ix_webhook_endpoints_app_id", "webhook_endpoints", ["app", "id"])


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("claim", TEXT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'delivered', 'given_up')", name="ck_webhook_deliveries_status"
        ),
        sa.CheckConstraint("cause IN ('event', 'redelivery')", name="ck_webhook_deliveries_cause"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )


def _index_deliveries() -> None:
    for name, columns in (
        ("ix_webhook_deliveries_endpoint_id_id", ["endpoint_id", "id"]),
        ("ix_webhook_deliveries_claim", ["claim"]),
    ):
        op.create_index(name, "webhook_deliveries", columns)
    for name, columns, condition, unique in (
        ("ix_webhook_deliveries_due", ["endpoint_id", "due_at", "id"], WAITING, False),
        ("ix_webhook_deliveries_order", ["endpoint_id", "order_id", "sequence"], WAITING, False),
        ("uq_webhook_deliveries_waiting", ["endpoint_id", "event_id"], WAITING, True),
        ("uq_webhook_deliveries_first", ["endpoint_id", "event_id"], BY_ITSELF, True),
    ):
        op.create_index(
            name,
            "webhook_deliveries",
            columns,
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
