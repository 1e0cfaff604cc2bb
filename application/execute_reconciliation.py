"""Execute a run: from its bill to the sealed report, or to why there is none."""

import asyncio
import logging
from binascii import crc32
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, timedelta

from application.keeper import Numbers
from application.ledger import Ledger
from application.ports import Account, Clock, LostUpdate
from application.reconciliation_bills import Bills, Funds, Statement
from application.reconciliation_funds import ThirdSide, check_funds
from application.reconciliation_lease import Lease, Superseded, Tell, claim
from application.reconciliation_neighbours import concerned, heard_around
from application.reconciliation_ports import Reconciliation, Scratch
from application.reconciliation_records import BillNotReady, BillRefused, Carry, Run, RunStatus
from application.reconciliation_report import Report
from application.reconciliation_run import Execution
from application.reconciliation_summary import report_of
from application.reconciliation_views import run_view
from application.records import OPERATOR, Message
from application.repair import Repair
from application.views import to_json
from domain.bill import BillRejected, Key
from domain.bill_day import BillDay
from domain.discrepancy import BASEPAY
from domain.events import IncidentKind, OperatorEventType

log = logging.getLogger("basepay.reconciliation")

#: A bill that is rejected or absent may be a bad copy or late: it is fetched again for so long
#: after its day.
GIVE_UP_AFTER = timedelta(days=2)

#: The bill of the balance is waited for so long after its day, and then done without.
FUNDS_WITHIN = timedelta(hours=20)

#: Begins why a run waits that should be over by now.
OVERDUE = "overdue: "

#: Pauses before another try: after a rejected bill, and after something broke here.
REJECTED_PAUSE, BROKEN_PAUSE = timedelta(minutes=30), timedelta(minutes=10)

#: Share of a pause by which it may be longer, so that accounts don't ask all at once.
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """An execution came to its end."""

    report: Report
    carries: Sequence[Carry]
    judged: frozenset[Key]


#: Has a day of an account reconciled, in somebody's name.
AskAgain = Callable[[str, date, str], Awaitable[Run]]

Ended = Told | BillNotReady | BillRefused


