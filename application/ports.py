"""What basepay asks of the world: every Protocol, each at most four methods."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from application.reconciliation_ports import BillSource
from application.records import (
    Caller,
    Filter,
    Incident,
    KeptAnswer,
    Message,
    News,
    Page,
    RawCallback,
    Record,
    Reply,
    Request,
)
from domain.method import Method, Provider
from domain.order import Order
from domain.outcome import (
    Action,
    FoundRefund,
    Outcome,
    Payee,
    RefundNotFound,
    RefundOutcome,
    Unknown,
)
from domain.payment import Payment
from domain.reconciliation import FeeTerms
from domain.refund import Refund


class LostUpdate(Exception):
    """Somebody else changed the row meanwhile; read again and decide again."""


class AlreadyExists(Exception):
    """A row with this key was committed by somebody else meanwhile."""


class Unavailable(Exception):
    """A part of the system we depend on does not answer; nothing is known to have been kept."""


class CallbackRejected(Exception):
    """Not genuine, too old, or not readable: nothing in it may be believed."""


class Clock(Protocol):
    """Business time: expiry, schedules, bill days."""

    def now(self) -> datetime:
        """Aware, UTC."""


class NewId(Protocol):
    """Makes identifiers that sort by time."""

    def __call__(self) -> str:
        """A fresh ULID: 26 characters, upper case letters and digits."""


class Payments(Protocol):
    """Payments as stored. Reads see what is committed; `save` is staged until the commit."""

    async def get(self, id: str) -> Payment:
        """Raises domain.errors.NotFound."""

    async def numbered(self, provider_order_no: str) -> Payment | None:
        """The payment with this number at the provider."""

    def save(self, payment: Payment) -> None:
        """Insert if `version` is 0, else update; the commit adds one to `version`."""


class Refunds(Protocol):
    """Refunds as stored; likewise."""

    async def get(self, id: str) -> Refund:
        """Raises domain.errors.NotFound."""

    async def numbered(self, payment_id: str, provider_refund_no: str) -> Refund | None:
        """The payment's refund with this number at the provider."""

    async def named(self, app: str, refund_no: str) -> Refund | None:
        """The refund that the app calls so."""

    def save(self, refund: Refund) -> None:
        """Insert if `version` is 0, else update."""


class Orders(Protocol):
    """One row per app and order_no."""

    async def find(self, app: str, order_no: str) -> Order | None:
        """The order, if it ever had a payment."""

    def save(self, order: Order) -> None:
        """Insert if `version` is 0, else update."""


class Requests(Protocol):
    """Idempotency keys in use."""

    async def find(self, app: str, route: str, key: str) -> Request | None:
        """The request that claimed this key, if any."""

    def save(self, request: Request) -> None:
        """Insert (claim) if `version` is 0, else update."""


class UnitOfWork(Protocol):
    """A staged unit: what is not committed never happened.

    `commit` applies everything staged at once, durably: it raises LostUpdate if a saved row's
    version is no longer the stored one, AlreadyExists if an inserted row's unique key is taken,
    Unavailable if the store does not answer. Nothing is kept then, except that Unavailable may
    come after all of it was: the answer to a commit can be lost. Who asks by the key finds out.
    Appended records go in the order they were appended; an Evidence whose id exists is skipped.
    """

    payments: Payments
    refunds: Refunds
    orders: Orders
    requests: Requests

    def append(self, record: Record) -> None:
        """Stage an event for the outbox, a piece of evidence, or an incident."""

    async def commit(self) -> None:
        """Keep everything staged, or nothing."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class NewWork(Protocol):
    """Opens units of work."""

    def __call__(self) -> UnitOfWork:
        """A fresh, empty unit."""


class Outbox(Protocol):
    """Committed messages that wait for publication, in order of commit."""

    async def waiting(self, limit: int) -> Sequence[Message]:
        """The oldest unpublished messages."""

    async def published(self, ids: Sequence[str], at: datetime) -> None:
        """Mark them; repeating it is harmless."""

    async def announced(self, after: str, limit: int) -> Sequence[Message]:
        """Published messages whose id sorts after this one, in the order of their ids."""


class EventPublisher(Protocol):
    """The event platform, towards business systems."""

    async def publish(self, messages: Sequence[Message]) -> Sequence[str]:
        """Hand over in order; the ids that were durably taken. At least once."""


class EventLog(Protocol):
    """What the event platform holds. A broker may forget what it took; our outbox does not."""

    async def condition(self) -> str:
        """Stays the same as long as nothing seems to be lost. Raises Unavailable."""

    async def missing(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Those of these that it does not hold, in their order. Raises Unavailable."""


class CallbackQueue(Protocol):
    """The event platform, from the gateway to the payment service. Durable, at least once."""

    async def put(self, callback: RawCallback) -> None:
        """Take it durably, or raise Unavailable."""

    async def take(self, limit: int, *, at: datetime) -> Sequence[tuple[RawCallback, int]]:
        """The oldest that are due, each with the number of attempts so far.

        Nobody else is handed them for half a minute; what is not done by then comes again.
        """

    async def done(self, id: str) -> None:
        """Forget it: it is applied."""

    async def postpone(self, id: str, until: datetime | None) -> None:
        """Count a failed attempt and offer it again then; None: never (dead letter)."""


class DeadCallbacks(Protocol):
    """Callbacks that were given up, for operators to bring back once the cause is mended."""

    async def dead(self, limit: int) -> Sequence[RawCallback]:
        """The oldest of them. Raises Unavailable."""

    async def revive(self, id: str) -> bool:
        """Offer it again as if for the first time; False: there is none. Raises Unavailable."""


