"""The whole lifecycle: shares of the charge, refunds made elsewhere, agendas, switches."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sql import online

revision = "0002"
down_revision = "0001"

WAITING = sa.text("next_check_at IS NOT NULL")

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    if online.is_postgres():
        with op.get_context().autocommit_block():
            _upgrade_while_it_is_in_use()
    else:
        _upgrade_in_one_transaction()
    _create_switches()
    op.execute(
        "UPDATE incidents SET kind = 'external_refund' WHERE kind = 'reversed_after_success'"
    )


def _upgrade_while_it_is_in_use() -> None:
    op.execute("ALTER TABLE payments ADD COLUMN IF NOT EXISTS refunded_charge BIGINT")
    online.fill("payments", "refunded_charge = reserved_amount + refunded_amount")
    online.not_null("payments", "refunded_charge")
    online.check("payments", "ck_payments_refunded_charge", "refunded_charge >= 0")
    online.unique(
        "refunds", "uq_refunds_payment_id_provider_refund_no", "payment_id, provider_refund_no"
    )
    op.execute("ALTER TABLE refunds DROP CONSTRAINT IF EXISTS uq_refunds_provider_refund_no")
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_refunds_payment_id")
    for table in ("payments", "refunds"):
        due = "account, next_check_at, id"
        online.replace_index(f"ix_{table}_due", table, due, where=WAITING.text)


def _upgrade_in_one_transaction() -> None:
    _keep_shares_of_the_charge()
    _number_refunds_per_payment()
    for table in ("payments", "refunds"):
        op.create_index(
            f"ix_{table}_due", table, ["account", "next_check_at", "id"], sqlite_where=WAITING
        )


def downgrade() -> None:
    """Fails, and changes nothing, where two payments have refunds of the same number."""
    op.drop_table("switches")
    _number_refunds_everywhere()
    _forget_shares_of_the_charge()
    for table in ("payments", "refunds"):
        op.create_index(
            f"ix_{table}_due",
            table,
            ["next_check_at"],
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        )


def _keep_shares_of_the_charge() -> None:
    op.add_column("payments", sa.Column("refunded_charge", sa.BigInteger(), nullable=True))
    # Until now nothing was charged but what was owed.
    op.execute("UPDATE payments SET refunded_charge = reserved_amount + refunded_amount")
    op.drop_index("ix_payments_due", "payments")
    with op.batch_alter_table("payments") as batch:
        batch.alter_column("refunded_charge", nullable=False)
        batch.create_check_constraint("ck_payments_refunded_charge", "refunded_charge >= 0")


def _forget_shares_of_the_charge() -> None:
    op.drop_index("ix_payments_due", "payments")
    with op.batch_alter_table("payments") as batch:
        batch.drop_constraint("ck_payments_refunded_charge", type_="check")
        batch.drop_column("refunded_charge")


def _number_refunds_per_payment() -> None:
    op.drop_index("ix_refunds_due", "refunds")
    op.drop_index("ix_refunds_payment_id", "refunds")  # the unique key begins with it
    with op.batch_alter_table("refunds") as batch:
        batch.drop_constraint("uq_refunds_provider_refund_no", type_="unique")
        batch.create_unique_constraint(
            "uq_refunds_payment_id_provider_refund_no", ["payment_id", "provider_refund_no"]
        )


def _number_refunds_everywhere() -> None:
    op.drop_index("ix_refunds_due", "refunds")
    with op.batch_alter_table("refunds") as batch:
        batch.drop_constraint("uq_refunds_payment_id_provider_refund_no", type_="unique")
        batch.create_unique_constraint("uq_refunds_provider_refund_no", ["provider_refund_no"])
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])


def _create_switches() -> None:
    op.create_table(
        "switches",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("turned_by", TEXT, nullable=False),
        sa.Column("turned_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_switches"),
    )
