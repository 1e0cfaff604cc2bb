"""Reconciliation: runs, what they found, bills as evidence, and the way to what moved money."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sql import online

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TO_DO = sa.text("status IN ('waiting', 'running')")

#: Index, table, instant, and which rows it holds.
MOVED = (
    ("ix_payments_succeeded", "payments", "succeeded_at", "succeeded_at IS NOT NULL"),
    ("ix_payments_reversed", "payments", "created_at", "reversed = true"),
    ("ix_refunds_accepted", "refunds", "accepted_at", "accepted_at IS NOT NULL"),
    ("ix_refunds_succeeded", "refunds", "succeeded_at", "succeeded_at IS NOT NULL"),
)


def upgrade() -> None:
    if online.is_postgres():
        with op.get_context().autocommit_block():
            for name, table, instant, where in MOVED:
                online.index(name, table, f"account, {instant}", where=where)
    else:
        for name, table, instant, where in MOVED:
            condition = sa.text(where.replace("true", "1"))
            op.create_index(name, table, ["account", instant], sqlite_where=condition)
    _create_runs()
    _create_discrepancies()
    _create_carries()
    _create_bills()


def downgrade() -> None:
    for table in (
        *("bill_parts", "bills", "carries"),
        *("discrepancy_trail", "discrepancies", "reconciliations"),
    ):
        op.drop_table(table)
    for name, table, *_ in MOVED:
        op.drop_index(name, table)


def _create_runs() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_by", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.BigInteger(), nullable=False),
        sa.Column("failure", TEXT, nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'finished', 'failed')",
            name="ck_reconciliations_status",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
        sa.UniqueConstraint("account", "day", name="uq_reconciliations_account_day"),
    )
    op.create_index("ix_reconciliations_day_id", "reconciliations", ["day", "id"])
    op.create_index(
        "ix_reconciliations_due",
        "reconciliations",
        ["day", "id"],
        sqlite_where=TO_DO,
        postgresql_where=TO_DO,
    )


def _create_discrepancies() -> None:
    op.create_table(
        "discrepancies",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("class", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("refund_no", TEXT, nullable=False),
        sa.Column("nth", sa.BigInteger(), nullable=False),
        sa.Column("ours_fen", sa.BigInteger(), nullable=True),
        sa.Column("bill_fen", sa.BigInteger(), nullable=True),
        sa.Column("fee_fen", sa.BigInteger(), nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("raw", TEXT, nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("resolution", TEXT, nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'awaiting_approval', 'resolved')", name="ck_discrepancies_status"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliations.id"], name="fk_discrepancies_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_discrepancies"),
        sa.UniqueConstraint(
            *("run_id", "order_no", "nth", "class", "kind", "refund_no"),
            name="uq_discrepancies_what",
        ),
    )
    op.create_index("ix_discrepancies_run_id_id", "discrepancies", ["run_id", "id"])
    op.create_index(
        "ix_discrepancies_run_id_status_id", "discrepancies", ["run_id", "status", "id"]
    )
    op.create_index("ix_discrepancies_status_id", "discrepancies", ["status", "id"])
    op.create_table(
        "discrepancy_trail",
        sa.Column("discrepancy_id", TEXT, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("did", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancies.id"], name="fk_discrepancy_trail_discrepancy_id"
        ),
        sa.PrimaryKeyConstraint("discrepancy_id", "place", name="pk_discrepancy_trail"),
    )


def _create_carries() -> None:
    op.create_table(
        "carries",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("kept_by", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("refund_no", TEXT, nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("settled_fen", sa.BigInteger(), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("carried_from", TEXT, nullable=True),
        sa.Column("from_day", TEXT, nullable=False),
        sa.Column("settled_day", TEXT, nullable=True),
        sa.CheckConstraint("fen > 0", name="ck_carries_fen"),
        sa.PrimaryKeyConstraint(
            *("account", "kept_by", "order_no", "kind", "refund_no"), name="pk_carries"
        ),
    )
    op.create_index("ix_carries_account_from_day", "carries", ["account", "from_day"])


def _create_bills() -> None:
    op.create_table(
        "bills",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.CheckConstraint("kind IN ('trade', 'funds')", name="ck_bills_kind"),
        sa.PrimaryKeyConstraint("account", "day", "kind", name="pk_bills"),
    )
    op.create_index("ix_bills_day", "bills", ["day"])
    op.create_table(
        "bill_parts",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("account", "day", "kind", "content", "place"), name="pk_bill_parts"
        ),
    )
    op.create_index("ix_bill_parts_day", "bill_parts", ["day"])
