"""The SQL store as one thing: every port that a database answers."""

from collections.abc import Awaitable, Callable
from typing import Self

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from adapters.clock import SystemClock
from adapters.persistence.sql import migrate
from adapters.persistence.sql.bill_archive import SqlBillArchive
from adapters.persistence.sql.books import SqlBooks
from adapters.persistence.sql.directory import SqlDirectory
from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.library import SqlLibrary
from adapters.persistence.sql.queues import SqlAgenda, SqlCallbackQueue, SqlOutbox, Turn
from adapters.persistence.sql.reconciliation_statements import ReconciliationStatements
from adapters.persistence.sql.reconciliations import SqlDiscrepancies, SqlFindings, SqlRuns
from adapters.persistence.sql.sqlite import Reader as SqliteReader
from adapters.persistence.sql.sqlite import Writer as SqliteWriter
from adapters.persistence.sql.statements import Prepared, Statements
from adapters.persistence.sql.switches import SqlSwitches
from adapters.persistence.sql.unit import Signal
from adapters.persistence.sql.webhooks import SqlWebhooks
from adapters.persistence.sql.work import SqlUnitOfWork
from application.ports import (
    Agenda,
    CallbackQueue,
    Clock,
    DeadCallbacks,
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

_PING = Prepared("SELECT 1", ())

#: Both name the values of a statement by their position.
SQLITE = sqlite.dialect(paramstyle="qmark")
POSTGRES: Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # as SQLAlchemy types it


def _nobody_listens() -> None:
    """What is called until somebody wants to hear."""


class SqlStore:
    """An open database; belongs to the event loop that opened it, and must be closed.

    `on_message` and `on_callback` may be set; they are called on the event loop after a commit
    that brought events, and after a callback was taken.
    """

    outbox: Outbox
    callbacks: CallbackQueue
    dead_callbacks: DeadCallbacks
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

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        clock: Clock,
        dialect: Dialect = SQLITE,
        *,
        turn: Turn | None = None,
    ) -> None:
        self.on_message: Signal = _nobody_listens
        self.on_callback: Signal = _nobody_listens
        self._reader, self._writer = reader, writer
        self._statements = Statements(dialect)
        everything = (reader, writer, self._statements)
        self._ring: Callable[[str], None] = lambda _: None
        self._before_close: list[Callable[[], Awaitable[None]]] = []
        self.outbox = SqlOutbox(*everything, turn)
        self.callbacks = SqlCallbackQueue(*everything, self._heard_callback)
        self.dead_callbacks = self.callbacks
        self.agenda = SqlAgenda(*everything)
        self.library = SqlLibrary(reader, self._statements)
        self.directory = SqlDirectory(*everything, clock)
        self.switches = SqlSwitches(*everything)
        self.webhooks = SqlWebhooks(reader, writer, dialect, self._statements.insert["incidents"])
        self.books = SqlBooks(reader, dialect)
        statements = ReconciliationStatements(dialect)
        self.runs = runs = SqlRuns(reader, writer, statements)
        self.run_agenda = runs
        self.findings = SqlFindings(
            *(reader, writer, statements, runs),
            insert_message=self._statements.insert["events"],
            on_message=self._heard_message,
        )
        self.discrepancies = SqlDiscrepancies(reader, writer, statements)
        self.bills = SqlBillArchive(reader, writer, dialect)

    @classmethod
    async def open(
        cls, url: str, clock: Clock | None = None, *, password: str | None = None
    ) -> Self:
        """Open `sqlite:///path` or `postgresql://…`; `password` wins over the one in the URL.

        Raises SchemaOutdated if it needs `basepay migrate`, and DatabaseUnusable.
        """
        clock = clock or SystemClock()
        if migrate.is_postgres(url):
            return await cls._open_postgres(url, password, clock)
        migrate.check(url)
        path = migrate.database_path(url)
        writer = SqliteWriter(path)
        return cls(await SqliteReader.open(path), writer, clock)

    @classmethod
    async def _open_postgres(cls, url: str, password: str | None, clock: Clock) -> Self:
        from adapters.persistence.sql.postgres import bell, driver, lease, pool, schema

        address = pool.Address(url, password)
        await schema.check(address)
        held = pool.Pool(address.connect)
        relay = lease.Lease(held, "relay")
        reader = driver.PostgresReader(held, address.connect_patiently)
        writer = driver.PostgresWriter(held)
        store = cls(reader, writer, clock, POSTGRES, turn=relay.hold)
        others = bell.Bell(address.connect, store._heard_from_others)
        store._ring, store._before_close = others.ring, [others.close, relay.let_go]
        return store

    def work(self) -> UnitOfWork:
        """Open a unit of work."""
        return SqlUnitOfWork(self._reader, self._writer, self._statements, self._heard_message)

    async def ping(self) -> None:
        """Raises Unavailable if the database does not answer."""
        await self._reader.rows(_PING, {})

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        for step in self._before_close:
            await step()
        await self._writer.close()
        await self._reader.close()

    def _heard_message(self) -> None:
        self.on_message()
        self._ring("message")

    def _heard_callback(self) -> None:
        self.on_callback()
        self._ring("callback")

    def _heard_from_others(self, what: str) -> None:
        match what:
            case "message":
                self.on_message()
            case "callback":
                self.on_callback()
