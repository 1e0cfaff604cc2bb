"""The seam between the shared simulator and one provider: plain values and one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from adapters.clock import MovableClock
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.faults import Fault, Faults, Struck
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.records import Callback, Order, Refund


@dataclass(frozen=True, slots=True)
class World:
    """What a simulated provider lives in."""

    clock: MovableClock  # business time; signature timestamps take wall time
    book: Book
    keys: KeyRing
    faults: Faults = field(default_factory=lambda: Faults({}))  # what is still to be planted


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came over the wire."""

    method: str
    target: str  # path and query byte for byte as on the request line
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def path(self) -> str:
        """The target up to its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target after its question mark, still percent-encoded."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A callback ready to be posted."""

    headers: Mapping[str, str]
    body: bytes


class PayerAction(StrEnum):
    """What a payer does with the phone."""

    SCAN = "scan"
    PAY = "pay"
    DECLINE = "decline"
    PASSWORD = "password"  # gets there and no further; types it for a charged code  # noqa: S105
    EXPIRE = "expire"  # lets this order's time run out


class PayerRefused(Exception):
    """The provider's app tells the payer that this can't be done; `str()` is what it shows."""


class SandboxProvider(Protocol):
    """One simulated provider. Everything is synchronous: one call is one step of the book."""

    @property
    def name(self) -> str:
        """`wechat` or `alipay`: the name in the book, in faults and in the credentials."""

    @property
    def paths(self) -> Sequence[str]:
        """Path prefixes this provider answers, e.g. `/v3/`."""

    @property
    def fault_kinds(self) -> frozenset[str]:
        """Faults it knows beyond the shared ones."""

    @property
    def retry_delays_seconds(self) -> Sequence[float]:
        """Pauses after failed callback attempts, in business time."""

    def credentials(self, base_url: str) -> Mapping[str, Any]:
        """Hand out the key material of `GET /sandbox/credentials`; keys and certificates in PEM."""

    def operation(self, call: Call) -> str:
        """Name the call in the trade's words: prepay, query, close, refund, refund_query, ….

        Never raises: a call nobody understands is `other`.
        """

    def answer(self, call: Call, struck: Struck) -> Answer:
        """Do what the call asks and say so; flawed signatures come from `struck`."""

    def trouble(self, call: Call, fault: Fault) -> Answer:
        """Answer a `status` or `error` fault in this provider's words."""

    def opens(self, link: str) -> Order | None:
        """Open, as the payer's browser or app, a link that tells of its order by itself.

        None where it is no such link; raises `PayerRefused` where the payer would see an error.
        """

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer act on an order; raise `PayerRefused` where the app would."""

    def merchant_refunds(self, order: Order, refund_no: str, amount: int, reason: str) -> None:
        """Refund `amount` fen on the merchant's own site; raise `PayerRefused` where it would."""

    def merchant_mends(self, refund: Refund, *, arrives: bool) -> None:
        """End an abnormal refund on the merchant's site: the money arrives, or it is closed."""

    @property
    def key_steps(self) -> Sequence[str]:
        """Name what can happen to the keys this provider signs with, e.g. `sign_with_new`."""

    def turn_keys(self, step: str) -> None:
        """Do one of `key_steps` while traffic goes on; raise `PayerRefused` out of turn."""

    @property
    def merchant_key_steps(self) -> Sequence[str]:
        """Name what the merchant can do with its own keys on its site, e.g. `revoke_old`."""

    def merchant_turns_keys(self, step: str) -> None:
        """Do one of `merchant_key_steps` likewise."""

    def pass_time(self) -> None:
        """Do what is due by the clock: settle refunds, expire orders. Cheap when nothing is."""

    def render(self, callback: Callback, struck: Struck) -> Message:
        """Write and sign one attempt; `callback_forged` in `struck`: as a stranger would."""

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Tell whether a merchant's answer ends the callback by this provider's rule."""
