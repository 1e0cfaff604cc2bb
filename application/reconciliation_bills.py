"""The bill of a run: out of the archive, or from the provider and then into the archive."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TypeVar

from application.ports import Clock
from application.reconciliation_ports import BillArchive, BillSource, Scratch, Spool
from application.reconciliation_records import (
    BillFile,
    BillNotReady,
    BillRefused,
    NoBill,
    StoredBill,
)
from domain.bill import BillKind, BillRow, BillTotals, FundKind, FundRow, UnreadableRow

T = TypeVar("T")

#: `source` of a bill that nobody handed in.
PROVIDER = "provider"

#: The order in which bill rows meet our movements, and in which they meet the balance's.
BY_KEY, BY_FUNDS = ("order_no", "kind", "refund_no", "line"), ("funds_no", "line")

#: Rows read at a time; between two times the event loop has its turn.
SLICE = 2_000

#: Unreadable rows told one by one; a file with more of them is not worth reading line by line.
MOST_UNREADABLE = 10_000


@dataclass(slots=True)
class Statement:
    """A bill read whole: its rows are in the spool, and its own totals hold."""

    spool: Spool[BillRow]
    totals: BillTotals
    bill: StoredBill | None = None  # None: nothing happened that day
    unreadable: list[UnreadableRow] = field(default_factory=list)

    def take(self, row: BillRow | UnreadableRow | BillTotals) -> None:
        """The next that was read."""
        match row:
            case BillRow():
                self.spool.add(row)
            case UnreadableRow():
                if len(self.unreadable) < MOST_UNREADABLE:
                    self.unreadable.append(row)
            case BillTotals():
                self.totals = row


@dataclass(slots=True)
class Funds:
    """What moved on the balance; its rows are in the spool."""

    spool: Spool[FundRow]
    others: int = 0  # withdrawals and the like
    unreadable: list[UnreadableRow] = field(default_factory=list)

    def take(self, row: FundRow | UnreadableRow) -> None:
        """The next that was read."""
        if isinstance(row, UnreadableRow):
            if len(self.unreadable) < MOST_UNREADABLE:
                self.unreadable.append(row)
        else:
            self.spool.add(row)
            self.others += row.kind is FundKind.OTHER


class Bills:
    """One account's bills, fetched once and kept."""

    def __init__(
        self,
        archive: BillArchive,
        source: BillSource,
        *,
        account: str,
        clock: Clock,
        went_on: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`went_on` is told of every so many rows that were read, and may raise."""
        self._archive, self._source, self._clock = archive, source, clock
        self._account, self._went_on = account, went_on

    async def statement(
        self, day: date, scratch: Scratch
    ) -> Statement | BillNotReady | BillRefused:
        """The day's trade bill. Raises BillRejected; what is rejected is not kept."""
        file = scratch.file("trade")
        bill = await self._archive.find(self._account, day, BillKind.TRADE)
        if bill is not None:
            await self._archive.fetch(bill, file)
            return await self._read(bill, file, scratch)
        match await self._source.download(BillKind.TRADE, day, file):
            case NoBill():
                return Statement(scratch.spool(BillRow, by=BY_KEY), BillTotals(rows=0))
            case BillFile() as downloaded:
                bill = await self._bill(BillKind.TRADE, day, file, scratch, name=downloaded.name)
                read = await self._read(bill, file, scratch)
                await self._archive.put(bill, file)
                return read
            case BillNotReady() | BillRefused() as none:
                return none

    async def funds(self, day: date, scratch: Scratch) -> Funds | BillNotReady | None:
        """The day's fund-flow bill; None if the provider has none for us. Raises BillRejected;
        what is rejected is not kept.
        """
        file = scratch.file("funds")
        bill = await self._archive.find(self._account, day, BillKind.FUNDS)
        if bill is not None:
            await self._archive.fetch(bill, file)
            return await self._read_funds(day, file, scratch)
        match await self._source.download(BillKind.FUNDS, day, file):
            case BillFile() as downloaded:
                bill = await self._bill(BillKind.FUNDS, day, file, scratch, name=downloaded.name)
                read = await self._read_funds(day, file, scratch)
                await self._archive.put(bill, file)
                return read
            case BillNotReady() as later:
                return later
            case NoBill() | BillRefused():
                return None

    async def hand_in(self, day: date, file: str, by: str, scratch: Scratch) -> StoredBill:
        """Keep a file that a person has, in the place of what is kept. Raises BillRejected."""
        name = file.rpartition("/")[2]
        bill = await self._bill(BillKind.TRADE, day, file, scratch, name=name, source=by)
        await self._read(bill, file, scratch)
        await self._archive.put(bill, file)
        return bill

    async def _bill(
        self,
        kind: BillKind,
        day: date,
        file: str,
        scratch: Scratch,
        *,
        name: str,
        source: str = PROVIDER,
    ) -> StoredBill:
        sha256, size = await asyncio.to_thread(scratch.measure, file)
        return StoredBill(
            account=self._account,
            day=day,
            kind=kind,
            name=name,
            source=source,
            sha256=sha256,
            size=size,
            fetched_at=self._clock.now(),
        )

    async def _read(self, bill: StoredBill, file: str, scratch: Scratch) -> Statement:
        spool = scratch.spool(BillRow, by=BY_KEY)
        statement = Statement(spool, BillTotals(rows=0), bill)
        await in_slices(self._source.read(file, day=bill.day), statement.take, self._went_on)
        return statement

    async def _read_funds(self, day: date, file: str, scratch: Scratch) -> Funds:
        funds = Funds(scratch.spool(FundRow, by=BY_FUNDS))
        await in_slices(self._source.read_funds(file, day=day), funds.take, self._went_on)
        return funds


async def in_slices(
    items: Iterator[T], take: Callable[[T], None], went_on: Callable[[int], None]
) -> None:
    """Hand all of them over, in a thread; the event loop has its turn now and then."""
    taken = SLICE
    while taken == SLICE:
        taken = await asyncio.to_thread(_some, items, take)
        went_on(taken)


def _some(items: Iterator[T], take: Callable[[T], None]) -> int:
    """How many there were; fewer than a slice: no more."""
    part = list(islice(items, SLICE))
    for each in part:
        take(each)
    return len(part)
