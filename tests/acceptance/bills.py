"""What stories about bills need of a stage: days that end, bills that are wrong, and persons."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum, auto
from typing import Any, Protocol

import httpx

from adapters.providers.in_memory.bills import InMemoryBills
from application.reconciliation_views import discrepancy_view, run_view
from domain.bill import BillRow
from domain.bill_day import BillDay, bill_day
from domain.discrepancy import Resolution
from domain.errors import DomainError, SecondPersonNeeded
from domain.method import Provider
from tests.acceptance.stage import ACCOUNTS, View
from tests.worlds import MemoryWorld

#: So long before midnight a story begins that happens around it: near enough, and time to spare.
SHORTLY = timedelta(minutes=10)

ONE_DAY = timedelta(days=1)


class Wrong(Enum):
    """How a bill can be wrong."""

    LACKS_IT = auto()
    TWICE = auto()
    OTHER_SUM = auto()
    STRANGERS_TOO = auto()
    A_DAY_LATER = auto()
    LATE = auto()
    DAMAGED = auto()


class Bills(Protocol):
    """A stage, as far as bills are concerned. Days are those of Shanghai."""

    async def today(self) -> date: ...

    async def time_comes(self, at: datetime) -> None:
        """Then whatever is due by itself has begun."""

    async def wrong(self, how: Wrong, provider: Provider, day: date) -> None:
        """The bill of that day, unless it was made already."""

    async def mend(self) -> None:
        """What is late is there, what was damaged is whole."""

    async def run(self, provider: Provider, day: date) -> View | None: ...

    async def again(self, run: View) -> None:
        """Somebody wants it once more."""

    async def differences(self, run: View) -> Sequence[View]: ...

    async def accept(self, difference: View) -> None: ...

    async def approve(self, difference: View) -> str | None:
        """By the person who accepted it; the word for why not."""


async def to_noon(bills: Bills, *, days: int) -> None:
    """So many days on."""
    await bills.time_comes(BillDay.of(await bills.today() + days * ONE_DAY).start + ONE_DAY / 2)


async def to_midnight(bills: Bills) -> None:
    """Of a day on which nothing else happens."""
    await bills.time_comes(BillDay.of(await bills.today() + ONE_DAY).end - SHORTLY)


class MemoryBillStage:
    """Bills over MemoryWorld."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    async def today(self) -> date:
        return bill_day(self._world.clock.now())

    async def time_comes(self, at: datetime) -> None:
        await self._world.sweep_after(seconds=(at - self._world.clock.now()).total_seconds())
        await self.work()

    async def wrong(self, how: Wrong, provider: Provider, day: date) -> None:  # noqa: ARG002 -- here nothing else is made before
        bills = self._world.provider(ACCOUNTS[provider]).bills
        match how:
            case Wrong.LATE:
                bills.late = True
            case Wrong.DAMAGED:
                bills.damaged = True
            case Wrong.A_DAY_LATER:
                bills.will_tell(_a_day_later(bills))
            case _:
                bills.will_tell(CHANGES[how])

    async def mend(self) -> None:
        for provider in (self._world.wechat, self._world.alipay):
            provider.bills.late = provider.bills.damaged = False

    async def run(self, provider: Provider, day: date) -> View | None:
        run = await self._world.app.reconcile.find(ACCOUNTS[provider], day)
        return None if run is None else dict(run_view(run))

    async def again(self, run: View) -> None:
        day = date.fromisoformat(run["day"])
        await self._world.app.reconcile.start(run["account"], day, by="olga")
        await self.work()

    async def differences(self, run: View) -> Sequence[View]:
        resolve = self._world.app.resolve_discrepancy
        page = await resolve.page(run["id"], status=None, limit=200, cursor=None)
        return [dict(discrepancy_view(each, resolve.age(each))) for each in page.items]

    async def accept(self, difference: View) -> None:
        resolve = self._world.app.resolve_discrepancy
        await resolve(difference["id"], Resolution.ACCEPT, by="olga", why="the bank said so")

    async def approve(self, difference: View) -> str | None:
        try:
            await self._world.app.resolve_discrepancy.approve(difference["id"], by="olga")
        except SecondPersonNeeded:
            return "second_person_needed"
        except DomainError as error:
            return str(error)
        return None

    async def work(self) -> None:
        """As the worker does."""
        reconciliations = self._world.app.reconciliations
        assert reconciliations is not None
        await reconciliations.schedule()
        for run in await reconciliations.reconcile.due(100):
            await reconciliations.reconcile.execute(run)
        await self._world.settle()


