"""A day of trade in a SQLite file, the provider's book of it, and a process that reconciles it."""

import asyncio
import os
import random
import re
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from adapters.clock import MovableClock, SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.sql.store import SqlStore
from adapters.providers.in_memory.book import Returned, Trade
from adapters.providers.in_memory.provider import InMemoryProvider
from adapters.reports.writer import ReportWriter
from adapters.scratch import NewDiskScratch
from application.accounts import Accounts
from application.app import App, World
from application.reconciliation_ports import Reconciliation
from application.reconciliation_records import Plan, Run, RunStatus
from application.shared import Shared
from domain.bill import BillRow
from domain.method import Provider
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus
from tests.builders import a_payment, a_refund

DAY = date(2026, 3, 14)
MORNING = datetime(2026, 3, 14, 1, tzinfo=UTC)
ACCOUNT = "wechat-main"

#: Orders of that day; each of a few kinds of trouble befalls one in so many of them.
ORDERS, ONE_IN = 1_200, 24


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: its report, and every discrepancy as persons see it."""

    report: bytes
    found: tuple[tuple[object, ...], ...]


class Books:
    """Both sides of the day; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.payments: list[Payment] = []
        self.trades: dict[str, Trade] = {}
        self.refunds: list[Refund] = []
        for number in range(ORDERS):
            self._order(number)

    def changed(self, rows: Sequence[BillRow]) -> Sequence[BillRow]:
        """What the bill makes of its rows: some are lost, some altered, some told twice."""
        chance = random.Random(len(rows))
        told: list[BillRow] = []
        for row in rows:
            match chance.randrange(ONE_IN * 4):
                case 0:
                    pass
                case 1:
                    told.append(replace(row, fen=row.fen + 1))
                case 2:
                    told += [row, row]
                case 3:
                    told += [row, replace(row, order_no="zz" + row.order_no[2:])]
                case _:
                    told.append(row)
        return told

    def _order(self, number: int) -> None:
        chance, at = self._chance, MORNING + timedelta(seconds=10 * number)
        fen = chance.randint(100, 99_999)
        heard = chance.randrange(ONE_IN) > 0
        payment = a_payment(
            id=f"pay_{number:026d}",
            amount=Money(fen),
            payee=InMemoryProvider(ACCOUNT, Provider.WECHAT, SystemClock()).payee,
            created_at=at,
            expires_at=at + timedelta(hours=2),
            **({"status": PaymentStatus.SUCCEEDED, "succeeded_at": at} if heard else {}),
        )
        self.payments.append(payment)
        trade = Trade(payment.provider_order_no, Money(fen), "paid", at, charges=1)
        self.trades[trade.number] = trade
        match chance.randrange(ONE_IN):
            case 0:  # refunded by us
                refund = a_refund(
                    id=f"ref_{number:026d}",
                    payment_id=payment.id,
                    order_no=payment.order_no,
                    amount=Money(fen // 2),
                    created_at=at,
                    accepted_at=at if heard else None,
                )
                self.refunds.append(refund)
                back = Returned(refund.provider_refund_no, refund.charged_amount, at)
                trade.refunds[back.number] = back
            case 1:  # refunded on the provider's site
                trade.refunds[f"SITE{number}"] = Returned(f"SITE{number}", Money(fen // 3), at)


async def fill(url: str, books: Books) -> None:
    """Write our side."""
    store = await SqlStore.open(url)
    try:
        async with store.work() as work:
            for payment in books.payments:
                work.payments.save(payment)
                won = payment.id if payment.status is PaymentStatus.SUCCEEDED else None
                order = Order(
                    app=payment.app, order_no=payment.order_no, current=payment.id, winner=won
                )
                work.orders.save(order)
            for refund in books.refunds:
                work.refunds.save(refund)
            await work.commit()
    finally:
        await store.close()


def reconcile(folder: Path, seed: int, minutes: int, began: Connection) -> None:
    """What the process does that may be killed; `minutes` have passed since the first one."""
    os.environ["TMPDIR"] = str(folder)
    asyncio.run(_reconcile(folder, seed, minutes, began))


async def _reconcile(folder: Path, seed: int, minutes: int, began: Connection) -> None:
    async with opened(folder, Books(seed), minutes) as app:
        began.send("begun")
        run = await app.reconcile.start(ACCOUNT, DAY, by="olga")
        await app.reconcile.execute(run)


async def outcome(folder: Path) -> Outcome:
    """Read what the run in this folder came to."""
    async with opened(folder, None, 0) as app:
        run = await app.reconcile.find(ACCOUNT, DAY)
        assert run is not None
        assert run.status is RunStatus.FINISHED, run.failure
        return Outcome(run.report, tuple(sorted([each async for each in _found(app, run)])))


async def _found(app: App, run: Run):
    cursor = None
    while True:
        page = await app.resolve_discrepancy.page(run.id, status=None, limit=200, cursor=cursor)
        for one in page.items:
            what = one.cls, one.order_no, one.kind or 0, one.refund_no, one.nth
            sums = one.ours_fen or 0, one.bill_fen or 0
            # What is adopted gets a fresh id each time.
            words = (re.sub("ref_[0-9A-Z]+", "ref_", it) for it in (one.order_id or "", one.detail))
            yield (*what, *sums, *words, one.status, str(one.resolution))
        cursor = page.next_cursor
        if cursor is None:
            return


@asynccontextmanager
async def opened(folder: Path, books: Books | None, minutes: int):
    """The use cases over the file, with the provider in memory."""
    clock = MovableClock(offset_seconds=60 * minutes)
    provider = InMemoryProvider(ACCOUNT, Provider.WECHAT, clock)
    if books is not None:
        provider.book = books.trades
        provider.bills.will_tell(books.changed)
    store = await SqlStore.open(f"sqlite:///{folder / 'basepay.db'}", clock)
    locks = InProcessLocks()
    world = World(
        work=store.work,
        outbox=store.outbox,
        callbacks=store.callbacks,
        agenda=store.agenda,
        library=store.library,
        directory=store.directory,
        publisher=InProcessPublisher(),
        locks=locks,
        accounts=Accounts({ACCOUNT: provider.account()}),
        clock=clock,
        wall_clock=clock,
        new_id=new_ulid,
        number_prefix="d1",
        pings={},
        shared=Shared(tokens=InProcessTokens(clock), locks=locks, clock=clock),
        reconciliation=Reconciliation(
            books=store.books,
            runs=store.runs,
            run_agenda=store.run_agenda,
            findings=store.findings,
            discrepancies=store.discrepancies,
            archive=store.bills,
            scratch=NewDiskScratch(folder / "scratch"),
            reports=ReportWriter(),
            plan=Plan(),
        ),
    )
    try:
        yield App(world)
    finally:
        await store.close()
