"""The statements of reconciliation, compiled once like all others."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Executable,
    FromClause,
    Select,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.persistence.sql.book_statements import among
from adapters.persistence.sql.reconciliation_tables import (
    RUNNING,
    WAITING,
    carries,
    discrepancies,
    discrepancy_trail,
    reconciliations,
)
from adapters.persistence.sql.statements import KEY, Prepared, prepare

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

_NONE: ColumnElement[str] = literal_column("''")
_RESOLVED: ColumnElement[str] = literal_column("'resolved'")
_SUCCEEDED: ColumnElement[str] = literal_column("'succeeded'")

#: The same table once more: what another day says of the same movement.
_elsewhere = carries.alias("elsewhere")

#: What a repeated run, or a person, may change of a discrepancy.
_CHANGING = (
    *("ours_fen", "bill_fen", "fee_fen", "order_id", "detail", "raw", "line"),
    *("status", "resolution", "version"),
)


class ReconciliationStatements:
    """All statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def ready(statement: Executable, columns: list[str] | None = None) -> Prepared:
            return prepare(statement, dialect, columns)

        runs, found, trail = reconciliations, discrepancies, discrepancy_trail
        into = _INSERTS[dialect.name]
        self.run = ready(select(runs).where(runs.c.id == bindparam("id")))
        self.run_found = ready(
            select(runs).where(
                runs.c.account == bindparam("account"), runs.c.day == bindparam("day")
            )
        )
        self.insert_run = ready(into(runs).inline(), _names(runs))
        self.update_run = ready(_replace(runs), [n for n in _names(runs) if n != "id"])
        self.runs_due = ready(_runs_due())
        self.fence = ready(_fence())

        self.insert_discrepancy = ready(into(found).inline(), _names(found))
        self.save_discrepancy = ready(_replace(found), list(_CHANGING))
        self.refind = ready(_replace(found), [*_CHANGING, "attempt"])
        self.mark = ready(_mark(dialect))
        self.append = ready(into(trail).inline().on_conflict_do_nothing(), _names(trail))
        self.discrepancy = ready(_with_trail(select(found).where(found.c.id == bindparam("id"))))
        self.known = ready(_with_trail(_known(dialect)))
        self.unresolved = ready(_unresolved())
        self.hold_gone = ready(_hold_gone())
        self.tell_gone, self.resolve_gone = ready(_tell_gone()), ready(_resolve_gone())

        self.carried = ready(_carried())
        self.drop_carries = ready(_drop_carries())
        self.insert_carry = ready(into(carries).inline(), _names(carries))

        #: One page by the names of the filters given.
        self.runs_listed = cache(lambda given: _runs_listed(given, dialect))
        self.listed = cache(lambda given: _listed(given, dialect))


def _names(table: FromClause) -> list[str]:
    return [column.name for column in table.columns]


def _replace(table: Any) -> Executable:
    """Change the row only if its version is the one before that of the new values."""
    unchanged = table.c.version + literal_column("1") == bindparam(KEY + "version")
    return update(table).where(table.c.id == bindparam(KEY + "id"), unchanged)


def _runs_due() -> Executable:
    """Literal, as in the index: a planner trusts no value that it does not see."""
    runs = reconciliations.c
    due = (
        and_(runs.status == status, func.coalesce(instant, literal_column("0")) <= bindparam("at"))
        for status, instant in ((WAITING, runs.next_try_at), (RUNNING, runs.leased_until))
    )
    wanted = select(reconciliations).where(runs.status.in_([WAITING, RUNNING]), or_(*due))
    return wanted.order_by(runs.day, runs.id).limit(bindparam("limit"))


def _fence() -> Executable:
    """Changes nothing, and finds no row if another execution has begun."""
    runs = reconciliations
    mine = runs.c.id == bindparam("run_id"), runs.c.attempt == bindparam("at_attempt")
    return update(runs).where(*mine).values(attempt=runs.c.attempt)


def _with_trail(of: Select[Any]) -> Select[Any]:
    """Each discrepancy as often as its trail has entries, or once; in no order."""
    found, trail = of.subquery("found"), discrepancy_trail
    entries = [
        column.label(f"entry_{column.name}")
        for column in trail.columns
        if column.name != "discrepancy_id"
    ]
    joined = found.outerjoin(trail, trail.c.discrepancy_id == found.c.id)
    return select(found, *entries).select_from(joined)


