"""Runs the revisions on the connection that `migrate.upgrade` brings."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    render_as_batch=True,  # SQLite can't alter a table in place
    # On SQLite all of them are one transaction; PostgreSQL is in use meanwhile.
    transaction_per_migration=context.config.attributes["connection"].dialect.name != "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
