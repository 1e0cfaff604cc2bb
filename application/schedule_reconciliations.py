"""Runs that nobody has to ask for: every account, every day, from its bill's hour on."""

import logging
from collections.abc import Mapping
from datetime import date, timedelta

from application.ports import Account, Clock
from application.reconcile import Reconcile
from application.reconciliation_ports import BillArchive
from application.reconciliation_records import Plan
from domain.bill_day import BillDay, bill_day

log = logging.getLogger("basepay.reconciliation")

#: Days that are caught up with when nothing ran for a while; older ones a person asks for.
CATCH_UP_DAYS = 7

ONE_DAY = timedelta(days=1)


class ScheduleReconciliations:
    """Asks for what is missing, and lets go of bills that are old enough."""

    def __init__(
        self,
        reconcile: Reconcile,
        *,
        accounts: Mapping[str, Account],
        archive: BillArchive,
        plan: Plan,
        clock: Clock,
    ) -> None:
        self._reconcile, self._accounts, self._archive = reconcile, accounts, archive
        self._plan, self._clock = plan, clock
        self._asked: dict[str, date] = {}  # up to which day, by account
        self._forgot_on: date | None = None

    async def __call__(self) -> int:
        """How many runs were asked for."""
        if not self._plan.scheduled:
            return 0
        asked = 0
        for name in tuple(self._accounts):
            if self._accounts[name].bills is not None:
                asked += await self._account(name)
        await self._forget()
        return asked

    async def _account(self, name: str) -> int:
        expected = self._newest_expected(name)
        if self._asked.get(name) == expected:
            return 0
        asked = [await self._reconcile.expect(name, d) for d in await self._missing(name, expected)]
        self._asked[name] = expected
        return sum(asked)

    async def _missing(self, name: str, expected: date) -> list[date]:
        """Of an account that never ran only the newest day: before it there was no basepay."""
        page = await self._reconcile.page(account=name, limit=CATCH_UP_DAYS, cursor=None)
        known = {run.day for run in page.items}
        first = min(known, default=expected)
        days = (expected - n * ONE_DAY for n in reversed(range(CATCH_UP_DAYS)))
        return [day for day in days if day >= first and day not in known]

    def _newest_expected(self, name: str) -> date:
        """The last day whose bill should be there by now."""
        now = self._clock.now()
        hour = self._plan.hours[self._accounts[name].provider]
        yesterday = bill_day(now) - ONE_DAY
        since_midnight = now - BillDay.of(yesterday).end
        made = since_midnight >= timedelta(hours=hour.hour, minutes=hour.minute)
        return yesterday if made else yesterday - ONE_DAY

    async def _forget(self) -> None:
        """Once a day."""
        today = bill_day(self._clock.now())
        if self._forgot_on != today:
            forgotten = await self._archive.forget(today - self._plan.keep_bills)
            if forgotten:
                log.info("%s bills are old enough and deleted", forgotten)
            self._forgot_on = today
