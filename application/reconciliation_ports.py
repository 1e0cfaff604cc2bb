"""What reconciliation asks of the world: every Protocol, each at most four methods."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar

from application.reconciliation_records import Carry, DayFigures, Downloaded, Plan, Run, StoredBill
from application.reconciliation_report import Report
from application.records import Message, Page
from domain.bill import BillKind, BillRow, BillTotals, FundRow, UnreadableRow
from domain.discrepancy import Discrepancy
from domain.method import Provider
from domain.reconciliation import Movement

T = TypeVar("T")


class BillSource(Protocol):
    """One merchant account's daily statements.

    Nothing is raised for what the world does. Readers stream: they never hold a whole bill.
    `file` and `target` are paths on this machine; a file is read as it was downloaded (gzip, zip
    or plain, told apart by its first bytes).
    """

    async def download(self, kind: BillKind, day: date, target: str) -> Downloaded:
        """Fetch the statement of an Asia/Shanghai day; it is complete if a BillFile comes back."""

    def read(self, file: str, *, day: date) -> Iterator[BillRow | UnreadableRow | BillTotals]:
        """A trade bill's rows in its own order, and last what was checked against its summary.

        Raises BillRejected: not such a bill, another merchant's or day's, cut short, or its own
        summary contradicts its rows. Sums of a bill with unreadable rows can't be checked.
        """

    def read_funds(self, file: str, *, day: date) -> Iterator[FundRow | UnreadableRow]:
        """A fund-flow bill's rows; likewise."""


class Books(Protocol):
    """Our side, as reconciliation reads it."""

    def movements(
        self, account: str, provider: Provider, start: datetime, end: datetime
    ) -> AsyncGenerator[Sequence[Movement], None]:
        """What moved in [start, end), in pages, sorted by key; never all of it in memory.

        Who stops before the end closes it. Raises Unavailable.
        """

    async def held(self, numbers: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """provider_order_no -> id and status of the payment; at most 500 at a time."""

    async def held_refunds(
        self, numbers: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(provider_order_no, provider_refund_no) -> id and status of the refund; likewise."""


class Runs(Protocol):
    """Reconciliation runs as stored."""

    async def get(self, id: str) -> Run:
        """Raises domain.errors.NotFound."""

    async def find(self, account: str, day: date) -> Run | None:
        """The one run of this account and day."""

    async def save(self, run: Run) -> None:
        """Insert if `version` is 0, else update; adds one to it. LostUpdate, AlreadyExists."""

    async def page(self, *, account: str | None, limit: int, cursor: str | None) -> Page[Run]:
        """Newest day first."""


class RunAgenda(Protocol):
    """Which runs must be executed now."""

    async def due(self, at: datetime, limit: int) -> Sequence[Run]:
        """Waiting ones whose `next_try_at` has come, and running ones whose lease is over; oldest
        day first. Nothing is claimed by it.
        """


class Findings(Protocol):
    """What the runs found. Written in batches; everything of one execution bears its `attempt`."""

    async def put(self, run: Run, found: Sequence[Discrepancy]) -> None:
        """Insert, or mark as seen again what (class, order_no, kind, refund_no, nth) names.

        What persons did to it stays; its figures and detail become the new ones. Raises LostUpdate
        if another execution has begun.
        """

    async def seal(
        self, run: Run, carries: Iterable[Carry], at: datetime, *, announce: Message
    ) -> None:
        """End the execution: in one commit, what only an older attempt saw and is open becomes
        resolved (`gone` in its trail), this day's carries replace those of older attempts, the
        run is saved as `Runs.save` does, and the message is put into the outbox.
        """

    async def carried(self, account: str, day: date) -> Sequence[Carry]:
        """Those from this day that another's bill had, and those from the days before and after
        that none had or this one's had; each movement once.
        """


class Discrepancies(Protocol):
    """Discrepancies, for persons."""

    async def get(self, id: str) -> Discrepancy:
        """Raises domain.errors.NotFound."""

    async def save(self, discrepancy: Discrepancy) -> None:
        """Update, and nothing else may have changed it: LostUpdate."""

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

    async def unresolved(self, run_id: str) -> int:
        """How many are not resolved."""


class BillArchive(Protocol):
    """Bills as evidence, kept whole."""

    async def put(self, bill: StoredBill, file: str) -> None:
        """Keep it; replaces an older one of the same account, day and kind."""

    async def find(self, account: str, day: date, kind: BillKind) -> StoredBill | None:
        """What is kept."""

    async def fetch(self, bill: StoredBill, target: str) -> None:
        """Write its bytes there. Raises Unavailable if they are not what was kept."""

    async def forget(self, before: date) -> int:
        """Delete the bills of days before this one; how many."""


class Spool(Protocol[T]):
    """Sorts more rows than memory holds."""

    def add(self, row: T) -> None:
        """Take one in."""

    def sorted(self) -> Iterator[T]:
        """All of them in order, as often as wanted; no more are taken in then."""


class Scratch(Protocol):
    """Room on this machine's disk for one execution; nothing of it outlives `close`."""

    def file(self, name: str) -> str:
        """The path of a file to be written."""

    def spool(self, row: type[T], *, by: Sequence[str]) -> Spool[T]:
        """A fresh, empty one for such rows, sorted by these fields; texts are sorted bytewise."""

    def measure(self, file: str) -> tuple[str, int]:
        """Its SHA-256 (hex) and its bytes; takes a while."""

    def close(self) -> None:
        """Delete everything."""


class NewScratch(Protocol):
    """Makes room."""

    def __call__(self) -> Scratch:
        """Fresh and empty."""


class Reports(Protocol):
    """Writes files for people; each call may take a while and runs in a thread."""

    def csv(self, discrepancies: Sequence[Discrepancy], *, day: date, headed: bool) -> bytes:
        """One line a discrepancy; parts follow each other, the first one headed."""

    def workbook(self, report: Report, discrepancies: Sequence[Discrepancy]) -> bytes:
        """An Excel file with the summary and every discrepancy."""

    def picture(self, account: str, last: date, days: Mapping[date, DayFigures]) -> bytes:
        """An SVG of the days up to `last`; those that are missing were not reconciled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Everything that reconciliation asks of the world, and when it is to begin by itself."""

    books: Books
    runs: Runs
    run_agenda: RunAgenda
    findings: Findings
    discrepancies: Discrepancies
    archive: BillArchive
    scratch: NewScratch
    reports: Reports
    plan: Plan