Rows = Sequence[BillRow]
CHANGES: dict[Wrong, Callable[[Rows], Rows]] = {
    Wrong.LACKS_IT: lambda rows: rows[1:],
    Wrong.TWICE: lambda rows: [*rows, rows[0]],
    Wrong.OTHER_SUM: lambda rows: [replace(rows[0], fen=rows[0].fen + 1), *rows[1:]],
    Wrong.STRANGERS_TOO: lambda rows: [*rows, replace(rows[0], order_no="t1" + "0" * 26)],
}


def _a_day_later(bills: InMemoryBills) -> Callable[[Rows], Rows]:
    """Out of the first bill that is made, into the second."""

    def take_out(rows: Rows) -> Rows:
        shifted = [replace(row, at=row.at + 2 * SHORTLY) for row in rows]
        bills.will_tell(lambda others: [*shifted, *others])
        return []

    return take_out


#: How each is armed at the simulators.
FAULTS: dict[Wrong, dict[str, Any]] = {
    Wrong.LACKS_IT: {"kind": "bill_row_dropped"},
    Wrong.TWICE: {"kind": "bill_row_duplicated"},
    Wrong.OTHER_SUM: {"kind": "bill_row_altered"},
    Wrong.STRANGERS_TOO: {"kind": "bill_row_added"},
    Wrong.A_DAY_LATER: {"kind": "bill_row_shifted"},
    Wrong.LATE: {"kind": "bill_late", "times": None},
    Wrong.DAMAGED: {"kind": "bill_wrong_hash", "times": None},
}


class WireBillStage:
    """Bills over a running basepay and its simulators."""

    def __init__(
        self,
        operator: httpx.AsyncClient,
        sandbox: httpx.AsyncClient,
        mend: Callable[[], Awaitable[None]],
    ) -> None:
        self._operator, self._sandbox, self._mend = operator, sandbox, mend

    async def today(self) -> date:
        return bill_day(await self._move(0))

    async def time_comes(self, at: datetime) -> None:
        await self._move((at - await self._move(0)).total_seconds())

    async def wrong(self, how: Wrong, provider: Provider, day: date) -> None:
        fault = {**FAULTS[how], "provider": provider}
        if fault["kind"].startswith("bill_row"):
            fault["day"] = day.isoformat()
        (await self._sandbox.post("/sandbox/faults", json=fault)).raise_for_status()

    async def mend(self) -> None:
        await self._mend()

    async def run(self, provider: Provider, day: date) -> View | None:
        query: dict[str, str | int] = {"account": ACCOUNTS[provider], "limit": 5}
        answer = await self._operator.get("/v1/reconciliations", params=query)
        runs: list[View] = answer.raise_for_status().json()["items"]
        return next((run for run in runs if run["day"] == day.isoformat()), None)

    async def again(self, run: View) -> None:
        wanted = {"account": run["account"], "day": run["day"]}
        (await self._operator.post("/v1/reconciliations", json=wanted)).raise_for_status()

    async def differences(self, run: View) -> Sequence[View]:
        answer = await self._operator.get(f"/v1/reconciliations/{run['id']}/discrepancies")
        items: list[View] = answer.raise_for_status().json()["items"]
        return items

    async def accept(self, difference: View) -> None:
        why = {"resolution": "accept", "reason": "the bank said so"}
        path = f"/v1/discrepancies/{difference['id']}/resolve"
        (await self._operator.post(path, json=why)).raise_for_status()

    async def approve(self, difference: View) -> str | None:
        path = f"/v1/discrepancies/{difference['id']}/approve"
        answer = await self._operator.post(path, json={"reason": "I agree with myself"})
        code: str = answer.json().get("code")
        return code if answer.is_error else None

    async def _move(self, seconds: float) -> datetime:
        moved = await self._sandbox.post("/sandbox/clock", json={"advance_seconds": seconds})
        return datetime.fromisoformat(moved.raise_for_status().json()["now"])