class ExecuteReconciliation:
    """Takes a run that is due and brings it to its end, as the only one who does."""

    def __init__(
        self,
        outside: Reconciliation,
        *,
        accounts: Mapping[str, Account],
        clock: Clock,
        numbers: Numbers,
        ledger: Ledger,
        repair: Repair,
        ask_again: AskAgain,
    ) -> None:
        """`ask_again`: for another run, if what this one learned concerns it."""
        self._outside, self._accounts = outside, accounts
        self._clock, self._numbers = clock, numbers
        self._ledger, self._repair, self._ask_again = ledger, repair, ask_again

    async def __call__(self, run: Run, tell: Tell | None = None) -> Run:
        """Take the run and bring it to its end; as it is if somebody else has it or it waits.

        Whatever goes wrong with the bill ends in the run's state. What breaks here is raised, and
        the run is tried again.
        """
        if not claim(run, self._clock):
            return run
        try:
            await self._outside.runs.save(run)
        except LostUpdate:
            return await self._outside.runs.get(run.id)
        try:
            await self._executed(run, tell)
        except Superseded:
            return await self._outside.runs.get(run.id)
        return run

    async def _executed(self, run: Run, tell: Tell | None) -> None:
        scratch = await asyncio.to_thread(self._outside.scratch)
        try:
            async with Lease(run, self._outside.runs, self._clock, tell).held() as lease:
                ended = await self._attempt(run, scratch, lease)
        except (Superseded, LostUpdate):
            raise Superseded(run.id) from None
        except Exception as error:
            await self._put_off(run, f"{type(error).__name__}: {error}", BROKEN_PAUSE)
            raise
        finally:
            await asyncio.to_thread(scratch.close)
        match ended:
            case Told():
                await self._seal(run, ended)
            case BillNotReady(reason=reason, retry_after=pause):
                await self._wait(run, reason, pause)
            case BillRefused(reason=reason):
                await self._fail(run, reason)

    async def _attempt(self, run: Run, scratch: Scratch, lease: Lease) -> Ended:
        account = self._accounts.get(run.account)
        if account is None or account.bills is None:
            return BillRefused(f"{run.account} is not configured, or has no bills")
        bills = Bills(
            self._outside.archive,
            account.bills,
            account=run.account,
            clock=self._clock,
            went_on=lease.went_on,
        )
        try:
            statement = await bills.statement(run.day, scratch)
            if not isinstance(statement, Statement):
                return statement
            if statement.bill is None and await self._doubts(run, account):
                return BillNotReady("the provider has no bill yet, and our books have trade")
            lease.check()
            funds = await bills.funds(run.day, scratch)
            if isinstance(funds, BillNotReady):
                if self._clock.now() < BillDay.of(run.day).end + FUNDS_WITHIN:
                    return replace(funds, reason=f"of the balance: {funds.reason}")
                funds = None
        except BillRejected as error:
            return self._rejected(run, str(error))
        execution = Execution(
            run,
            account,
            self._outside,
            clock=self._clock,
            numbers=self._numbers,
            lease=lease,
            repair=self._repair,
        )
        matched = await execution(statement)
        third = await self._third_side(run, statement, funds, scratch, lease)
        lease.check()
        certificate = matched.certificate(statement)
        if contradictions := certificate.contradictions():
            return BillRefused(f"basepay contradicts itself: {'; '.join(contradictions)}")
        report = report_of(
            run, account.provider, statement, matched, third, repaired=await execution.repaired()
        )
        return Told(report, matched.carries, matched.judged)

    async def _doubts(self, run: Run, account: Account) -> bool:
        """Whether a day without a bill may be one whose bill is late."""
        day = BillDay.of(run.day)
        if self._clock.now() >= day.end + GIVE_UP_AFTER:
            return False
        pages = self._outside.books.movements(run.account, account.provider, day.start, day.end)
        async with aclosing(pages):
            async for page in pages:
                if any(not day.near_midnight(movement.at) for movement in page):
                    return True
        return False

    async def _third_side(
        self, run: Run, statement: Statement, funds: Funds | None, scratch: Scratch, lease: Lease
    ) -> ThirdSide | None:
        if funds is None:
            return None
        return await check_funds(
            run,
            statement,
            funds,
            scratch,
            findings=self._outside.findings,
            clock=self._clock,
            numbers=self._numbers,
            went_on=lease.went_on,
        )

    def _rejected(self, run: Run, why: str) -> Ended:
        """Another copy may be better, for a while."""
        reason = f"the bill is rejected: {why}"
        if self._clock.now() < BillDay.of(run.day).end + GIVE_UP_AFTER:
            return BillNotReady(reason, REJECTED_PAUSE)
        return BillRefused(reason)

    async def _seal(self, run: Run, told: Told) -> None:
        now, before = self._clock.now(), await heard_around(self._outside, run)
        run.status, run.finished_at, run.report = RunStatus.FINISHED, now, told.report.to_json()
        run.leased_until = run.next_try_at = None
        run.failure = ""
        finished = Message(
            id=self._numbers("evt"),
            app=OPERATOR,
            type=OperatorEventType.RECONCILIATION_FINISHED,
            order_id=run.id,
            sequence=run.attempt,
            occurred_at=now,
            late=False,
            data=to_json(run_view(run)),
        )
        try:
            await self._outside.findings.seal(run, told.carries, now, announce=finished)
        except LostUpdate:
            raise Superseded(run.id) from None
        log.info("%s %s: finished, %s", run.account, run.day, _in_short(told.report))
        changed = concerned(before, await heard_around(self._outside, run))
        if await self._misjudged(run, told):
            changed.add(run.day)
        for day in sorted(changed):
            await self._ask_again(run.account, day, BASEPAY)

    async def _misjudged(self, run: Run, told: Told) -> bool:
        """Whether what is carried to this day changed while it was matched."""
        carries = await self._outside.findings.carried(run.account, run.day)
        carried = [each for each in carries if each.from_day < run.day]
        now = {each.movement.key for each in carried}
        open_now = {each.movement.key for each in carried if each.settled_day is None}
        return not open_now <= told.judged <= now

    async def _wait(self, run: Run, reason: str, pause: timedelta) -> None:
        """For as long as it takes; of what should long be there operators hear once."""
        known = run.failure.startswith(OVERDUE)
        if overdue := self._clock.now() >= BillDay.of(run.day).end + GIVE_UP_AFTER:
            reason = OVERDUE + reason
        await self._put_off(run, reason, pause)
        if overdue and not known:
            await self._tell_operators(run, reason)

    async def _put_off(self, run: Run, reason: str, pause: timedelta) -> None:
        run.status, run.failure, run.leased_until = RunStatus.WAITING, reason, None
        run.next_try_at = self._clock.now() + pause * (1 + JITTER * _chance(run))
        log.warning("%s %s waits: %s", run.account, run.day, reason)
        await self._save(run)

    async def _fail(self, run: Run, reason: str) -> None:
        run.status, run.failure, run.leased_until = RunStatus.FAILED, reason, None
        run.next_try_at = None
        await self._save(run)
        await self._tell_operators(run, reason)

    async def _tell_operators(self, run: Run, reason: str) -> None:
        text = f"{run.account} {run.day}: {reason}"
        await self._ledger.report(IncidentKind.RECONCILIATION_FAILED, text, evidence=None)

    async def _save(self, run: Run) -> None:
        try:
            await self._outside.runs.save(run)
        except LostUpdate:
            raise Superseded(run.id) from None


def _chance(run: Run) -> float:
    return crc32(f"{run.id}/{run.attempt}".encode()) / 0xFFFF_FFFF


def _in_short(report: Report) -> str:
    return f"{report.discrepancies} discrepancies, {report.repaired} repaired"
