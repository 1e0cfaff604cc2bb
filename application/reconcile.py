"""Reconciliation runs: one account and day held against its bill, as often as anybody wants."""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta

from application.execute_reconciliation import ExecuteReconciliation
from application.keeper import Numbers
from application.ledger import Ledger
from application.ports import Account, AlreadyExists, Clock, LostUpdate
from application.reconciliation_bills import Bills
from application.reconciliation_lease import Tell
from application.reconciliation_ports import BillSource, Reconciliation
from application.reconciliation_records import Run, RunStatus
from application.records import Page
from application.repair import Repair
from domain.bill import BillRejected
from domain.bill_day import bill_day
from domain.discrepancy import BASEPAY
from domain.errors import FieldError, InvalidRequest

#: Neither provider has bills of days before it.
FIRST = date(2004, 1, 1)


class Reconcile:
    """The use cases behind `/v1/reconciliations` and `basepay reconcile`.

    `start` and the reading ones are quick and may be called anywhere; `execute` does the work.
    """

    def __init__(
        self,
        outside: Reconciliation,
        *,
        accounts: Mapping[str, Account],
        clock: Clock,
        numbers: Numbers,
        ledger: Ledger,
        repair: Repair,
    ) -> None:
        self._outside, self._accounts = outside, accounts
        self._clock, self._numbers = clock, numbers
        self._execute = ExecuteReconciliation(
            outside,
            accounts=accounts,
            clock=clock,
            numbers=numbers,
            ledger=ledger,
            repair=repair,
            ask_again=self._ask_for,
        )

    async def start(self, account: str, day: date, *, by: str, file: str | None = None) -> Run:
        """Have the day reconciled now, again if it was; a run that is under way stays as it is.

        `file`: a bill to use instead of the provider's. Raises InvalidRequest for an account
        without bills, a day that is not over, and a file that is not this day's bill or comes
        while another one is being matched.
        """
        source = self._source(account, day)
        run = await self._outside.runs.find(account, day)
        if file is not None and not (run is not None and self._under_way(run)):
            await self._hand_in(account, source, day, file, by)
        run = await self._ask_for(account, day, by)
        if file is not None and self._under_way(run):
            raise InvalidRequest(FieldError("bill", "handed in once the day's run has ended"))
        return run

    async def expect(self, account: str, day: date) -> bool:
        """Have the day reconciled unless somebody wanted that before; whether nobody had."""
        if await self._outside.runs.find(account, day) is not None:
            return False
        run = self._new(account, day, BASEPAY)
        run.next_try_at = self._clock.now()
        try:
            await self._outside.runs.save(run)
        except AlreadyExists:  # another worker was faster
            return False
        return True

    async def get(self, id: str) -> Run:
        """Raises NotFound."""
        return await self._outside.runs.get(id)

    async def find(self, account: str, day: date) -> Run | None:
        """The run of this account and day, if anybody ever wanted one."""
        return await self._outside.runs.find(account, day)

    async def page(self, *, account: str | None, limit: int, cursor: str | None) -> Page[Run]:
        """Newest day first."""
        return await self._outside.runs.page(account=account, limit=limit, cursor=cursor)

    async def due(self, limit: int) -> list[Run]:
        """What is to be executed now, oldest day first."""
        return list(await self._outside.run_agenda.due(self._clock.now(), limit))

    async def execute(self, run: Run, tell: Tell | None = None) -> Run:
        """Take the run and bring it to its end; as it is if somebody else has it or it waits.

        `tell` hears every few seconds how many rows were read, and how many of them in a second.
        Whatever goes wrong with the bill ends in the run's state. What breaks here is raised, and
        the run is tried again.
        """
        return await self._execute(run, tell)

    async def _ask_for(self, account: str, day: date, by: str) -> Run:
        """Due at once, whatever it was."""
        while True:
            run = await self._outside.runs.find(account, day) or self._new(account, day, by)
            if self._under_way(run):
                return run
            run.status, run.started_by, run.failure = RunStatus.WAITING, by, ""
            run.next_try_at, run.leased_until = self._clock.now(), None
            try:
                await self._outside.runs.save(run)
            except (LostUpdate, AlreadyExists):  # somebody else wants it, too
                continue
            return run

    def _new(self, account: str, day: date, by: str) -> Run:
        return Run(
            id=self._numbers("rec"),
            account=account,
            day=day,
            status=RunStatus.WAITING,
            started_by=by,
            created_at=self._clock.now(),
            attempt=0,
        )

    async def _hand_in(
        self, account: str, source: BillSource, day: date, file: str, by: str
    ) -> None:
        scratch = await asyncio.to_thread(self._outside.scratch)
        try:
            bills = Bills(self._outside.archive, source, account=account, clock=self._clock)
            await bills.hand_in(day, file, by, scratch)
        except BillRejected as error:
            raise InvalidRequest(FieldError("bill", f"the bill of that day: {error}")) from None
        finally:
            await asyncio.to_thread(scratch.close)

    def _source(self, account: str, day: date) -> BillSource:
        known = {n: bills for n in self._accounts if (bills := self._accounts[n].bills)}
        if account not in known:
            there = ", ".join(sorted(known)) or "none has any"
            raise InvalidRequest(FieldError("account", f"one that has bills: {there}"))
        yesterday = bill_day(self._clock.now()) - timedelta(days=1)
        if day > yesterday:
            raise InvalidRequest(FieldError("day", f"over in Shanghai: {yesterday} or earlier"))
        if day < FIRST:
            raise InvalidRequest(FieldError("day", f"{FIRST} or later"))
        return known[account]

    def _under_way(self, run: Run) -> bool:
        now = self._clock.now()
        return run.status is RunStatus.RUNNING and (run.leased_until or now) > now
