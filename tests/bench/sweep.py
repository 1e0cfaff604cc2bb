"""How the sweeper copes with 100 000 open orders on SQLite: `python -m tests.bench.sweep`.

The provider answers at once and says "unpaid", so what is measured is ours: finding what is due,
asking in turn, keeping what was said. Among the backlog stand payments at a till, which must not
wait for it; how late they are asked is the second figure.
"""

import asyncio
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adapters.clock import MovableClock, SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from adapters.providers.in_memory.provider import InMemoryProvider
from application.accounts import Accounts
from application.app import App, World
from application.ports import Account
from application.shared import Shared
from domain.method import ActionType, Method, Provider
from domain.outcome import Action, AwaitingPayer, Outcome
from domain.payment import Payment
from tests.adapters.persistence.making import Make

OPEN, TILLS, CHUNK = 100_000, 50, 1_000
SECONDS = 20.0
SHOWN = Action(ActionType.SHOW_QR_CODE, {"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"})


class Unpaid(InMemoryProvider):
    """Says of every order that it is unpaid, and notes when payments at a till were asked about."""

    def __init__(self, name: str, clock: MovableClock) -> None:
        super().__init__(name, Provider.WECHAT, clock)
        self.asked, self.late = 0, list[float]()

    async def query(self, payment: Payment) -> Outcome:
        self.asked += 1
        if payment.terms.charges_at_once and payment.next_check_at is not None:
            self.late.append((self._clock.now() - payment.next_check_at).total_seconds())
        return AwaitingPayer()


async def fill(store: SqlStore, make: Make, clock: MovableClock, account: Account) -> None:
    """100 000 orders opened over the last hour, all due by now; the till's come on top."""
    now = clock.now()
    for start in range(0, OPEN, CHUNK):
        async with store.work() as work:
            for place in range(start, start + CHUNK):
                opened = now - timedelta(hours=1) * (OPEN - place) / OPEN
                payment = make.payment(
                    account=account.name,
                    created_at=opened,
                    expires_at=opened + timedelta(hours=2),
                    next_check_at=opened + timedelta(seconds=5),
                    action=SHOWN,  # without one it would be started again, not asked about
                )
                work.payments.save(payment)
            await work.commit()


async def open_tills(store: SqlStore, make: Make, clock: MovableClock, account: Account) -> None:
    now = clock.now()
    async with store.work() as work:
        for _ in range(TILLS):
            payment = make.payment(
                account=account.name,
                method=Method.WECHAT_CODE,
                created_at=now,
                expires_at=now + timedelta(seconds=45),
                next_check_at=now + timedelta(seconds=2),
            )
            work.payments.save(payment)
        await work.commit()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate.upgrade(url)
        clock, make = MovableClock(), Make()
        store = await SqlStore.open(url, clock)
        try:
            for asks_per_second in (100_000.0, 200.0):
                provider = Unpaid(f"account-{asks_per_second:.0f}", clock)
                account = replace(provider.account(), asks_per_second=asks_per_second)
                await fill(store, make, clock, account)
                await measure(store, make, clock, account, provider)
        finally:
            await store.close()


async def measure(
    store: SqlStore, make: Make, clock: MovableClock, account: Account, provider: Unpaid
) -> None:
    """Sweep for a while; print asks a second, CPU, memory, and how late the tills were asked."""
    app = App(
        World(
            work=store.work,
            outbox=store.outbox,
            callbacks=store.callbacks,
            agenda=store.agenda,
            library=store.library,
            directory=store.directory,
            publisher=InProcessPublisher(),
            locks=InProcessLocks(),
            accounts=Accounts({account.name: account}),
            clock=clock,
            wall_clock=SystemClock(),
            new_id=new_ulid,
            number_prefix="t1",
            pings={},
            shared=Shared(tokens=InProcessTokens(clock), locks=InProcessLocks(), clock=clock),
        )
    )
    await open_tills(store, make, clock, account)
    cpu, begun = _cpu_seconds(), time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < SECONDS:
        await app.sweep.account(account.name)
    used, late = _cpu_seconds() - cpu, sorted(provider.late)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{account.asks_per_second:>7.0f} asks/s allowed: {provider.asked / elapsed:6.0f} asks/s, "
        f"{used / provider.asked * 1000:.2f} CPU-ms each, {memory:.0f} MiB; tills asked "
        f"{len(late)} times, late by p50 {late[len(late) // 2]:.2f} s, max {late[-1]:.2f} s\n"
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(main())
