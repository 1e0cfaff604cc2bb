"""Reconciliation runs, what they found, and how persons settle it, in memory."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from adapters.persistence.memory.table import Table
from adapters.persistence.memory.tables import Tables
from application.ports import LostUpdate
from application.reconciliation_records import Carry, Run, RunStatus
from application.records import Message, Page
from domain.bill import Key
from domain.bill_day import CARRY_DAYS
from domain.discrepancy import Discrepancy, DiscrepancyStatus
from domain.errors import NotFound


class MemoryRuns:
    """One for each account and day."""

    def __init__(self) -> None:
        self._runs: Table[Run] = Table(
            "reconciliations", lambda run: run.id, day=lambda run: (run.account, run.day)
        )

    async def get(self, id: str) -> Run:
        """Raises NotFound."""
        await asyncio.sleep(0)
        run = self._runs.get(id)
        if run is None:
            raise NotFound("reconciliation", id)
        return run

    async def find(self, account: str, day: date) -> Run | None:
        """The one run of this account and day."""
        await asyncio.sleep(0)
        return self._runs.find("day", (account, day))

    async def save(self, run: Run) -> None:
        """Insert if `version` is 0, else update. Raises LostUpdate, AlreadyExists."""
        await asyncio.sleep(0)
        self.save_now(run)

    def save_now(self, run: Run) -> None:
        """Likewise, together with what is done beside it."""
        after = replace(run, version=run.version + 1)
        if run.version == 0:
            self._runs.insert(after)
        else:
            stored = self._runs.get(run.id)
            if stored is None or stored.version != run.version:
                raise LostUpdate(f"{run.id} was changed meanwhile")
            self._runs.replace(after)
        run.version += 1

    async def page(self, *, account: str | None, limit: int, cursor: str | None) -> Page[Run]:
        """Newest day first; the cursor names a day and a run of it."""
        await asyncio.sleep(0)
        day, _, id = (cursor or "").partition(".")
        found = [
            run
            for run in self._runs.where(lambda run: account in (None, run.account))
            if cursor is None or (run.day.isoformat(), run.id) < (day, id)
        ]
        found.sort(key=lambda run: (run.day, run.id), reverse=True)
        items = found[:limit]
        return Page(items, f"{items[-1].day}.{items[-1].id}" if len(found) > limit else None)

    async def due(self, at: datetime, limit: int) -> Sequence[Run]:
        """Waiting ones whose time has come, and running ones whose lease is over."""
        await asyncio.sleep(0)
        due = self._runs.where(lambda run: _due(run, at))
        return sorted(due, key=lambda run: (run.day, run.id))[:limit]

    def executing(self, run: Run) -> bool:
        """Whether no other execution of it has begun."""
        stored = self._runs.get(run.id)
        return stored is not None and stored.attempt == run.attempt


def _due(run: Run, at: datetime) -> bool:
    waits = run.status is RunStatus.WAITING and (run.next_try_at or at) <= at
    return waits or (run.status is RunStatus.RUNNING and (run.leased_until or at) <= at)


@dataclass(slots=True)
class _Seen:
    discrepancy: Discrepancy
    attempt: int  # the last that saw it


@dataclass(slots=True)
class Found:
    """What all runs found, and under which id what is kept."""

    seen: dict[str, _Seen] = field(default_factory=dict)
    ids: dict[tuple[object, ...], str] = field(default_factory=dict)


class MemoryFindings:
    """What the runs found, and what they say of movements near midnight."""

    def __init__(
        self, tables: Tables, runs: MemoryRuns, found: Found, on_message: Callable[[], None]
    ) -> None:
        self._tables, self._runs, self._found = tables, runs, found
        self._on_message = on_message
        self._carries: dict[tuple[str, date], list[Carry]] = {}

    async def put(self, run: Run, found: Sequence[Discrepancy]) -> None:
        """Insert, or mark as seen again. Raises LostUpdate if another execution has begun."""
        await asyncio.sleep(0)
        if not self._runs.executing(run):
            raise LostUpdate(f"{run.id} runs anew")
        for each in found:
            id = self._found.ids.setdefault(_what(each), each.id)
            known = self._found.seen.get(id)
            now = replace(each, version=1) if known is None else _again(known.discrepancy, each)
            self._found.seen[id] = _Seen(now, run.attempt)

    async def seal(
        self, run: Run, carries: Iterable[Carry], at: datetime, *, announce: Message
    ) -> None:
        """End the execution in one step. Raises LostUpdate."""
        await asyncio.sleep(0)
        kept = list(carries)
        self._runs.save_now(run)
        self._tables.messages.insert(announce)
        for seen in self._found.seen.values():
            older = seen.discrepancy.run_id == run.id and seen.attempt < run.attempt
            if older and seen.discrepancy.status is not DiscrepancyStatus.RESOLVED:
                seen.discrepancy = replace(seen.discrepancy, version=seen.discrepancy.version + 1)
                seen.discrepancy.gone(at)
        self._carries[run.account, run.day] = kept
        self._on_message()

    async def carried(self, account: str, day: date) -> Sequence[Carry]:
        """Those from this day that another's bill had, and those from the days before and after
        that none had or this one's had; each movement once.
        """
        await asyncio.sleep(0)
        words: dict[tuple[Key, date], list[Carry]] = {}
        for (of, _), kept in sorted(self._carries.items()):
            for each in kept:
                if of == account and abs(each.from_day - day) <= timedelta(days=CARRY_DAYS):
                    words.setdefault((each.movement.key, each.from_day), []).append(each)
        told = (_word(words[name], day) for name in sorted(words))
        return [each for each in told if each is not None]


def _word(words: Sequence[Carry], day: date) -> Carry | None:
    """What a day's run has to know of a movement about which these words were kept."""
    settled = sorted({each.settled_day for each in words if each.settled_day is not None})
    if words[0].from_day == day:
        settled = [each for each in settled if each != day]
    elif day in settled:
        settled = [day]
    elif not settled:
        return words[0]
    else:
        return None
    return next((each for each in words if each.settled_day in settled[:1]), None)


