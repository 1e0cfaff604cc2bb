"""The two stores that every promise of persistence is tried on, and valid things to keep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.persistence.memory.store import MemoryStore
from adapters.persistence.sql import migrate
from adapters.persistence.sql.store import SqlStore
from application.records import Evidence, Incident, Message, RawCallback, Request
from domain.events import EventType, IncidentKind
from domain.method import Method, Provider
from domain.money import Money
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus

NOW = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)

Store = MemoryStore | SqlStore


@dataclass
class HandSetClock:
    """Stands still until somebody moves it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Make:
    """Builds valid things, numbered so that no two collide; a test names only what matters."""

    count: int = field(default=0)

    def _next(self) -> str:
        self.count += 1
        return f"{self.count:026d}"

    def payment(self, **fields) -> Payment:
        number = self._next()
        usual = {
            "id": f"pay_{number}",
            "app": "shop",
            "order_no": f"SO-{number}",
            "account": "wechat-main",
            "method": Method.WECHAT_NATIVE,
            "amount": Money(10_000),
            "charged_amount": Money(10_000),
            "subject": "Tea",
            "provider_order_no": f"d1{number}",
            "created_at": NOW,
            "expires_at": NOW + timedelta(hours=2),
        }
        return Payment(**(usual | fields))

    def paid(self, **fields) -> Payment:
        paid = {
            "status": PaymentStatus.SUCCEEDED,
            "succeeded_at": NOW,
            "provider_transaction_id": "4200001",
        }
        return self.payment(**(paid | fields))

    def refund(self, payment: Payment, **fields) -> Refund:
        number = self._next()
        usual = {
            "id": f"ref_{number}",
            "app": payment.app,
            "refund_no": f"RF-{number}",
            "payment_id": payment.id,
            "order_no": payment.order_no,
            "account": payment.account,
            "amount": Money(1_000),
            "charged_amount": Money(1_000),
            "reason": "Broken cup",
            "initiated_by": Initiator.APP,
            "provider_refund_no": f"d1{number}",
            "created_at": NOW,
        }
        return Refund(**(usual | fields))

    def message(self, **fields) -> Message:
        number = self._next()
        usual = {
            "id": f"evt_{number}",
            "app": "shop",
            "type": EventType.PAYMENT_SUCCEEDED,
            "order_id": f"pay_{number}",
            "sequence": 2,
            "occurred_at": NOW,
            "late": False,
            "data": b'{"status":"succeeded"}',
        }
        return Message(**(usual | fields))

    def evidence(self, **fields) -> Evidence:
        usual = {
            "id": f"evi_{self._next()}",
            "order_id": "pay_1",
            "source": "callback",
            "text": "verified",
            "received_at": NOW,
            "headers": {"wechatpay-nonce": "n"},
            "body": b"\x00\xff raw",
        }
        return Evidence(**(usual | fields))

    def incident(self, **fields) -> Incident:
        usual = {
            "id": f"inc_{self._next()}",
            "kind": IncidentKind.PAYMENT_MISMATCH,
            "app": "shop",
            "order_id": "pay_1",
            "detail": "paid 1, charged 2",
            "created_at": NOW,
        }
        return Incident(**(usual | fields))

    def request(self, **fields) -> Request:
        number = self._next()
        usual = {
            "app": "shop",
            "route": "POST /v1/payments",
            "key": f"key-{number}",
            "fingerprint": "f" * 64,
            "order_id": f"pay_{number}",
            "created_at": NOW,
            "leased_until": NOW + timedelta(seconds=10),
        }
        return Request(**(usual | fields))

    def callback(self, **fields) -> RawCallback:
        usual = {
            "id": f"cb_{self._next()}",
            "provider": Provider.WECHAT,
            "account": "wechat-main",
            "headers": {"wechatpay-serial": "1"},
            "body": b'{"raw": "\xe2\x82\xac"}',
            "received_at": NOW,
        }
        return RawCallback(**(usual | fields))


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A fresh SQLite file with the newest schema."""
    path = tmp_path / "basepay.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_store(run: Callable, database: Path, clock: HandSetClock) -> Iterator[SqlStore]:
    opened = run(SqlStore.open(f"sqlite:///{database}", clock))
    yield opened
    run(opened.close())


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, clock: HandSetClock) -> Store:
    """The memory store and the SQLite store: whatever holds for one holds for the other."""
    if request.param == "memory":
        return MemoryStore(clock)
    return request.getfixturevalue("sqlite_store")


@pytest.fixture
def keep(run: Callable, store: Store) -> Callable[..., None]:
    """Save aggregates and append records in one committed unit."""

    async def in_one_unit(*things) -> None:
        async with store.work() as work:
            for thing in things:
                stage(work, thing)
            await work.commit()

    return lambda *things: run(in_one_unit(*things))


def stage(work, thing) -> None:
    match type(thing).__name__:
        case "Payment":
            work.payments.save(thing)
        case "Refund":
            work.refunds.save(thing)
        case "Order":
            work.orders.save(thing)
        case "Request":
            work.requests.save(thing)
        case _:
            work.append(thing)
