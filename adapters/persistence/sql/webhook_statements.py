"""The statements of webhooks, compiled once like all others."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Executable,
    bindparam,
    delete,
    exists,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.persistence.sql.statements import KEY, Prepared, prepare
from adapters.persistence.sql.tables import events
from adapters.persistence.sql.webhook_tables import (
    WAITING,
    webhook_deliveries,
    webhook_endpoints,
)

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

#: The same table once more: the deliveries that go before.
_before = webhook_deliveries.alias("earlier")

FILTERS: dict[str, ColumnElement[bool]] = {
    "status": webhook_deliveries.c.status == bindparam("status"),
    "event_id": webhook_deliveries.c.event_id == bindparam("event_id"),
    "cursor": webhook_deliveries.c.id < bindparam("cursor"),
}


class WebhookStatements:
    """All statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def ready(statement: Executable, columns: list[str] | None = None) -> Prepared:
            return prepare(statement, dialect, columns)

        endpoints, deliveries = webhook_endpoints, webhook_deliveries
        by_id = endpoints.c.id == bindparam("id")
        into = _INSERTS[dialect.name]
        self.endpoint = ready(select(endpoints).where(by_id))
        of_app = select(endpoints).where(endpoints.c.app == bindparam("app"))
        self.endpoints_of = ready(of_app.order_by(endpoints.c.id))
        names = [column.name for column in endpoints.columns]
        self.insert_endpoint = ready(into(endpoints).inline(), names)
        self.update_endpoint = ready(_replace(endpoints), [n for n in names if n != "id"])
        self.delete_endpoint = ready(delete(endpoints).where(by_id))
        of_endpoint = deliveries.c.endpoint_id == bindparam("id")
        self.delete_deliveries = ready(delete(deliveries).where(of_endpoint))

        names = [column.name for column in deliveries.columns]
        self.put = ready(into(deliveries).inline().on_conflict_do_nothing(), names)
        self.hasten = ready(_hasten())
        self.due = ready(_due_endpoints())
        self.claim = ready(_claim())
        self.claimed = ready(_claimed())
        self.keep = ready(_replace(deliveries), [name for name in names if name != "id"])

        #: One page of the log by the names of the filters given.
        self.listing = cache(lambda given: _listing(given, dialect))


def _replace(table: Any) -> Executable:
    """Change the row only if its version is the one before that of the new values."""
    unchanged = table.c.version + literal_column("1") == bindparam(KEY + "version")
    return update(table).where(table.c.id == bindparam(KEY + "id"), unchanged)


def _hasten() -> Executable:
    """What is being sent just now keeps its own plan: it will be stored over this one."""
    same = (
        webhook_deliveries.c[name] == bindparam(KEY + name) for name in ("endpoint_id", "event_id")
    )
    waits = webhook_deliveries.c.status == WAITING
    later = webhook_deliveries.c.due_at > bindparam(KEY + "due_at")
    sooner = update(webhook_deliveries).where(*same, waits, later)
    return sooner.values(due_at=bindparam("due_at"))


def _sends() -> tuple[ColumnElement[bool], ...]:
    active = webhook_endpoints.c.status == literal_column("'active'")
    return active, webhook_endpoints.c.quiet_until <= bindparam("at")


def _offered() -> tuple[ColumnElement[bool], ...]:
    due = webhook_deliveries.c.due_at <= bindparam("at")
    free = webhook_deliveries.c.claimed_until <= bindparam("at")
    return webhook_deliveries.c.status == WAITING, due, free


def _due_endpoints() -> Executable:
    mine = webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id
    waits = exists(literal_column("1")).select_from(webhook_deliveries).where(mine, *_offered())
    return select(webhook_endpoints.c.id).where(*_sends(), waits)


def _claim() -> Executable:
    """Take what is free. Said once more outside, `free` holds against a rival who was faster."""
    deliveries = webhook_deliveries
    meant: ColumnElement[str] = bindparam("endpoint_id")
    sends = (
        exists(literal_column("1"))
        .select_from(webhook_endpoints)
        .where(webhook_endpoints.c.id == meant, *_sends())
    )
    held_back = (
        exists(literal_column("1"))
        .select_from(_before)
        .where(
            _before.c.endpoint_id == deliveries.c.endpoint_id,
            _before.c.order_id == deliveries.c.order_id,
            _before.c.status == WAITING,
            _before.c.sequence < deliveries.c.sequence,
        )
    )
    # A subquery could be run again for each row, and would then take more than `limit`.
    offered = (
        select(deliveries.c.id)
        .where(deliveries.c.endpoint_id == meant, *_offered(), sends, ~held_back)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)  # SQLite, with its one writer, leaves it out
        .cte("offered")
    )
    among_them = deliveries.c.id.in_(select(offered.c.id))
    taken = update(deliveries).where(among_them, *_offered())
    return taken.values(
        claim=bindparam("token"),
        claimed_until=bindparam("until"),
        version=deliveries.c.version + literal_column("1"),
    )


def _claimed() -> Executable:
    """The deliveries of one claim with their events, whose columns are prefixed."""
    prefixed = [column.label(f"event_{column.name}") for column in events.columns]
    ours = webhook_deliveries.c.claim == bindparam("token")
    with_event = webhook_deliveries.join(events, events.c.id == webhook_deliveries.c.event_id)
    found = select(webhook_deliveries, *prefixed).select_from(with_event)
    return found.where(ours).order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.id)


def _listing(given: frozenset[str], dialect: Dialect) -> Prepared:
    of_endpoint = webhook_deliveries.c.endpoint_id == bindparam("endpoint_id")
    wanted = [FILTERS[name] for name in sorted(given)]
    newest_first = select(webhook_deliveries).where(of_endpoint, *wanted)
    newest_first = newest_first.order_by(webhook_deliveries.c.id.desc())
    return prepare(newest_first.limit(bindparam("limit")), dialect)
