"""Reconciliation runs, what they found, and how persons settle it, in the database."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from adapters.persistence.sql.books import array
from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.reconciliation_rows import (
    carry_of,
    carry_row,
    discrepancies_of,
    discrepancy_row,
    run_of,
    run_row,
    storable,
    trail_rows,
)
from adapters.persistence.sql.reconciliation_statements import ReconciliationStatements
from adapters.persistence.sql.record_rows import message_row
from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Signal, Step, Unit
from adapters.persistence.sql.values import Row, Value, micros
from application.ports import AlreadyExists, LostUpdate
from application.reconciliation_records import Carry, Run
from application.records import Message, Page
from domain.bill import Key
from domain.bill_day import CARRY_DAYS
from domain.discrepancy import Discrepancy
from domain.errors import NotFound
from domain.reconciliation import Class

#: How often what a person changed at the same moment is looked at anew.
TRIES = 10


class SqlRuns:
    """A row for each account and day."""

    def __init__(
        self, reader: Reader, writer: Writer, statements: ReconciliationStatements
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements

    async def get(self, id: str) -> Run:
        """Raises NotFound, Unavailable."""
        row = await self._reader.row(self._statements.run, {"id": id})
        if row is None:
            raise NotFound("reconciliation", id)
        return run_of(row)

    async def find(self, account: str, day: date) -> Run | None:
        """The one run of this account and day."""
        values: Row = {"account": account, "day": day.isoformat()}
        row = await self._reader.row(self._statements.run_found, values)
        return run_of(row) if row else None

    async def save(self, run: Run) -> None:
        """Insert if `version` is 0, else update. Raises LostUpdate, AlreadyExists, Unavailable."""
        await self._writer.keep(Unit((self.step(run),)))
        run.version += 1

    def step(self, run: Run) -> Step:
        """What keeps it."""
        if run.version == 0:
            return Step.of(self._statements.insert_run, run_row(run))
        return Step.of(self._statements.update_run, run_row(run), changes_one=True)

    async def page(self, *, account: str | None, limit: int, cursor: str | None) -> Page[Run]:
        """Newest day first; the cursor names a day and a run of it."""
        given: dict[str, Value] = {} if account is None else {"account": account}
        values: dict[str, Value] = {**given, "limit": limit + 1}
        if cursor is not None:
            given["cursor"] = cursor
            values["before_day"], _, values["before"] = cursor.partition(".")
        rows = await self._reader.rows(self._statements.runs_listed(frozenset(given)), values)
        items = [run_of(row) for row in rows[:limit]]
        last = f"{items[-1].day}.{items[-1].id}" if len(rows) > limit else None
        return Page(items, last)

    async def due(self, at: datetime, limit: int) -> Sequence[Run]:
        """Waiting ones whose time has come, and running ones whose lease is over."""
        values: Row = {"at": micros(at), "limit": limit}
        return [run_of(row) for row in await self._reader.rows(self._statements.runs_due, values)]


class SqlFindings:
    """Batches of rows; every write proves first that the execution is still the last one."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        statements: ReconciliationStatements,
        runs: SqlRuns,
        *,
        insert_message: Prepared,
        on_message: Signal,
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._runs, self._insert_message, self._on_message = runs, insert_message, on_message

    async def put(self, run: Run, found: Sequence[Discrepancy]) -> None:
        """Insert, or mark as seen again. Raises LostUpdate if another execution has begun."""
        for tries_left in reversed(range(TRIES)):
            steps = await self._steps(run, found)
            try:
                await self._writer.keep(Unit(tuple(steps), in_order=True))
            except (LostUpdate, AlreadyExists) as error:
                if not tries_left or not await self._still_runs(run):
                    raise LostUpdate(f"{run.id} runs anew") from error
            else:
                return

    async def seal(
        self, run: Run, carries: Iterable[Carry], at: datetime, *, announce: Message
    ) -> None:
        """End the execution in one commit. Raises LostUpdate, Unavailable."""
        told = Step.of(self._insert_message, message_row(announce))
        ends = *self._ends(run, carries, at), told
        await self._writer.keep(Unit(ends, self._on_message, in_order=True, lasts=True))
        run.version += 1

    async def carried(self, account: str, day: date) -> Sequence[Carry]:
        """Those from this day that another's bill had, and those from the days before and after
        that none had or this one's had; each movement once.
        """
        near = timedelta(days=CARRY_DAYS)
        values: Row = {
            "account": account,
            "day": day.isoformat(),
            "first": (day - near).isoformat(),
            "last": (day + near).isoformat(),
        }
        rows = await self._reader.rows(self._statements.carried, values)
        once: dict[tuple[date, Key], Carry] = {}
        for carry in map(carry_of, rows):
            once.setdefault((carry.from_day, carry.movement.key), carry)
        return list(once.values())

    async def _still_runs(self, run: Run) -> bool:
        row = await self._reader.row(self._statements.run, {"id": run.id})
        return row is not None and row["attempt"] == run.attempt

    async def _steps(self, run: Run, found: Sequence[Discrepancy]) -> list[Step]:
        """The fence, the new ones, what became of the known ones, and the trails of both."""
        known = await self._known(run, found)
        at: Row = {"run_id": run.id, "at_attempt": run.attempt}
        new = [each for each in found if _what(each) not in known]
        again = [
            (known[what], _seen_again(known[what], each))
            for each in found
            if (what := _what(each)) in known
        ]
        changed = [now for before, now in again if now != before]
        same = array([now.id for before, now in again if now == before])
        insert, refind = self._statements.insert_discrepancy, self._statements.refind
        return [
            Step.of(self._statements.fence, at, changes_one=True),
            *(Step.of(insert, discrepancy_row(each, run.attempt)) for each in new),
            *(
                Step.of(refind, discrepancy_row(each, run.attempt), changes_one=True)
                for each in changed
            ),
            *trail_steps(self._statements, *new, *changed),
            Step.of(self._statements.mark, {**at, "ids": same}),
        ]

    async def _known(
        self, run: Run, found: Sequence[Discrepancy]
    ) -> dict[tuple[object, ...], Discrepancy]:
        if not found:
            return {}
        values: Row = {
            "run_id": run.id,
            "numbers": array(sorted({storable(each.order_no) for each in found})),
            "first": min(each.nth for each in found),
            "last": max(each.nth for each in found),
        }
        rows = await self._reader.rows(self._statements.known, values)
        return {_what(each): each for each in discrepancies_of(rows)}

    def _ends(self, run: Run, carries: Iterable[Carry], at: datetime) -> Iterable[Step]:
        values: dict[str, Value] = {"run_id": run.id, "at_attempt": run.attempt, "at": micros(at)}
        day: Row = {"account": run.account, "day": run.day.isoformat()}
        yield self._runs.step(run)
        yield Step.of(self._statements.hold_gone, values)
        yield Step.of(self._statements.tell_gone, values)
        yield Step.of(self._statements.resolve_gone, values)
        yield Step.of(self._statements.drop_carries, day)
        for carry in carries:
            row = carry_row(carry, run.account, run.day)
            yield Step.of(self._statements.insert_carry, row)


