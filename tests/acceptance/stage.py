"""What a story needs of the world it is told in: a shop, a payer's phone, trouble, and time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from domain.method import Method, Provider

if TYPE_CHECKING:
    from tests.acceptance.bills import Bills

View = dict[str, Any]
T = TypeVar("T")

METHODS = {Provider.WECHAT: Method.WECHAT_NATIVE, Provider.ALIPAY: Method.ALIPAY_QR}
ACCOUNTS = {Provider.WECHAT: "wechat-main", Provider.ALIPAY: "alipay-main"}


class Trouble(Enum):
    """How a provider can go wrong, until it works again."""

    SILENT = auto()  # hears nothing, answers nothing
    ANSWERS_LOST = auto()  # does as it is told, but is not heard
    FORGETFUL = auto()  # says that it knows no such order
    REFUSES_ORDERS = auto()
    REFUSES_REFUNDS = auto()
    NO_BALANCE = auto()  # the merchant's account there is empty
    CARD_CLOSED = auto()  # refunds can't reach the payer
    CALLBACKS_LOST = auto()
    CALLBACKS_TWICE = auto()
    STRANGER_FIRST = auto()  # a forged callback comes before the genuine one


@dataclass(frozen=True, slots=True)
class Reply:
    """What the shop hears: an order, or the word for why not."""

    view: View
    body: bytes = b""
    replayed: bool = False
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What a provider's own book says of one payment; amounts in fen."""

    known: bool
    amount: int = 0
    charges: int = 0
    returned: int = 0  # what has reached the payer


class Stage(Protocol):
    """basepay and everything around it."""

    @property
    def bills(self) -> "Bills": ...

    # What the shop does and reads.

    async def place(self, order_no: str, amount: int, how: View, *, key: str) -> Reply:
        """`how`: the method and what it needs, as an app sends it."""

    async def close(self, payment: View) -> Reply: ...
    async def refund(self, payment: View, refund_no: str, amount: int, *, key: str) -> Reply: ...
    async def payment(self, payment: View) -> View: ...
    async def payments(self, order_no: str) -> Sequence[View]: ...
    async def refund_now(self, refund: View) -> View: ...
    async def refunds(self, payment: View) -> Sequence[View]: ...
    async def events(self, order: View) -> Sequence[View]: ...

    async def incidents(self, order: View) -> Sequence[str]:
        """The kinds of what operators are told about one order."""

    # What happens outside.

    async def payer(self, action: str, payment: View) -> bool:
        """Scan, pay, type the password, or decline; whether the provider's app allowed it.

        Where there is no order before the payer opens the link, the payer opens it first.
        """

    async def truth(self, payment: View) -> Truth: ...

    async def trouble(self, trouble: Trouble, provider: Provider) -> None: ...

    async def mend(self) -> None:
        """Both providers work again."""

    async def forged_callback(self, payment: View) -> bool:
        """A stranger claims a payment; whether the gateway took that."""

    async def another_till_takes(self, amount: int, payment: View) -> None:
        """Somebody with the merchant's keys charges `amount` under the payment's number."""

    async def merchant_refunds(self, payment: View, amount: int) -> None:
        """Somebody refunds on the provider's own site."""

    async def refunds_settle(self) -> None:
        """Give the provider the time it needs to bring accepted refunds to the payer."""

    async def turn_one_fen(self, *, on: bool) -> None:
        """The operators turn the switch; it is off again after the story."""

    # Time.

    async def time_passes(self, seconds: int) -> None:
        """Later; what was due by then has been asked about once."""

    async def settle(self) -> None:
        """Everything that was under way is done."""

    async def eventually(self, read: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
        """Read until it holds; what was read last, also if it never does."""
