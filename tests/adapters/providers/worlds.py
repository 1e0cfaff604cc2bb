"""Three worlds for one contract: a provider under test, its payer, its troubles, its book."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import randrange
from typing import Any, Protocol

import httpx

from adapters.clock import MovableClock
from adapters.ids import new_ulid
from adapters.providers.alipay.account import alipay_account
from adapters.providers.alipay.config import CERTIFICATES, AlipayConfig
from adapters.providers.in_memory.provider import InMemoryProvider
from adapters.providers.transport import AiohttpTransport
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from application.ports import Account
from application.records import RawCallback
from domain.method import CODE_EXPIRES_IN, Method, Provider
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refund
from tests.adapters.providers.conftest import Merchant, until
from tests.builders import a_payment, a_refund

OWED = Money(8888)

#: What a provider in a hurry is told to ask for; Alipay has no words for it.
PATIENCE = timedelta(seconds=30)

#: Wallets behind payment codes, by the code's last two digits, in all three worlds.
PAYS, ASKS_PASSWORD, REFUSALS = "00", "01", ("02", "03", "04")

#: Reading the machine's certificates takes longer than a test; nothing here speaks TLS.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Charge:
    """One order as its provider's book has it."""

    charges: int
    returned: int  # fen that went or are going back
    transaction_id: str | None
    paid_at: datetime | None


class World(Protocol):
    """What every test of the contract may rely on; the story's side of a provider."""

    clock: MovableClock
    account: Account
    exists_when_started: bool  # else only once the payer has scanned
    callbacks_grow_stale: bool  # there is a replay window
    patience: timedelta  # what is kept towards a provider in a hurry
    interrupts_payers: bool  # a charge can be taken back while the payer types the password

    @property
    def another_account(self) -> Account:
        """Of a merchant with other keys."""

    def order(self) -> Payment:
        """A payment that is prepared, and that the provider has never heard of."""

    def charge(self, wallet: str = PAYS) -> Payment:
        """Likewise, by a payment code; its last two digits say what the wallet does."""

    def refund_of(self, payment: Payment, amount: Money = OWED) -> Refund:
        """A refund that is prepared and unheard of."""

    def payer_scans(self, payment: Payment) -> None: ...
    def payer_declines(self, payment: Payment) -> None: ...
    def payer_pays(self, payment: Payment) -> None: ...
    def refund_arrives(self, refund: Refund) -> None: ...
    def merchant_refunds_on_site(self, payment: Payment, amount: Money) -> str:
        """Somebody refunds past basepay; the number that the provider gave it."""

    def has_no_balance(self) -> None: ...

    def suffers(self, trouble: str) -> None:
        """`dead`: hears nothing. `broken`: refuses with a 502. `lost`: acts, its answer is cut.
        `forged`: acts, its answer is not signed by it. `confused`: acts, and says "system error".
        `hurried`: does nothing, and wants to be left alone for `patience`.
        """

    def behaves_again(self) -> None: ...
    def book(self, payment: Payment) -> Charge | None: ...
    def callback(self, count: int = 1) -> RawCallback:
        """The provider's callback number `count`, exactly as it was posted."""


class _Orders:
    """Prepared orders, the same way in every world."""

    account: Account
    method: Method
    code_method: Method
    codes: str  # how the provider's payment codes begin

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock

    def order(self) -> Payment:
        return self._prepared(method=self.method, expires_at=self.clock.now() + timedelta(hours=2))

    def charge(self, wallet: str = PAYS) -> Payment:
        return self._prepared(
            method=self.code_method,
            payer={"auth_code": f"{self.codes}{randrange(10**14):014}{wallet}"},
            expires_at=self.clock.now() + timedelta(seconds=CODE_EXPIRES_IN),
        )

    def _prepared(self, **facts: Any) -> Payment:
        payment = a_payment(
            id=f"pay_{new_ulid()}",
            account=self.account.name,
            created_at=self.clock.now(),
            **facts,
        )
        prepared = self.account.payments.prepare(payment)
        payment.payee, payment.request = prepared.payee, prepared.request
        return payment

    def refund_of(self, payment: Payment, amount: Money = OWED) -> Refund:
        id = f"ref_{new_ulid()}"
        refund = a_refund(
            id=id,
            payment_id=payment.id,
            account=payment.account,
            amount=amount,
            created_at=self.clock.now(),
        )
        refund.request = self.account.refunds.prepare_refund(refund, payment)
        return refund


