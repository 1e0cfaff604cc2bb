"""basepay whole, in memory: the real use cases over doubles that behave."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.clock import MovableClock, SystemClock
from adapters.ids import new_ulid
from adapters.in_process.locks import InProcessLocks
from adapters.in_process.publisher import InProcessPublisher
from adapters.in_process.tokens import InProcessTokens
from adapters.persistence.memory.store import MemoryStore
from adapters.providers.in_memory.provider import InMemoryProvider
from adapters.reports.writer import ReportWriter
from adapters.scratch import NewDiskScratch
from adapters.webhooks.vault import AesVault
from application.accounts import Accounts
from application.app import App, World
from application.commands import NewPayment, NewRefund
from application.idempotency import Answer, Key
from application.reconciliation_ports import Reconciliation
from application.reconciliation_records import Plan
from application.records import Caller, Filter, Incident, Message
from application.shared import Shared
from application.views import payment_view, refund_view
from application.webhook_ports import Webhooks, WebhookSender
from domain.method import Method, Provider
from domain.payment import Payment
from tests.receivers import Receivers

SHOP = Caller("shop")


class MemoryWorld:
    """One shop, two merchant accounts, a clock that moves when told."""

    def __init__(
        self,
        *,
        refund_spacing: timedelta = timedelta(0),
        switches: bool = True,
        sender: WebhookSender | None = None,
    ) -> None:
        self.clock = MovableClock()
        self.store = MemoryStore(self.clock)
        self.wechat = InMemoryProvider("wechat-main", Provider.WECHAT, self.clock)
        self.alipay = InMemoryProvider("alipay-main", Provider.ALIPAY, self.clock)
        accounts = [
            provider.account(refund_spacing=refund_spacing)
            for provider in (self.wechat, self.alipay)
        ]
        locks = InProcessLocks()
        tokens = InProcessTokens(self.clock)
        self.receivers = Receivers(self.clock)
        self.app = App(
            World(
                work=self.store.work,
                outbox=self.store.outbox,
                callbacks=self.store.callbacks,
                agenda=self.store.agenda,
                library=self.store.library,
                directory=self.store.directory,
                publisher=InProcessPublisher(),
                locks=locks,
                accounts=Accounts({account.name: account for account in accounts}),
                clock=self.clock,
                wall_clock=SystemClock(),
                new_id=new_ulid,
                number_prefix="t1",
                pings={"database": self.store.ping},
                switches=self.store.switches if switches else None,
                shared=Shared(tokens=tokens, locks=locks, clock=self.clock),
                reconciliation=Reconciliation(
                    reports=ReportWriter(),
                    books=self.store.books,
                    runs=self.store.runs,
                    run_agenda=self.store.run_agenda,
                    findings=self.store.findings,
                    discrepancies=self.store.discrepancies,
                    archive=self.store.bills,
                    scratch=NewDiskScratch(),
                    plan=Plan(),
                ),
                webhooks=Webhooks(
                    endpoints=self.store.webhooks.endpoints,
                    deliveries=self.store.webhooks.deliveries,
                    log=self.store.webhooks.log,
                    vault=AesVault(bytes(32)),
                    sender=sender or self.receivers,
                ),
            )
        )

    def provider(self, account: str) -> InMemoryProvider:
        """The double behind an account."""
        return {"wechat-main": self.wechat, "alipay-main": self.alipay}[account]

    async def pay(self, key: str = "k1", **changes: Any) -> Answer:
        """Ask for a payment of 88.88 yuan for SO-1 by WeChat's QR code, or as `changes` say."""
        facts: dict[str, Any] = {
            "app": "shop",
            "order_no": "SO-1",
            "amount": 8888,
            "subject": "Two cups of tea",
            "method": Method.WECHAT_NATIVE,
        }
        facts |= changes
        return await self.app.create_payment(NewPayment(**facts), _key("payments", key, facts))

    async def refund(self, payment_id: str, key: str = "r1", **changes: Any) -> Answer:
        """Ask for 10 yuan of a payment back as RF-1, or as `changes` say."""
        facts: dict[str, Any] = {
            "app": "shop",
            "payment_id": payment_id,
            "refund_no": "RF-1",
            "amount": 1000,
            "reason": "cold tea",
        }
        facts |= changes
        return await self.app.create_refund(NewRefund(**facts), _key("refunds", key, facts))

    async def paid(self, **changes: Any) -> str:
        """A payment that has succeeded; its id."""
        answer = await self.pay(key=f"paid-{changes.get('order_no', 'SO-1')}", **changes)
        view = seen(answer)
        self.provider(view["account"]).payer_pays(view["provider_order_no"])
        await self.app.get_payment(SHOP, view["id"], refresh=True)
        return answer.order_id

    async def callback(self, kind: str, number: str, *, account: str = "wechat-main") -> int:
        """The provider calls back, and everything that follows happens; its answer's status."""
        provider = self.provider(account)
        body = provider.callback(kind, number)
        reply = await self.app.receive_callback(provider.provider, account, {}, body)
        await self.settle()
        return reply.status

    async def settle(self) -> None:
        """Let the background work do all it can now."""
        while await self.app.apply_callbacks() + await self.app.announce_events():
            pass

    async def sweep_after(self, **units: float) -> None:
        """Let time pass, then let the sweeper ask once."""
        self.clock.advance(timedelta(**units).total_seconds())
        await self.app.sweep()
        await self.settle()

    async def stored(self, id: str) -> Payment:
        """The payment as stored."""
        return await self.app.get_payment(SHOP, id)

    async def payment(self, id: str) -> dict[str, Any]:
        """The payment as stored, seen as the API shows it."""
        return payment_view(await self.stored(id))

    async def refund_view(self, id: str) -> dict[str, Any]:
        """The refund as stored, seen as the API shows it."""
        return refund_view(await self.app.get_refund(SHOP, id))

    async def events(self) -> Sequence[Message]:
        """Everything published, oldest first."""
        page = await self.store.library.messages(Filter(limit=200))
        return list(reversed(page.items))

    async def incidents(self) -> Sequence[Incident]:
        """Everything that operators see, oldest first."""
        page = await self.store.library.incidents(Filter(limit=200))
        return list(reversed(page.items))


def seen(answer: Answer) -> dict[str, Any]:
    """What an answer says."""
    view: dict[str, Any] = json.loads(answer.body)
    return view


def _key(route: str, key: str, facts: dict[str, Any]) -> Key:
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Key(facts["app"], route, key, fingerprint)