def _known(dialect: Dialect) -> Select[Any]:
    """What a run knows already of these numbers."""
    d = discrepancies.c
    return select(discrepancies).where(
        d.run_id == bindparam("run_id"),
        among(d.order_no, "numbers", dialect),
        d.nth.between(bindparam("first"), bindparam("last")),
    )


def _mark(dialect: Dialect) -> Executable:
    seen = update(discrepancies).where(among(discrepancies.c.id, "ids", dialect))
    return seen.values(attempt=bindparam("at_attempt"))


def _of_older_attempts() -> tuple[ColumnElement[bool], ...]:
    d = discrepancies.c
    older = d.attempt < bindparam("at_attempt")
    return d.run_id == bindparam("run_id"), d.status != _RESOLVED, older


def _hold_gone() -> Executable:
    """Persons who settle one of them just now come first, or later; SQLite has one writer."""
    held = select(discrepancies.c.id).where(*_of_older_attempts()).with_for_update()
    return select(func.count()).select_from(held.subquery())


def _tell_gone() -> Executable:
    trail, d = discrepancy_trail, discrepancies.c
    place = (
        select(func.count())
        .select_from(trail)
        .where(trail.c.discrepancy_id == d.id)
        .scalar_subquery()
    )
    entry = select(
        d.id,
        place,
        cast(bindparam("at"), BigInteger),
        literal_column("'basepay'"),
        literal_column("'gone'"),
        _NONE,
    )
    return trail.insert().inline().from_select(_names(trail), entry.where(*_of_older_attempts()))


def _resolve_gone() -> Executable:
    meant = update(discrepancies).where(*_of_older_attempts())
    version = discrepancies.c.version + literal_column("1")
    return meant.values(status=_RESOLVED, resolution=null(), version=version)


def _unresolved() -> Executable:
    d = discrepancies.c
    open_ones = d.status.in_([literal_column("'open'"), literal_column("'awaiting_approval'")])
    counted = select(func.count().label("found")).select_from(discrepancies)
    return counted.where(d.run_id == bindparam("run_id"), open_ones)


def _carried() -> Executable:
    """Of each movement the newest word on it first."""
    c = carries.c
    day: ColumnElement[str] = bindparam("day")
    same = (_elsewhere.c[n] == c[n] for n in ("account", "from_day", *_KEY))
    settled = (
        exists(literal_column("1"))
        .select_from(_elsewhere)
        .where(*same, _elsewhere.c.settled_day.is_not(None))
    )
    left_out = and_(c.from_day == day, c.settled_day != day)
    taken_in = and_(c.from_day != day, or_(c.settled_day == day, ~settled))
    near = and_(c.from_day >= bindparam("first"), c.from_day <= bindparam("last"))
    mine = select(carries).where(c.account == bindparam("account"), near, or_(left_out, taken_in))
    return mine.order_by(*(c[name] for name in _KEY), c.from_day, c.settled_day, c.kept_by)


_KEY = ("order_no", "kind", "refund_no")


def _drop_carries() -> Executable:
    of_day = carries.c.kept_by == bindparam("day")
    return delete(carries).where(carries.c.account == bindparam("account"), of_day)


def _runs_listed(given: frozenset[str], dialect: Dialect) -> Prepared:
    runs = reconciliations.c
    filters: dict[str, ColumnElement[bool]] = {
        "account": runs.account == bindparam("account"),
        "cursor": tuple_(runs.day, runs.id) < tuple_(bindparam("before_day"), bindparam("before")),
    }
    wanted = select(reconciliations).where(*(filters[name] for name in sorted(given)))
    newest_first = wanted.order_by(runs.day.desc(), runs.id.desc())
    return prepare(newest_first.limit(bindparam("limit")), dialect)


def _listed(given: frozenset[str], dialect: Dialect) -> Prepared:
    d = discrepancies.c
    filters: dict[str, ColumnElement[bool]] = {
        "run_id": d.run_id == bindparam("run_id"),
        "account": d.account == bindparam("account"),
        "status": d.status == bindparam("status"),
        "cursor": d.id > bindparam("cursor"),
    }
    wanted = (filters[name] for name in sorted(given))
    oldest_first = select(discrepancies).where(*wanted)
    page = oldest_first.order_by(d.id).limit(bindparam("limit"))
    return prepare(_with_trail(page), dialect)