class InMemoryWorld(_Orders):
    """The double that other tests trust."""

    exists_when_started = True
    callbacks_grow_stale = False
    patience = PATIENCE
    interrupts_payers = True
    method, code_method, codes = Method.WECHAT_NATIVE, Method.WECHAT_CODE, "13"

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.provider = InMemoryProvider("memory-main", Provider.WECHAT, self.clock)
        self.account = self.provider.account()
        another = InMemoryProvider("memory-other", Provider.WECHAT, self.clock)
        self.another_account = another.account()
        self._bodies: list[bytes] = []

    def payer_scans(self, payment: Payment) -> None:
        pass

    def payer_declines(self, payment: Payment) -> None:
        pass

    def payer_pays(self, payment: Payment) -> None:
        self.provider.payer_pays(payment.provider_order_no)
        self._bodies.append(self.provider.callback("payment", payment.provider_order_no))

    def refund_arrives(self, refund: Refund) -> None:
        self.provider.refund_arrives(refund.provider_refund_no)
        self._bodies.append(self.provider.callback("refund", refund.provider_refund_no))

    def merchant_refunds_on_site(self, payment: Payment, amount: Money) -> str:
        number = f"site{new_ulid()}"
        self.provider.merchant_refunds(payment.provider_order_no, number, amount)
        return number

    def has_no_balance(self) -> None:
        self.provider.has_no_balance()

    def suffers(self, trouble: str) -> None:
        if trouble in ("dead", "broken"):
            self.provider.stops_answering()
        elif trouble == "hurried":
            self.provider.wants_patience(PATIENCE)
        else:
            self.provider.loses_answers()

    def behaves_again(self) -> None:
        self.provider.behaves_again()

    def book(self, payment: Payment) -> Charge | None:
        trade = self.provider.book.get(payment.provider_order_no)
        if trade is None:
            return None
        returned = sum(each.amount.fen for each in trade.refunds.values())
        id = f"tx-{trade.number}" if trade.paid_at else None
        return Charge(trade.charges, returned, id, trade.paid_at)

    def callback(self, count: int = 1) -> RawCallback:
        return _raw(self.account, {}, self._bodies[count - 1])


class WireWorld(_Orders):
    """A real client, over real sockets, against the simulator behind its own HTTP server."""

    provider: Provider
    no_balance: str

    def __init__(self, clock: MovableClock, sandbox_url: str, merchant: Merchant) -> None:
        super().__init__(clock)
        self.sandbox = httpx.Client(base_url=sandbox_url, verify=NO_TLS)
        self.transport = AiohttpTransport()
        self.merchant = merchant
        self.credentials = self._get("/sandbox/credentials")[self.provider]

    async def aclose(self) -> None:
        """Leave nothing behind: another test may get this merchant's port."""
        self.behaves_again()
        self._time_passes(2)
        until(lambda: not self._get("/sandbox/book")["pending_callbacks"])
        self.sandbox.close()
        await self.transport.aclose()

    def payer_scans(self, payment: Payment) -> None:
        self._payer("scan", payment)

    def payer_declines(self, payment: Payment) -> None:
        self._payer("decline", payment)

    def payer_pays(self, payment: Payment) -> None:
        self._payer("pay", payment)

    def refund_arrives(self, refund: Refund) -> None:  # noqa: ARG002 - all that are under way do
        self._time_passes(2)

    def merchant_refunds_on_site(self, payment: Payment, amount: Money) -> str:
        order = {"provider_order_no": payment.provider_order_no, "amount": amount.fen}
        told = self.sandbox.post("/sandbox/merchant/refund", json=order).raise_for_status().json()
        return str(told["provider_refund_no"])

    def has_no_balance(self) -> None:
        self._fault("error", operation="refund", code=self.no_balance)

    def suffers(self, trouble: str) -> None:
        match trouble:
            case "dead":
                self._fault("cut_before_effect", times=None)
            case "broken":
                self._fault("status", status=502, times=None)
            case "lost":
                self._fault("cut_after_effect", times=None)
            case "forged":
                self._fault("bad_signature", times=None)
            case "confused":
                self._fault("error", effect=True, times=None)
            case "hurried":
                seconds = PATIENCE.total_seconds()
                self._fault("status", status=429, seconds=seconds, times=None)

    def behaves_again(self) -> None:
        self.sandbox.delete("/sandbox/faults").raise_for_status()

    def book(self, payment: Payment) -> Charge | None:
        number, book = payment.provider_order_no, self._get("/sandbox/book")
        orders = [each for each in book["orders"] if each["provider_order_no"] == number]
        if not orders:
            return None
        (order,) = orders
        refunds = [each for each in book["refunds"] if each["provider_order_no"] == number]
        paid_at = order["paid_at"] and datetime.fromisoformat(order["paid_at"])
        returned = sum(each["amount"] for each in refunds)
        return Charge(order["charges"], returned, order["provider_transaction_id"], paid_at)

    def callback(self, count: int = 1) -> RawCallback:
        headers, body = self.merchant.waits_for(count)[count - 1]
        return _raw(self.account, headers, body)

    def _time_passes(self, seconds: float) -> None:
        move = {"advance_seconds": seconds}
        self.sandbox.post("/sandbox/clock", json=move).raise_for_status()

    def _payer(self, action: str, payment: Payment) -> None:
        order = {"provider_order_no": payment.provider_order_no}
        self.sandbox.post(f"/sandbox/payer/{action}", json=order).raise_for_status()

    def _fault(self, kind: str, **more: Any) -> None:
        fault = {"kind": kind, "provider": self.provider, **more}
        self.sandbox.post("/sandbox/faults", json=fault).raise_for_status()

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sandbox.get(path).raise_for_status().json()
        return answer


