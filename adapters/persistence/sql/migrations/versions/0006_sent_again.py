"""When a refund was last sent again: what a refusal of the next sending may be hiding."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Nullable and without a default: no row is touched.
    op.add_column("refunds", sa.Column("sent_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("refunds") as batch:
        batch.drop_column("sent_at")
