"""Every statement, written once in SQLAlchemy Core and compiled once: text and order of values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Executable,
    Select,
    Table,
    Text,
    bindparam,
    case,
    delete,
    false,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.persistence.sql.tables import (
    api_keys,
    events,
    evidence,
    inbox,
    incidents,
    orders,
    payments,
    refunds,
    requests,
    switches,
)
from adapters.persistence.sql.values import Value
from application.records import OPERATOR

#: Values that tell an UPDATE which row is meant; they carry the name of their column behind this.
KEY = "key_"


#: Columns that no aggregate knows of.
OF_THE_DATABASE = ("position", "claimed_until")

#: Both know ON CONFLICT, and each wants to be asked in its own name.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled statement: what the driver gets, without another look by SQLAlchemy."""

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Value] = field(default_factory=dict)

    def bind(self, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """`values` in the order of their places. Raises KeyError if one is missing."""
        if self.constants:
            values = {**self.constants, **values}
        return tuple([values[name] for name in self.names])


def prepare(statement: Executable, dialect: Dialect, columns: list[str] | None = None) -> Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]  # every statement has it
    binds = {name: compiled.binds[name] for name in compiled.positiontup or ()}
    constants = {name: bind.value for name, bind in binds.items() if not bind.required}
    names = tuple(name.removeprefix(KEY) for name in compiled.positiontup or ())
    return Prepared(str(compiled), names, constants)


def _by(table: Table, *columns: str) -> Executable:
    return select(table).where(*(table.c[name] == bindparam(name) for name in columns))


def _insert(table: Table, dialect: Dialect) -> Prepared:
    columns = [column.name for column in table.columns if column.name not in OF_THE_DATABASE]
    return prepare(insert(table).inline(), dialect, columns)


def _insert_once(table: Table, dialect: Dialect) -> Prepared:
    """Skip a row whose `id` is there already."""
    columns = [column.name for column in table.columns if column.name not in OF_THE_DATABASE]
    insert_into = _INSERTS[dialect.name]
    once = insert_into(table).inline().on_conflict_do_nothing(index_elements=["id"])
    return prepare(once, dialect, columns)


def _put(table: Table, dialect: Dialect) -> Prepared:
    """Insert the row, or put it in the place of the one with its key."""
    columns = [column.name for column in table.columns]
    put = _INSERTS[dialect.name](table).inline()
    changed = {column.name: put.excluded[column.name] for column in table.columns}
    put = put.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
    return prepare(put, dialect, columns)


def _update(table: Table, dialect: Dialect) -> Prepared:
    """Change the row only if its version is the one before that of the new values."""
    keys = list(table.primary_key.columns)
    fixed = {*OF_THE_DATABASE, *(key.name for key in keys)}
    changed = [column.name for column in table.columns if column.name not in fixed]
    same = [column == bindparam(KEY + column.name) for column in keys]
    unchanged = table.c.version + literal_column("1") == bindparam(KEY + "version")
    saved = update(table).where(*same, unchanged)
    if "claimed_until" in table.columns:
        saved = saved.values(claimed_until=null())
    return prepare(saved, dialect, changed)


def _filters(table: Table, instant: str, **columns: str) -> dict[str, ColumnElement[bool]]:
    """What `records.Filter` means for `table`; `created_to` is exclusive, and so is the cursor."""
    equal = {name: table.c[column] == bindparam(name) for name, column in columns.items()}
    return equal | {
        "id": table.c.id == bindparam("id"),
        "created_from": table.c[instant] >= bindparam("created_from"),
        "created_to": table.c[instant] < bindparam("created_to"),
        "cursor": table.c.id < bindparam("cursor"),
    }


_ORDERS = {name: name for name in ("app", "status", "account", "order_no")}

