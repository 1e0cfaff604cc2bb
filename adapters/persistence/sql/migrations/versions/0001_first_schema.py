"""The first schema: payments, refunds, orders, idempotency keys, outbox, evidence, inbox, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_payments()
    _create_refunds()
    _create_orders()
    _create_requests()
    _create_events()
    _create_evidence()
    _create_incidents()
    _create_inbox()
    _create_api_keys()


def downgrade() -> None:
    for table in (
        "api_keys",
        "inbox",
        "incidents",
        "evidence",
        "events",
        "requests",
        "orders",
        "refunds",
        "payments",
    ):
        op.drop_table(table)


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charged_amount", sa.BigInteger(), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("provider_order_no", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.LargeBinary(), nullable=False),
        sa.Column("client_ip", TEXT, nullable=True),
        sa.Column("return_url", TEXT, nullable=True),
        sa.Column("metadata", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", TEXT, nullable=True),
        sa.Column("app_id", TEXT, nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("action", sa.LargeBinary(), nullable=True),
        sa.Column("failure", sa.LargeBinary(), nullable=True),
        sa.Column("provider_transaction_id", TEXT, nullable=True),
        sa.Column("paid_by", TEXT, nullable=True),
        sa.Column("payer_amount", sa.BigInteger(), nullable=True),
        sa.Column("settled_amount", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("closing", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("reversed", sa.Boolean(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("superseded_by", TEXT, nullable=True),
        sa.Column("duplicate_of", TEXT, nullable=True),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("reserved_amount", sa.BigInteger(), nullable=False),
        sa.Column("excess_amount", sa.BigInteger(), nullable=False),
        sa.Column("refund_count", sa.BigInteger(), nullable=False),
        sa.Column("next_refund_at", sa.BigInteger(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status <> 'succeeded'"
            " OR (succeeded_at IS NOT NULL AND provider_transaction_id IS NOT NULL)",
            name="ck_payments_proven",
        ),
        sa.CheckConstraint(
            "status IN ('created', 'succeeded', 'failed', 'closed')", name="ck_payments_status"
        ),
        sa.CheckConstraint("amount > 0", name="ck_payments_amount"),
        sa.CheckConstraint(
            "charged_amount > 0 AND charged_amount <= amount", name="ck_payments_charged"
        ),
        sa.CheckConstraint("excess_amount >= 0", name="ck_payments_excess"),
        sa.CheckConstraint("refunded_amount >= 0", name="ck_payments_refunded"),
        sa.CheckConstraint(
            "reserved_amount + refunded_amount <= amount + excess_amount",
            name="ck_payments_refundable",
        ),
        sa.CheckConstraint("reserved_amount >= 0", name="ck_payments_reserved"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("provider_order_no", name="uq_payments_provider_order_no"),
    )
    op.create_index("ix_payments_app_id", "payments", ["app", "id"])
    op.create_index("ix_payments_app_order_no", "payments", ["app", "order_no"])
    op.create_index(
        "ix_payments_due",
        "payments",
        ["next_check_at"],
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )


def _create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("refund_no", TEXT, nullable=False),
        sa.Column("payment_id", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charged_amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("initiated_by", TEXT, nullable=False),
        sa.Column("provider_refund_no", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("failure", sa.LargeBinary(), nullable=True),
        sa.Column("provider_refund_id", TEXT, nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("stuck", sa.Boolean(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status <> 'succeeded' OR succeeded_at IS NOT NULL", name="ck_refunds_proven"
        ),
        sa.CheckConstraint(
            "status IN ('created', 'succeeded', 'failed', 'closed')", name="ck_refunds_status"
        ),
        sa.CheckConstraint("amount > 0", name="ck_refunds_amount"),
        sa.CheckConstraint(
            "charged_amount >= 0 AND charged_amount <= amount", name="ck_refunds_charged"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_refunds_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("app", "refund_no", name="uq_refunds_app_refund_no"),
        sa.UniqueConstraint("provider_refund_no", name="uq_refunds_provider_refund_no"),
    )
    op.create_index("ix_refunds_app_id", "refunds", ["app", "id"])
    op.create_index(
        "ix_refunds_due",
        "refunds",
        ["next_check_at"],
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("app", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("current", TEXT, nullable=False),
        sa.Column("winner", TEXT, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app", "order_no", name="pk_orders"),
    )


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("app", TEXT, nullable=False),
        sa.Column("route", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app", "route", "key", name="pk_requests"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sa.UniqueConstraint("order_id", "sequence", name="uq_events_order_id_sequence"),
    )
    op.create_index("ix_events_app_id", "events", ["app", "id"])
    op.create_index(
        "ix_events_unpublished",
        "events",
        ["position"],
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_order_id", "evidence", ["order_id"])


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_app_id", "incidents", ["app", "id"])


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_inbox"),
        sa.UniqueConstraint("id", name="uq_inbox_id"),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["position"],
        sqlite_where=sa.text("dead = 0"),
        postgresql_where=sa.text("dead = false"),
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_name_operator", "api_keys", ["name", "operator"])