class WeChatPayWorld(WireWorld):
    """Native payments of one mchid."""

    provider = Provider.WECHAT
    method, code_method, codes = Method.WECHAT_NATIVE, Method.WECHAT_CODE, "13"
    exists_when_started = True
    callbacks_grow_stale = True
    patience = PATIENCE
    interrupts_payers = False
    no_balance = "NOT_ENOUGH"

    def __init__(
        self, clock: MovableClock, sandbox_url: str, merchant: Merchant, stranger: str
    ) -> None:
        """`stranger`: the certificate of somebody else."""
        super().__init__(clock, sandbox_url, merchant)
        self.account = self._account("wechat-main", self.credentials["platform_certificate"])
        self._stranger = stranger

    @cached_property
    def another_account(self) -> Account:
        return self._account("wechat-other", self._stranger)

    def _account(self, name: str, certificate: str) -> Account:
        told = self.credentials
        config = WeChatPayConfig(
            name=name,
            mchid=told["mchid"],
            app_ids=AppIds(**told["app_ids"]),
            serial_no=told["serial_no"],
            private_key=told["private_key"],
            api_v3_key=told["api_v3_key"],
            platform_certificates=(certificate,),
            store_out_id="till-1",
            base_url=told["base_url"],
            notify_url=self.merchant.url,
        )
        return wechat_pay_account(config, self.transport, self.clock)


class AlipayWorld(WireWorld):
    """QR payments of one app, in key mode or in certificate mode."""

    provider = Provider.ALIPAY
    method, code_method, codes = Method.ALIPAY_QR, Method.ALIPAY_CODE, "28"
    exists_when_started = False
    callbacks_grow_stale = False
    patience = timedelta(seconds=5)
    interrupts_payers = True
    no_balance = "ACQ.SELLER_BALANCE_NOT_ENOUGH"

    def __init__(
        self, clock: MovableClock, sandbox_url: str, merchant: Merchant, stranger: str
    ) -> None:
        """`stranger`: the public key of somebody else."""
        super().__init__(clock, sandbox_url, merchant)
        self.account = self._account("alipay-main", self.credentials["alipay_public_key"])
        self._stranger = stranger

    @cached_property
    def another_account(self) -> Account:
        return self._account("alipay-other", self._stranger)

    def in_certificate_mode(self) -> None:
        """The same app after it has changed over; from now on its account goes by files."""
        self.account = self._account(
            "alipay-main",
            "",
            **{name: self.credentials[name] for name in CERTIFICATES},
        )

    def turns_keys(self, step: str) -> None:
        """Do one step with Alipay's certificates."""
        turn = {"provider": self.provider, "step": step}
        self.sandbox.post("/sandbox/keys", json=turn).raise_for_status()

    def _account(self, name: str, public_key: str, **settings: Any) -> Account:
        told = self.credentials
        config = AlipayConfig(
            name=name,
            app_id=told["app_id"],
            seller_id=told["seller_id"],
            private_key=told["private_key"],
            alipay_public_key=public_key,
            gateway_url=told["gateway_url"],
            notify_url=self.merchant.url,
            **settings,
        )
        return alipay_account(config, self.transport, self.clock)


def _raw(account: Account, headers: dict[str, str], body: bytes) -> RawCallback:
    return RawCallback("cb_1", account.provider, account.name, headers, body, datetime.now(UTC))