class SqlDiscrepancies:
    """A row each, and one for everything that was done about it."""

    def __init__(
        self, reader: Reader, writer: Writer, statements: ReconciliationStatements
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements

    async def get(self, id: str) -> Discrepancy:
        """Raises NotFound, Unavailable."""
        rows = await self._reader.rows(self._statements.discrepancy, {"id": id})
        if not rows:
            raise NotFound("discrepancy", id)
        return discrepancies_of(rows)[0]

    async def save(self, discrepancy: Discrepancy) -> None:
        """Update; of the trail only what is new. Raises LostUpdate, Unavailable."""
        row = discrepancy_row(discrepancy, attempt=0)  # which a person does not change
        saved = Step.of(self._statements.save_discrepancy, row, changes_one=True)
        trail = trail_steps(self._statements, discrepancy)
        await self._writer.keep(Unit((saved, *trail)))
        discrepancy.version += 1

    async def page(
        self,
        run_id: str | None,
        *,
        account: str | None = None,
        status: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Discrepancy]:
        """Of one run or of all, oldest first."""
        filters = {"run_id": run_id, "account": account, "status": status, "cursor": cursor}
        values: dict[str, Value] = {**filters}
        given = {name: value for name, value in values.items() if value is not None}
        statement = self._statements.listed(frozenset(given))
        wanted: Row = {**given, "limit": limit + 1}
        found = discrepancies_of(await self._reader.rows(statement, wanted))
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def unresolved(self, run_id: str) -> int:
        """How many are not resolved."""
        row = await self._reader.row(self._statements.unresolved, {"run_id": run_id})
        return row["found"] if row else 0


def trail_steps(
    statements: ReconciliationStatements, *discrepancies: Discrepancy
) -> Iterable[Step]:
    """Entries that are kept already stay as they are."""
    return (Step.of(statements.append, row) for each in discrepancies for row in trail_rows(each))


def _seen_again(known: Discrepancy, found: Discrepancy) -> Discrepancy:
    after = replace(known)
    after.seen_again(replace(found, raw=storable(found.raw)))  # as the known one's was kept
    return after


def _what(found: Discrepancy) -> tuple[Class, str, int, str, int]:
    """What tells discrepancies of one run apart, as it is kept."""
    numbers = storable(found.order_no), int(found.kind or 0), storable(found.refund_no)
    return found.cls, *numbers, found.nth
