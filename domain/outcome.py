"""What a provider's answer or callback means to us, for payments and for refunds.

Unknown is a value: a time-out, a cut line or an unreadable answer says nothing about the money.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.method import ActionType
from domain.money import Money


@dataclass(frozen=True, slots=True)
class Action:
    """What the front end must do next; `details` are its ready-to-use values by name."""

    type: ActionType
    details: Mapping[str, object]
    expires_at: datetime | None = None  # when the link or code goes stale, if before the order


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid: the merchant at the provider and its app id. None: the message is silent."""

    merchant_id: str | None
    app_id: str | None

    def __str__(self) -> str:
        return f"merchant {self.merchant_id or 'unnamed'}, app id {self.app_id or 'unnamed'}"

    def contradicts(self, other: "Payee") -> bool:
        """True if both speak of the same thing and say different things."""
        pairs = ((self.merchant_id, other.merchant_id), (self.app_id, other.app_id))
        return any(a is not None and b is not None and a != b for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it did not work, in our code and in the provider's own words."""

    code: str
    provider_code: str | None = None
    message: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Common to all outcomes: the provider's request id and code, for the evidence."""

    trace: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AwaitingPayer(Answer):
    """The order lives at the provider and is unpaid; `action` if this answer brought one."""

    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Paid(Answer):
    """The provider proves that money came in."""

    provider_transaction_id: str
    amount: Money  # the order amount as the provider knows it, before coupons
    paid_at: datetime
    payee: Payee
    payer: str | None = None
    payer_amount: Money | None = None  # what the payer really paid, after coupons
    settled_amount: Money | None = None
    returned: bool = False  # and all of it is proven to have gone back since
    refunding: bool = False  # and some refund of it exists, ours or another's


@dataclass(frozen=True, slots=True)
class Closed(Answer):
    """It can't be paid any more; `reversed`: money had moved and went straight back."""

    reversed: bool = False


@dataclass(frozen=True, slots=True)
class Declined(Answer):
    """The provider definitely refused; no money moved."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class NotFound(Answer):
    """The provider does not know this number (yet)."""


@dataclass(frozen=True, slots=True)
class Unknown(Answer):
    """Nothing was learned; ask again, though not before `retry_after` if the provider said so."""

    reason: str
    retry_after: timedelta | None = None  # the provider is asked nothing at all for so long
    unanswered: bool = False  # no answer came, or only a broken server's


@dataclass(frozen=True, slots=True)
class Unasked(Unknown):
    """The question was surely not sent: the provider does not answer anybody at present."""


Outcome = AwaitingPayer | Paid | Closed | Declined | NotFound | Unknown


@dataclass(frozen=True, slots=True)
class RefundAccepted(Answer):
    """The provider has the refund and is working on it."""

    provider_refund_id: str | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refunded(Answer):
    """The provider proves that the money went back."""

    amount: Money
    refunded_at: datetime
    provider_refund_id: str | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundPostponed(Answer):
    """Refused for a reason that passes (merchant balance, rate limit): repeat the same number."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefundRefused(Answer):
    """Definitely refused; nothing moved, the same number may be tried again."""

    failure: Failure
    sent_at: datetime | None = None  # which sending again was refused; None: the first


@dataclass(frozen=True, slots=True)
class RefundAbnormal(Answer):
    """The money left the merchant and could not reach the payer: a person must act."""

    failure: Failure
    provider_refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundClosed(Answer):
    """The provider closed the refund; the money stays with the merchant."""


@dataclass(frozen=True, slots=True)
class RefundNotFound(Answer):
    """The provider does not know this refund (yet)."""


RefundOutcome = (
    RefundAccepted
    | Refunded
    | RefundPostponed
    | RefundRefused
    | RefundAbnormal
    | RefundClosed
    | RefundNotFound
    | Unknown
)


@dataclass(frozen=True, slots=True)
class FoundRefund:
    """A refund that the provider holds, whoever asked for it."""

    amount: Money
    outcome: RefundOutcome