class MemoryDiscrepancies:
    """Copies go in and come out."""

    def __init__(self, found: Found) -> None:
        self._found = found

    async def get(self, id: str) -> Discrepancy:
        """Raises NotFound."""
        await asyncio.sleep(0)
        seen = self._found.seen.get(id)
        if seen is None:
            raise NotFound("discrepancy", id)
        return replace(seen.discrepancy)

    async def save(self, discrepancy: Discrepancy) -> None:
        """Update; of the trail only what is new. Raises LostUpdate."""
        await asyncio.sleep(0)
        seen = self._found.seen.get(discrepancy.id)
        if seen is None or seen.discrepancy.version != discrepancy.version:
            raise LostUpdate(f"{discrepancy.id} was changed meanwhile")
        trail = seen.discrepancy.trail
        trail += discrepancy.trail[len(trail) :]
        discrepancy.version += 1
        seen.discrepancy = replace(discrepancy, trail=trail)

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
        await asyncio.sleep(0)
        found = [
            each
            for each in self._of(run_id)
            if account in (None, each.account)
            and status in (None, each.status)
            and (cursor is None or each.id > cursor)
        ]
        found.sort(key=lambda each: each.id)
        items = [replace(each) for each in found[:limit]]
        return Page(items, items[-1].id if len(found) > limit else None)

    async def unresolved(self, run_id: str) -> int:
        """How many are not resolved."""
        await asyncio.sleep(0)
        resolved = DiscrepancyStatus.RESOLVED
        return sum(each.status is not resolved for each in self._of(run_id))

    def _of(self, run_id: str | None) -> Iterable[Discrepancy]:
        everything = (seen.discrepancy for seen in self._found.seen.values())
        return (each for each in everything if run_id in (None, each.run_id))


def _again(known: Discrepancy, found: Discrepancy) -> Discrepancy:
    after = replace(known)
    after.seen_again(found)
    return after if after == known else replace(after, version=known.version + 1)


def _what(found: Discrepancy) -> tuple[object, ...]:
    """What tells discrepancies apart."""
    return found.run_id, found.cls, found.order_no, found.kind, found.refund_no, found.nth