class Agenda(Protocol):
    """What must be asked about now, account by account.

    Whoever is handed an order has it for himself `until` then, or until it is saved or given back:
    two workers don't ask about the same order at the same time.
    """

    async def due_payments(
        self, account: str, at: datetime, limit: int, *, until: datetime, latest: bool = False
    ) -> Sequence[str]:
        """Ids of payments whose `next_check_at` has come, oldest first; `latest`: newest first."""

    async def due_refunds(
        self, account: str, at: datetime, limit: int, *, until: datetime
    ) -> Sequence[str]:
        """Ids of refunds likewise, oldest first."""

    async def give_back(self, ids: Sequence[str]) -> None:
        """Payments or refunds that are not asked about after all: due for anybody, at once."""

    async def open_orders(self) -> Mapping[str, int]:
        """How many payments and refunds shall be asked about some time, by account."""


class Library(Protocol):
    """Lists for reading; newest first, an app sees only its own."""

    async def payments(self, wanted: Filter) -> Page[Payment]: ...

    async def refunds(self, wanted: Filter) -> Page[Refund]: ...

    async def messages(self, wanted: Filter) -> Page[Message]:
        """Published events; `order_no` is not a filter here. Operators' own are left out."""

    async def incidents(self, wanted: Filter) -> Page[Incident]: ...


class Directory(Protocol):
    """Apps and operators, and the hashes of their keys."""

    async def authenticate(self, key_hash: str) -> Caller | None:
        """Who holds the key with this SHA-256 (hex), if it is live."""

    async def add_key(self, caller: Caller, key_hash: str, at: datetime) -> None:
        """Give a (new or known) caller one more key."""

    async def retire_keys(self, caller: Caller, *, keep: str, after: datetime) -> None:
        """All keys of the caller but the one with hash `keep` die at `after`."""

    async def callers(self) -> Sequence[tuple[Caller, int]]:
        """Everybody, with the number of live keys."""


class Switches(Protocol):
    """What can be turned on and off at run time in dev and test. Shared by all processes."""

    async def one_fen(self) -> bool:
        """Whether new payments charge 1 fen."""

    async def turn_one_fen(self, *, on: bool, by: str, at: datetime) -> None:
        """Turn it; `by`: the operator."""


class Locks(Protocol):
    """Lets twins wait for each other. Only comfort: the database decides."""

    async def acquire(self, key: str, *, wait_seconds: float) -> str | None:
        """An owner token, or None if somebody else held it all the time."""

    async def release(self, key: str, token: str) -> None:
        """Give it back; harmless if it is lost already."""


class Answers(Protocol):
    """First answers to idempotency keys, at hand for every process. Only comfort, likewise.

    One that does not answer is an empty one, and raises nothing.
    """

    async def get(self, key: str) -> KeptAnswer | None:
        """What was put, for some while."""

    def put(self, key: str, answer: KeptAnswer) -> None:
        """Keep what is committed; waits for nothing and may fail."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is settled before a payment is stored."""

    payee: Payee
    request: bytes  # exactly what the provider will be sent
    action: Action | None = None  # for methods that need no call


class PaymentProvider(Protocol):
    """One merchant account, asked about payments.

    Nothing is raised for what the world does: time-outs and nonsense are Unknown.
    """

    def prepare(self, payment: Payment) -> Prepared:
        """Build the provider request once. Raises domain.errors.InvalidRequest."""

    async def start(self, payment: Payment) -> Outcome:
        """Send `payment.request`; for prepay methods repeating it is safe.

        For code payments this is the charge, sent once. A method whose action is built here
        needs no call; the action is built anew.
        """

    async def query(self, payment: Payment) -> Outcome:
        """Where the provider says it stands."""

    async def close(self, payment: Payment) -> Outcome:
        """Ask to close, then report what is true: Closed only if confirmed.

        A code payment is taken back instead: reversed or cancelled, the money included.
        """


class RefundProvider(Protocol):
    """One merchant account, asked about refunds; likewise."""

    def prepare_refund(self, refund: Refund, payment: Payment) -> bytes:
        """Build the provider request once."""

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Send `refund.request`; repeating it with the same number is safe."""

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        """Where the provider says it stands."""

    async def look_up(
        self, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        """Find a refund of the payment that basepay did not ask for."""


class CallbackReader(Protocol):
    """Verifies and decrypts one account's callbacks; synchronous and quick."""

    def read(self, callback: RawCallback) -> News:
        """Raises CallbackRejected."""

    def reply(self, *, accepted: bool) -> Reply:
        """What the provider wants to hear: taken, or send it again."""


@dataclass(frozen=True, slots=True)
class Account:
    """One merchant account with everything that speaks for it."""

    name: str
    provider: Provider
    methods: frozenset[Method]
    refund_spacing: timedelta  # between two refund requests of one payment
    payments: PaymentProvider
    refunds: RefundProvider
    callbacks: CallbackReader
    bills: BillSource | None = None  # None: it has no statements to fetch
    fees: FeeTerms | None = None  # what the provider should keep; None: nobody has agreed on it
    asks_per_second: float = 50.0  # of the sweeper; the provider's limits leave room for the apps
    #: Runs until cancelled in every process that holds the account: certificates are fetched
    #: ahead of need. It never raises for what the world does.
    upkeep: Callable[[], Awaitable[None]] | None = None