FILTERS: dict[str, dict[str, ColumnElement[bool]]] = {
    "payments": _filters(payments, "created_at", method="method", payment_id="id", **_ORDERS),
    "refunds": {
        **_filters(refunds, "created_at", payment_id="payment_id", **_ORDERS),
        "method": select(payments.c.id)
        .where(payments.c.id == refunds.c.payment_id, payments.c.method == bindparam("method"))
        .exists(),
    },
    "events": {
        **_filters(events, "occurred_at", app="app", payment_id="order_id"),
        "status": or_(
            *(
                events.c.type == literal_column(f"'basepay.{kind}.'", Text) + bindparam("status")
                for kind in ("payment", "refund")
            )
        ),
    },
    "incidents": _filters(incidents, "created_at", app="app", payment_id="order_id"),
}

_LISTED: dict[str, tuple[Table, tuple[ColumnElement[bool], ...]]] = {
    "payments": (payments, ()),
    "refunds": (refunds, ()),
    "events": (events, (events.c.published_at.is_not(None), events.c.app != OPERATOR)),
    "incidents": (incidents, ()),
}


def _listing(name: str, given: frozenset[str], dialect: Dialect) -> Prepared:
    table, always = _LISTED[name]
    wanted = [FILTERS[name][each] for each in sorted(given)]
    newest_first = select(table).where(*always, *wanted).order_by(table.c.id.desc())
    return prepare(newest_first.limit(bindparam("limit")), dialect)


def _due(table: Table) -> Select[tuple[str]]:
    has_come = table.c.next_check_at <= bindparam("at")
    waiting = table.c.next_check_at.is_not(None)  # said aloud, it opens the partial index
    return select(table.c.id).where(table.c.account == bindparam("account"), waiting, has_come)


def _any_due(table: Table) -> Executable:
    return _due(table).order_by(table.c.next_check_at).limit(literal_column("1"))


def _take_due(table: Table, *, latest: bool = False) -> Executable:
    """Take what nobody holds. Who is locked out at this moment looks elsewhere.

    A subquery instead of the CTE could be run again for each row, and take more than `limit`.
    """
    free = or_(table.c.claimed_until.is_(None), table.c.claimed_until <= bindparam("at"))
    columns = (table.c.next_check_at, table.c.id)
    order = (column.desc() if latest else column.asc() for column in columns)
    due = _due(table).where(free).order_by(*order).limit(bindparam("limit"))
    offered = due.with_for_update(skip_locked=True).cte("offered")  # SQLite has one writer
    taken = update(table).where(table.c.id.in_(select(offered.c.id)))
    return taken.values(claimed_until=bindparam("until")).returning(*columns)


def _open_orders() -> Executable:
    """Both partial indexes begin with the account, and hold what waits only."""
    kinds = (select(t.c.account).where(t.c.next_check_at.is_not(None)) for t in (payments, refunds))
    waiting = union_all(*kinds).subquery()
    account = waiting.c.account
    return select(account, func.count().label("orders")).group_by(account)


def _give_back(table: Table) -> Executable:
    return update(table).where(table.c.id == bindparam("order_id")).values(claimed_until=null())


def _live(at: str) -> ColumnElement[bool]:
    return or_(api_keys.c.retired_at.is_(None), api_keys.c.retired_at > bindparam(at))


