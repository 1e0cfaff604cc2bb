"""The table of contents: one entry a use case, wired once from the ports."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from application.accounts import Accounts
from application.announce_again import AnnounceAgain
from application.announce_events import AnnounceEvents
from application.apply_callback import ApplyCallbacks
from application.budget import Budgets
from application.close_payment import ClosePayment
from application.create_payment import CreatePayment
from application.create_refund import CreateRefund
from application.deliver_webhooks import DeliverWebhooks
from application.export_reconciliation import ExportReconciliation
from application.idempotency import Idempotency
from application.keeper import Keeper, Numbers
from application.ledger import Ledger
from application.official_account import DomainProofs, PayerLogins
from application.official_account_ports import Visitors, WeChatApps
from application.one_fen import OneFen
from application.ports import (
    Agenda,
    Answers,
    CallbackQueue,
    Clock,
    Directory,
    EventLog,
    EventPublisher,
    Library,
    Locks,
    NewId,
    NewWork,
    Outbox,
    Switches,
    Unavailable,
)
from application.queries import GetOrders
from application.queue_webhooks import PublishToWebhooks, RedeliverEvents
from application.receive_callback import ReceiveCallback
from application.reconcile import Reconcile
from application.reconciliation_ports import Reconciliation
from application.reconciliations import Reconciliations
from application.refresh_payment import RefreshPayment
from application.refresh_refund import RefreshRefund
from application.repair import Repair
from application.resolve_discrepancy import ResolveDiscrepancy
from application.shared import Shared
from application.sweep import Sweep
from application.webhook_endpoints import WebhookEndpoints
from application.webhook_ports import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside, as the configuration chose it."""

    work: NewWork
    outbox: Outbox
    callbacks: CallbackQueue
    agenda: Agenda
    library: Library
    directory: Directory
    publisher: EventPublisher
    event_log: EventLog | None = None  # None: the outbox itself is what apps read
    locks: Locks
    answers: Answers | None = None  # None: the database alone remembers them
    accounts: Accounts
    clock: Clock  # business time
    wall_clock: Clock  # signatures and replay windows
    new_id: NewId
    number_prefix: str  # two characters that tell our order numbers from another deployment's
    pings: Mapping[str, Callable[[], Awaitable[None]]]  # raise Unavailable when a part is down
    switches: Switches | None = None  # None: production, where nothing can be switched
    one_fen: bool = False  # the 1-fen switch is on for the whole deployment
    shared: Shared  # what is fetched by one process for all
    wechat_apps: Mapping[str, WeChatApps] = field(default_factory=dict)  # by account
    mp_verify: Mapping[str, str] = field(default_factory=dict)  # file name -> content
    visitors: Visitors | None = None  # None: anybody may fetch those
    reconciliation: Reconciliation | None = None  # None: nothing is reconciled by this process
    webhooks: Webhooks | None = None  # None: no key to seal secrets with, so no webhooks
    trusted_proxies: tuple[str, ...] = ()  # whose word about a client's address we take


