"""Several workers: whose turn it is to ask about an order, and who does what only one may do."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("payments", "refunds"):
        # Nullable and without a default: no row is touched.
        op.add_column(table, sa.Column("claimed_until", sa.BigInteger(), nullable=True))
    op.create_table(
        "leases",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def downgrade() -> None:
    op.drop_table("leases")
    for table in ("payments", "refunds"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("claimed_until")