class Statements:
    """All statements for one dialect, which must name its values by their position."""

    def __init__(self, dialect: Dialect) -> None:
        def ready(statement: Executable) -> Prepared:
            return prepare(statement, dialect)

        kept = (payments, refunds, orders, requests)
        self.insert = {table.name: _insert(table, dialect) for table in (*kept, events, incidents)}
        self.update = {table.name: _update(table, dialect) for table in kept}
        self.insert_evidence = _insert_once(evidence, dialect)

        self.payment = ready(_by(payments, "id"))
        self.payment_numbered = ready(_by(payments, "provider_order_no"))
        self.refund = ready(_by(refunds, "id"))
        self.refund_numbered = ready(_by(refunds, "payment_id", "provider_refund_no"))
        self.refund_named = ready(_by(refunds, "app", "refund_no"))
        self.order = ready(_by(orders, "app", "order_no"))
        self.request = ready(_by(requests, "app", "route", "key"))

        self.unpublished = ready(_unpublished())
        self.publish = ready(_publish())
        self.announced = ready(_announced())
        self.any_payment_due = ready(_any_due(payments))
        self.any_refund_due = ready(_any_due(refunds))
        self.due_payments = ready(_take_due(payments))
        self.latest_payments = ready(_take_due(payments, latest=True))
        self.due_refunds = ready(_take_due(refunds))
        self.open_orders = ready(_open_orders())
        self.give_back = {"pay": ready(_give_back(payments)), "ref": ready(_give_back(refunds))}

        self.put_callback = _insert_once(inbox, dialect)
        self.any_callback_due = ready(_any_callback_due())
        self.due_callbacks = ready(_take_callbacks())
        self.drop_callback = ready(delete(inbox).where(inbox.c.id == bindparam("id")))
        self.postpone_callback = ready(_postpone())
        self.dead_callbacks = ready(_dead_callbacks())
        self.revive_callback = ready(_revive())

        self.insert_key = _insert(api_keys, dialect)
        self.key_holder = ready(_key_holder())
        self.retire_keys = ready(_retire_keys())
        self.callers = ready(_callers())

        self.switch = ready(_by(switches, "name"))
        self.turn_switch = _put(switches, dialect)

        #: A list by its table and the names of the filters given, compiled when first wanted.
        self.listing = cache(lambda name, given: _listing(name, given, dialect))


def _unpublished() -> Executable:
    waiting = select(events).where(events.c.published_at.is_(None))
    return waiting.order_by(events.c.position).limit(bindparam("limit"))


def _announced() -> Executable:
    published = events.c.published_at.is_not(None), events.c.id > bindparam("after")
    return select(events).where(*published).order_by(events.c.id).limit(bindparam("limit"))


def _publish() -> Executable:
    waiting = update(events).where(events.c.id == bindparam("id"), events.c.published_at.is_(None))
    return waiting.values(published_at=bindparam("at"))


def _due_callbacks() -> Select[tuple[str]]:
    return select(inbox.c.id).where(inbox.c.dead == false(), inbox.c.due_at <= bindparam("at"))


def _any_callback_due() -> Executable:
    return _due_callbacks().order_by(inbox.c.position).limit(literal_column("1"))


def _take_callbacks() -> Executable:
    """Take what is due, as with orders; what is taken is due again `until` then."""
    due = _due_callbacks().order_by(inbox.c.position).limit(bindparam("limit"))
    offered = due.with_for_update(skip_locked=True).cte("offered")
    taken = update(inbox).where(inbox.c.id.in_(select(offered.c.id)))
    return taken.values(due_at=bindparam("until")).returning(*inbox.columns)


def _dead_callbacks() -> Executable:
    dead = select(inbox).where(inbox.c.dead == true())
    return dead.order_by(inbox.c.position).limit(bindparam("limit"))


def _revive() -> Executable:
    meant = update(inbox).where(inbox.c.id == bindparam("id"), inbox.c.dead == true())
    return meant.values(attempts=0, due_at=0, dead=false()).returning(inbox.c.id)


def _postpone() -> Executable:
    meant = update(inbox).where(inbox.c.id == bindparam("id"))
    return meant.values(
        attempts=inbox.c.attempts + 1, due_at=bindparam("until"), dead=bindparam("is_dead")
    )


def _key_holder() -> Executable:
    holder = select(api_keys.c.name, api_keys.c.operator)
    return holder.where(api_keys.c.hash == bindparam("hash"), _live("at"))


def _retire_keys() -> Executable:
    of_caller = (
        api_keys.c.name == bindparam("caller"),
        api_keys.c.operator == bindparam("is_operator"),
    )
    others = update(api_keys).where(*of_caller, api_keys.c.hash != bindparam("keep"))
    return others.where(_live("after")).values(retired_at=bindparam("after"))


def _callers() -> Executable:
    live = func.sum(case((_live("at"), literal_column("1")), else_=literal_column("0"))).label(
        "live"
    )
    by_caller = (api_keys.c.name, api_keys.c.operator)
    return select(*by_caller, live).group_by(*by_caller).order_by(*by_caller)
