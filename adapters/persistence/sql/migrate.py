"""Brings a database to the schema this version wants, and says where it stands."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.engine import Connection

from adapters.persistence.sql.reconciliation_tables import metadata

#: The newest revision under `migrations/versions`, known here without loading alembic.
HEAD = "0006"

MIGRATIONS = Path(__file__).parent / "migrations"

#: Alembic's own table, made as it makes it.
_REVISION_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class SchemaOutdated(Exception):
    """The database is not yet at the revision that this version needs."""


class DatabaseUnusable(Exception):
    """The file can't be opened, or is no database; nothing was changed."""


def is_postgres(url: str) -> bool:
    """Whether the URL names a PostgreSQL database; it is not looked at any further."""
    return url.partition(":")[0] in ("postgresql", "postgres")


def database_path(url: str) -> Path:
    """The file behind `sqlite:///path`. Raises ValueError for anything else."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ValueError("database.url: expected sqlite:///path/to/file")
    return Path(parsed.database)


def current_revision(url: str) -> str | None:
    """The revision that is stored; None for a database that has none. Raises DatabaseUnusable."""
    path = database_path(url)
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"{path.parent} is not a directory; create it first")
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            return _revision(connection)
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(f"{path}: {error}") from None


def check(url: str) -> None:
    """Raises SchemaOutdated unless the database has what this version wants.

    Raises DatabaseUnusable.
    """
    check_revision(current_revision(url))


def suffices(stored: str | None) -> bool:
    """Whether this version can work over it: over its own revision, and over a later one.

    A revision only adds, so a process that dies in the middle of an upgrade starts again.
    """
    return stored is not None and stored >= HEAD


def check_revision(stored: str | None) -> None:
    """Raises SchemaOutdated if it lacks what this version wants."""
    if not suffices(stored):
        raise SchemaOutdated(
            f"The database is at revision {stored or 'none'}, basepay needs {HEAD}:"
            " run `basepay migrate`."
        )


def upgrade(url: str, *, password: str | None = None) -> None:
    """Create what is missing, or migrate; quick where nothing is to be done.

    Raises DatabaseUnusable.
    """
    if is_postgres(url):
        from adapters.persistence.sql.postgres import pool, schema

        schema.upgrade(pool.Address(url, password))
        return
    if suffices(current_revision(url)):
        return
    engine = create_engine(f"sqlite:///{database_path(url)}")
    try:
        with engine.begin() as connection:
            # One transaction: killed half-way, or met by a second process, nothing is half made.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if is_empty(connection):
                create(connection)
            else:
                migrate(connection)
    finally:
        engine.dispose()


def is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def create(connection: Connection) -> None:
    """The newest schema at once."""
    metadata.create_all(connection)
    connection.exec_driver_sql(_REVISION_TABLE)
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{HEAD}')")  # noqa: S608 -- ours


def migrate(connection: Connection) -> None:
    """Every revision that is missing."""
    from alembic import command  # 1.7 s, so only where there is something to migrate
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "head")


def _revision(connection: sqlite3.Connection) -> str | None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if "alembic_version" not in tables:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None
