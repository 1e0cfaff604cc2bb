"""The memory store as one thing: every port that a database answers."""

from collections.abc import Callable

from adapters.clock import SystemClock
from adapters.persistence.memory.bill_archive import MemoryBillArchive
from adapters.persistence.memory.books import MemoryBooks
from adapters.persistence.memory.directory import MemoryDirectory
from adapters.persistence.memory.library import MemoryLibrary
from adapters.persistence.memory.queues import MemoryAgenda, MemoryCallbackQueue, MemoryOutbox
from adapters.persistence.memory.reconciliation import (
    Found,
    MemoryDiscrepancies,
    MemoryFindings,
    MemoryRuns,
)
from adapters.persistence.memory.switches import MemorySwitches
from adapters.persistence.memory.tables import Tables
from adapters.persistence.memory.webhooks import MemoryWebhooks
from adapters.persistence.memory.work import MemoryUnitOfWork
from application.ports import (
    Agenda,
    CallbackQueue,
    Clock,
    Directory,
    Library,
    Outbox,
    Switches,
    UnitOfWork,
)
from application.reconciliation_ports import (
    BillArchive,
    Books,
    Discrepancies,
    Findings,
    RunAgenda,
    Runs,
)


def _nobody_listens() -> None:
    """What is called until somebody wants to hear."""


class MemoryStore:
    """Keeps everything in this process, and forgets it at the end.

    `on_message` and `on_callback` may be set; they are called on the event loop after a commit
    that brought events, and after a callback was taken.
    """

    outbox: Outbox
    callbacks: CallbackQueue
    agenda: Agenda
    library: Library
    directory: Directory
    switches: Switches
    books: Books
    runs: Runs
    run_agenda: RunAgenda
    findings: Findings
    discrepancies: Discrepancies
    bills: BillArchive

    def __init__(self, clock: Clock | None = None) -> None:
        self.on_message: Callable[[], None] = _nobody_listens
        self.on_callback: Callable[[], None] = _nobody_listens
        self._tables = Tables()
        self.outbox = MemoryOutbox(self._tables)
        self.callbacks = MemoryCallbackQueue(self._tables, self._heard_callback)
        self.agenda = MemoryAgenda(self._tables)
        self.library = MemoryLibrary(self._tables)
        self.directory = MemoryDirectory(self._tables, clock or SystemClock())
        self.switches = MemorySwitches(self._tables)
        self.webhooks = MemoryWebhooks(self._tables)
        self.books = MemoryBooks(self._tables)
        self.runs = self.run_agenda = runs = MemoryRuns()
        found = Found()
        self.findings = MemoryFindings(self._tables, runs, found, self._heard_message)
        self.discrepancies = MemoryDiscrepancies(found)
        self.bills = MemoryBillArchive()

    def work(self) -> UnitOfWork:
        """Open a unit of work."""
        return MemoryUnitOfWork(self._tables, self._heard_message)

    async def ping(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing is held open."""

    def _heard_message(self) -> None:
        self.on_message()

    def _heard_callback(self) -> None:
        self.on_callback()
