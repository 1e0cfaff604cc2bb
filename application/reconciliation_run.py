"""One execution of a run: both sides are matched, what can be repaired is, and then it is told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from application.keeper import Numbers
from application.ports import Account, Clock, LostUpdate
from application.reconciliation_bills import Statement
from application.reconciliation_lease import Lease
from application.reconciliation_look_up import Seen, look_up
from application.reconciliation_ports import Reconciliation
from application.reconciliation_records import Carry, Run
from application.repair import REPAIRABLE, Repair
from domain.bill import Key, MovementKind
from domain.bill_day import BillDay, bill_day
from domain.certificate import Certificate
from domain.discrepancy import BASEPAY, Discrepancy, DiscrepancyStatus, Resolution
from domain.matching import Matching
from domain.reconciliation import DISCREPANCIES, Class, Finding, Movement
from domain.sides import Borders

T = TypeVar("T")

#: Findings handed over at a time, and discrepancies read.
SLICE, PAGE = 500, 200

#: Orders that one execution asks the provider about; the others wait for the next, or a person.
MOST_REPAIRS = 1_000

#: Questions to the provider under way.
AT_ONCE = 8

ONE_DAY = timedelta(days=1)

#: What tells one finding of a run from all others.
What = tuple[Class, str, MovementKind | None, str, int]


@dataclass(slots=True)
class Figures:
    """How many, and fen in favour of the merchant."""

    count: int = 0
    fen: int = 0

    def take(self, movement: Movement) -> None:
        self.count += 1
        self.fen += movement.signed_fen


@dataclass(slots=True)
class Matched:
    """What one pass over both sides found, besides the discrepancies."""

    account: str
    matching: Matching
    judged: frozenset[Key] = frozenset()  # what the day before carried to this one
    carries: list[Carry] = field(default_factory=list)
    methods: dict[tuple[str, bool], Figures] = field(default_factory=dict)  # True: charges
    repairable: set[What] = field(default_factory=set)

    def certificate(self, statement: Statement) -> Certificate:
        """The proof that every movement and every row is in exactly one class."""
        bill = statement.bill
        return self.matching.certificate(
            statement.totals, account=self.account, bill_sha256=bill.sha256 if bill else ""
        )

    def count(self, movement: Movement) -> None:
        """One of ours that this day tells of."""
        key = movement.method, movement.kind is MovementKind.CHARGE
        if key not in self.methods:
            self.methods[key] = Figures()
        self.methods[key].take(movement)


class Execution:
    """One run while it is ours."""

    def __init__(
        self,
        run: Run,
        account: Account,
        outside: Reconciliation,
        *,
        clock: Clock,
        numbers: Numbers,
        lease: Lease,
        repair: Repair,
    ) -> None:
        self._run, self._account, self._outside = run, account, outside
        self._clock, self._numbers, self._lease = clock, numbers, lease
        self._repair, self._day = repair, BillDay.of(run.day)
        self._older: dict[What, Discrepancy] = {}

    async def __call__(self, statement: Statement) -> Matched:
        """Match, and once more if the provider convinced our book of something. Superseded."""
        self._older = await self._left_open()
        matched = await self._match(statement)
        repaired = await self._repair_all(matched.repairable)
        if repaired:
            await self._lease.next_attempt()  # what only the first pass saw will be gone
            matched = await self._match(statement)
        return matched

    async def repaired(self) -> int:
        """How many orders learned from the provider because of this run, earlier ones included."""
        resolved = self._discrepancies(DiscrepancyStatus.RESOLVED)
        return len([each async for each in resolved if _repaired_by_itself(each)])

    async def _match(self, statement: Statement) -> Matched:
        borders = await self._borders()
        matching = await asyncio.to_thread(self._matching, statement, borders)
        judged = frozenset(m.key for m in borders.carried if bill_day(m.at) < self._run.day)
        matched = Matched(self._run.account, matching, judged)
        unreadable = [
            Finding(Class.UNREADABLE_ROW, row=row, nth=nth)
            for nth, row in enumerate(statement.unreadable)
        ]
        for start in range(0, len(unreadable), SLICE):
            await self._keep(unreadable[start : start + SLICE], matched)
        async with aclosing(self._found(matched)) as findings:
            async for found in findings:
                await self._keep(found, matched)
        return matched

    def _matching(self, statement: Statement, borders: Borders) -> Matching:
        return Matching(
            statement.spool.sorted(),
            self._run.day,
            prefix=self._numbers.prefix,
            fees=self._account.fees,
            borders=borders,
        )

    async def _borders(self) -> Borders:
        """What the neighbouring days' runs know.

        Which of them have finished is asked first: what they carry is complete then.
        """
        account, day = self._run.account, self._run.day
        neighbours = [day - ONE_DAY, day + ONE_DAY]
        runs = [await self._outside.runs.find(account, each) for each in neighbours]
        carries = await self._outside.findings.carried(account, day)
        return Borders(
            elsewhere=frozenset(
                each.movement.key
                for each in carries
                if each.from_day == day and each.settled_day not in (None, day)
            ),
            carried=tuple(_carried(each) for each in carries if each.from_day != day),
            finished=frozenset(run.day for run in runs if run and run.finished_at is not None),
        )

    async def _found(self, matched: Matched) -> AsyncGenerator[Sequence[Finding], None]:
        matching, account = matched.matching, self._account
        read, before = matching.tally.read, 0
        pages = self._outside.books.movements(account.name, account.provider, *self._day.window)
        async with aclosing(pages):  # also when the run ends in the middle
            async for page in pages:
                await asyncio.to_thread(self._count, page, matched)
                async for found in slices(matching.take(page)):
                    yield found
                before, rows = read.ours + read.bill, read.ours + read.bill - before
                self._lease.went_on(rows)
        async for found in slices(matching.finish()):
            yield found
            self._lease.check()

    def _count(self, page: Sequence[Movement], matched: Matched) -> None:
        for movement in page:
            if self._day.belongs(movement.at):
                matched.count(movement)

    async def _keep(self, found: Sequence[Finding], matched: Matched) -> None:
        for each in found:
            self._carry(each, matched)
        concerning = [each for each in found if each.cls in DISCREPANCIES]
        if not concerning:
            return
        seen = await look_up(concerning, self._outside.books, matched.matching)
        discrepancies = [self._discrepancy(each) for each in seen]
        await self._outside.findings.put(self._run, discrepancies)
        for one, discrepancy in zip(seen, discrepancies, strict=True):
            self._older.pop(_what(discrepancy), None)
            if one.repairable and len(matched.repairable) < MOST_REPAIRS:
                matched.repairable.add(_what(discrepancy))

    def _carry(self, finding: Finding, matched: Matched) -> None:
        movement, day = finding.movement, self._run.day
        if movement is None:
            return
        own = movement.carried_from or bill_day(movement.at)
        if own != day:
            matched.count(movement)
        if finding.settles:
            matched.carries.append(Carry(movement, own, day))
        elif finding.cls is Class.CARRIED_OVER and own == day:
            matched.carries.append(Carry(movement, own, None))

    def _discrepancy(self, seen: Seen) -> Discrepancy:
        made = Discrepancy.of(
            seen.finding,
            id=self._numbers("dis"),
            run_id=self._run.id,
            account=self._run.account,
            at=self._clock.now(),
        )
        if seen.order_id is not None:
            made.order_id = seen.order_id
            made.detail += f" {seen.order_id} is {seen.status} here." if seen.status else ""
        return made

    async def _left_open(self) -> dict[What, Discrepancy]:
        """What an execution that was cut off may have repaired without saying so."""
        if self._run.attempt == 1:
            return {}
        left: dict[What, Discrepancy] = {}
        async for each in self._discrepancies(DiscrepancyStatus.OPEN):
            if each.cls in REPAIRABLE and each.order_id is not None:
                left[_what(each)] = each
            if len(left) == MOST_REPAIRS:
                break
        return left

    async def _repair_all(self, wanted: set[What]) -> int:
        """Of how many the provider told something."""
        for discrepancy in self._older.values():  # not found any more: quiet if it is so
            await self._repair_one(discrepancy)
        if not wanted:
            return 0
        found = self._discrepancies(DiscrepancyStatus.OPEN)
        waiting = [each async for each in found if _what(each) in wanted]
        repaired = 0
        for start in range(0, len(waiting), AT_ONCE):
            asked = [self._repair_one(each) for each in waiting[start : start + AT_ONCE]]
            repaired += sum(await asyncio.gather(*asked))
            self._lease.check()
        return repaired

    async def _repair_one(self, discrepancy: Discrepancy) -> bool:
        """Whether our book may have learned of it; the matching says what differs then."""
        learned = await self._repair(discrepancy)
        if learned is None or not learned.settles(discrepancy, self._run.day):
            return learned is not None
        why = "the provider was asked and confirms the bill"
        discrepancy.repair(by=BASEPAY, why=why, at=self._clock.now())
        with suppress(LostUpdate):  # a person settled it at this moment
            await self._outside.discrepancies.save(discrepancy)
        return True

    async def _discrepancies(self, status: DiscrepancyStatus) -> AsyncIterator[Discrepancy]:
        cursor, pages = None, self._outside.discrepancies
        while True:
            page = await pages.page(self._run.id, status=status, limit=PAGE, cursor=cursor)
            for each in page.items:
                yield each
            cursor = page.next_cursor
            if cursor is None:
                return


def _carried(carry: Carry) -> Movement:
    return replace(carry.movement, carried_from=carry.from_day)


def _what(discrepancy: Discrepancy) -> What:
    return (
        discrepancy.cls,
        discrepancy.order_no,
        discrepancy.kind,
        discrepancy.refund_no,
        discrepancy.nth,
    )


def _repaired_by_itself(discrepancy: Discrepancy) -> bool:
    mended = (entry.by for entry in discrepancy.trail if entry.did == Resolution.REPAIR)
    return discrepancy.resolution is Resolution.REPAIR and BASEPAY in mended


async def slices(items: Iterator[T]) -> AsyncIterator[Sequence[T]]:
    """So many at a time, each slice computed in a thread: the event loop lives in between."""
    while True:
        part = await asyncio.to_thread(lambda: list(islice(items, SLICE)))
        if part:
            yield part
        if len(part) < SLICE:
            return
