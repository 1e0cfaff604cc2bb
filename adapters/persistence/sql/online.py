"""Changes of a big PostgreSQL table under which everybody goes on reading and writing.

For revisions, inside `op.get_context().autocommit_block()`: each statement is a transaction of its
own, and each can be repeated, so that a migration that gave up for a lock simply runs again.
"""

import sqlalchemy as sa
from alembic import op

#: Rows changed by one statement: some 0.1 s of locks on rows, and none on the table.
BATCH = 5_000


def is_postgres() -> bool:
    """Whether the revision runs where others write meanwhile."""
    return op.get_bind().dialect.name == "postgresql"


def fill(table: str, values: str) -> None:
    """`UPDATE table SET values` for all rows there are now, some at a time."""
    after: str | None = ""
    batch = f"SELECT id FROM {table} WHERE id > :after ORDER BY id LIMIT {BATCH}"  # noqa: S608 -- a revision's own words
    some = sa.text(
        f"WITH batch AS ({batch}), changed AS (UPDATE {table} SET {values}"  # noqa: S608 -- likewise
        " WHERE id IN (SELECT id FROM batch)) SELECT max(id) FROM batch"
    )
    while after is not None:
        after = op.get_bind().execute(some, {"after": after}).scalar()


def check(table: str, name: str, condition: str) -> None:
    """A CHECK: new rows obey at once, old ones are looked through without holding anybody up."""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def not_null(table: str, column: str) -> None:
    """NOT NULL, proven by a CHECK first, so that no scan holds the table."""
    proof = f"ck_{table}_{column}_is_there"
    check(table, proof, f"{column} IS NOT NULL")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {proof}")


def index(name: str, table: str, columns: str, *, where: str = "", unique: bool = False) -> None:
    """Build an index; one that was left half built is thrown away first."""
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    kind, only = "UNIQUE INDEX" if unique else "INDEX", f" WHERE {where}" if where else ""
    op.execute(f"CREATE {kind} CONCURRENTLY {name} ON {table} ({columns}){only}")


def replace_index(name: str, table: str, columns: str, *, where: str = "") -> None:
    """Build it beside the one of the same name; queries always have one of the two."""
    index(f"{name}_new", table, columns, where=where)
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")


def unique(table: str, name: str, columns: str) -> None:
    """A unique constraint over an index that was built beforehand."""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    index(name, table, columns, unique=True)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