class App:
    """What basepay does."""

    def __init__(self, world: World) -> None:
        numbers = Numbers(world.new_id, world.number_prefix)
        work, accounts, clock = world.work, world.accounts, world.clock
        keep = Keeper(clock=clock, numbers=numbers)
        budgets = Budgets()
        ledger = Ledger(
            work=work,
            accounts=accounts,
            clock=clock,
            numbers=numbers,
            keep=keep,
            budgets=budgets,
        )
        self.one_fen = OneFen(switches=world.switches, clock=clock, always=world.one_fen)
        self.payer_logins = PayerLogins(
            apps=world.wechat_apps, accounts=accounts, shared=world.shared, clock=clock
        )
        self.domain_proofs = DomainProofs(
            world.mp_verify, visitors=world.visitors, trusted_proxies=world.trusted_proxies
        )
        idempotency = Idempotency(work=work, locks=world.locks, clock=clock, answers=world.answers)
        self.library, self.directory, self.accounts = world.library, world.directory, accounts
        self._pings = world.pings

        self.create_payment = CreatePayment(
            work=work,
            accounts=accounts,
            clock=clock,
            numbers=numbers,
            idempotency=idempotency,
            ledger=ledger,
            keep=keep,
            one_fen=self.one_fen,
        )
        self.create_refund = CreateRefund(
            work=work,
            accounts=accounts,
            clock=clock,
            numbers=numbers,
            idempotency=idempotency,
            ledger=ledger,
            keep=keep,
        )
        self.refresh_payment = RefreshPayment(accounts=accounts, clock=clock, ledger=ledger)
        self.refresh_refund = RefreshRefund(
            work=work, accounts=accounts, clock=clock, ledger=ledger
        )
        orders = GetOrders(
            work=work,
            clock=clock,
            refresh_payment=self.refresh_payment,
            refresh_refund=self.refresh_refund,
        )
        self.get_payment, self.get_refund = orders.payment, orders.refund
        self.close_payment = ClosePayment(
            orders=orders, clock=clock, ledger=ledger, refresh_payment=self.refresh_payment
        )
        self.receive_callback = ReceiveCallback(
            accounts=accounts,
            queue=world.callbacks,
            wall_clock=world.wall_clock,
            new_id=world.new_id,
        )
        self.apply_callbacks = ApplyCallbacks(
            work=work,
            queue=world.callbacks,
            accounts=accounts,
            clock=clock,
            ledger=ledger,
            refresh_payment=self.refresh_payment,
            refresh_refund=self.refresh_refund,
        )
        self.sweep = Sweep(
            work=work,
            agenda=world.agenda,
            accounts=accounts,
            budgets=budgets,
            clock=clock,
            ledger=ledger,
            refresh_payment=self.refresh_payment,
            refresh_refund=self.refresh_refund,
        )
        publisher = world.publisher
        if world.webhooks is not None:
            publisher = PublishToWebhooks(
                publisher, world.webhooks, clock=clock, new_id=world.new_id
            )
        self.announce_again: AnnounceAgain | None = None
        if world.event_log is not None:
            self.announce_again = AnnounceAgain(
                outbox=world.outbox,
                publisher=world.publisher,
                event_log=world.event_log,
                wall_clock=world.wall_clock,
            )
        self.announce_events = AnnounceEvents(outbox=world.outbox, publisher=publisher, clock=clock)
        self.webhook_endpoints = WebhookEndpoints(world.webhooks, clock=clock, new_id=world.new_id)
        self.redeliver_events = RedeliverEvents(
            world.webhooks, library=world.library, clock=clock, new_id=world.new_id
        )
        self.deliver_webhooks = DeliverWebhooks(world.webhooks, clock=clock, new_id=world.new_id)
        self.reconciliations: Reconciliations | None = None
        if world.reconciliation is not None:
            repair = Repair(work=work, accounts=accounts, clock=clock, ledger=ledger)
            self.reconciliations = Reconciliations.over(
                world.reconciliation,
                accounts=accounts,
                clock=clock,
                numbers=numbers,
                ledger=ledger,
                repair=repair,
            )

    @property
    def reconcile(self) -> Reconcile:
        """Raises Unavailable where nothing is reconciled."""
        return self._reconciliations().reconcile

    @property
    def resolve_discrepancy(self) -> ResolveDiscrepancy:
        """Raises Unavailable likewise."""
        return self._reconciliations().resolve

    @property
    def export_reconciliation(self) -> ExportReconciliation:
        """Raises Unavailable likewise."""
        return self._reconciliations().export

    def _reconciliations(self) -> Reconciliations:
        if self.reconciliations is None:
            raise Unavailable("reconciliation")
        return self.reconciliations

    async def ready(self) -> dict[str, str]:
        """Each part we depend on: `ok`, or what is wrong with it."""
        return {name: await _state(ping) for name, ping in self._pings.items()}


async def _state(ping: Callable[[], Awaitable[None]]) -> str:
    try:
        await ping()
    except Unavailable as error:
        return str(error) or "unavailable"
    return "ok"
