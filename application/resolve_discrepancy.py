"""Persons settle what a run found: repaired, accepted by two of them, or explained."""

from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from typing import assert_never

from application.ports import Clock, LostUpdate
from application.reconciliation_ports import Discrepancies, Runs
from application.records import Page
from application.repair import Repair
from domain.discrepancy import Discrepancy, DiscrepancyStatus, Resolution
from domain.errors import NotRepaired

#: Rounds against others who settle the same one; each round somebody gets through.
ROUNDS = 10


class ResolveDiscrepancy:
    """The use cases behind `/v1/discrepancies`; who does what and why stays in the trail."""

    def __init__(
        self, discrepancies: Discrepancies, runs: Runs, *, repair: Repair, clock: Clock
    ) -> None:
        self._discrepancies, self._runs = discrepancies, runs
        self._repair, self._clock = repair, clock

    async def __call__(self, id: str, resolution: Resolution, *, by: str, why: str) -> Discrepancy:
        """Settle it. Raises NotFound, InvalidRequest, DiscrepancyResolved, ApprovalAwaited,
        MoneyDiffers, and NotRepaired if the provider does not confirm what the bill says.
        """
        if resolution is Resolution.REPAIR:
            await self._ask_the_provider(id, by, why)

        def settle(discrepancy: Discrepancy) -> None:
            _settle(discrepancy, resolution, by=by, why=why, at=self._clock.now())

        return await self._change(id, settle)

    async def approve(self, id: str, *, by: str, why: str = "") -> Discrepancy:
        """The second person's word. Raises NotFound, NothingToApprove, SecondPersonNeeded."""
        return await self._change(id, lambda it: it.approve(by=by, why=why, at=self._clock.now()))

    async def get(self, id: str) -> Discrepancy:
        """Raises NotFound."""
        return await self._discrepancies.get(id)

    async def page(
        self,
        run_id: str | None,
        *,
        account: str | None = None,
        status: DiscrepancyStatus | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Discrepancy]:
        """Of one run or of all, oldest first."""
        return await self._discrepancies.page(
            run_id, account=account, status=status, limit=limit, cursor=cursor
        )

    def age(self, discrepancy: Discrepancy) -> timedelta:
        """How long it has been open, or was."""
        return discrepancy.age(self._clock.now())

    async def unresolved(self, run_id: str) -> int:
        """How many wait for persons."""
        return await self._discrepancies.unresolved(run_id)

    async def _ask_the_provider(self, id: str, by: str, why: str) -> None:
        """Only if the resolution would be taken: so it is tried on a copy first."""
        discrepancy = await self._discrepancies.get(id)
        rehearsed = copy(discrepancy)
        rehearsed.repair(by=by, why=why, at=self._clock.now())
        learned = await self._repair(discrepancy)
        if learned is None:
            raise NotRepaired(id, "the provider does not confirm what the bill says")
        run = await self._runs.get(discrepancy.run_id)
        if not learned.settles(discrepancy, run.day):
            raise NotRepaired(id, "the provider tells another amount or another day than the bill")

    async def _change(self, id: str, change: Callable[[Discrepancy], None]) -> Discrepancy:
        for _ in range(ROUNDS):
            discrepancy = await self._discrepancies.get(id)
            change(discrepancy)
            try:
                await self._discrepancies.save(discrepancy)
            except LostUpdate:
                continue
            return discrepancy
        raise LostUpdate(id)


def _settle(
    discrepancy: Discrepancy, resolution: Resolution, *, by: str, why: str, at: datetime
) -> None:
    match resolution:
        case Resolution.REPAIR:
            discrepancy.repair(by=by, why=why, at=at)
        case Resolution.ACCEPT:
            discrepancy.accept(by=by, why=why, at=at)
        case Resolution.NOTE:
            discrepancy.note(by=by, why=why, at=at)
        case _:
            assert_never(resolution)
