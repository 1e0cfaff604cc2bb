"""A provider in memory: remembers, refuses, falls silent; its other methods are the payer's."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import msgspec

from adapters.providers.in_memory.bills import InMemoryBills
from adapters.providers.in_memory.book import ASKS_PASSWORD, REFUSALS, Mood, Returned, Trade
from application.ports import Account, CallbackRejected, Clock, Prepared
from application.records import News, NoNews, PaymentNews, RawCallback, RefundNews, Reply
from domain.method import TERMS, ActionType, Method, Provider
from domain.money import Money
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    FoundRefund,
    NotFound,
    Outcome,
    Paid,
    Payee,
    RefundAbnormal,
    RefundAccepted,
    RefundClosed,
    Refunded,
    RefundNotFound,
    RefundOutcome,
    RefundPostponed,
    RefundRefused,
    Unknown,
)
from domain.payment import Payment
from domain.refund import Refund

SILENT = Unknown("no answer", unanswered=True)

#: What each kind of action calls its value.
DETAILS = {
    ActionType.SHOW_QR_CODE: "code_url",
    ActionType.REDIRECT: "url",
    ActionType.INVOKE_ALIPAY_APP: "order_string",
    ActionType.INVOKE_ALIPAY_JSAPI: "trade_no",
    ActionType.INVOKE_WECHAT_JSAPI: "params",
    ActionType.INVOKE_WECHAT_MINI_PROGRAM: "params",
    ActionType.INVOKE_WECHAT_APP: "params",
}


class InMemoryProvider:
    """Speaks for one account of either provider, at port level."""

    def __init__(self, name: str, provider: Provider, clock: Clock) -> None:
        self.name, self.provider = name, provider
        self.book: dict[str, Trade] = {}
        self.mood = Mood()
        self.calls: list[tuple[str, str]] = []
        self.payee = Payee(f"merchant-of-{name}", f"app-of-{name}")
        self._clock = clock
        self._key = f"the key of {name}"
        self.bills = InMemoryBills(lambda: self.book, provider, clock)

    def account(self, *, refund_spacing: timedelta = timedelta(0)) -> Account:
        """This provider as one merchant account that offers all its methods."""
        methods = frozenset(m for m in Method if TERMS[m].provider is self.provider)
        return Account(
            self.name, self.provider, methods, refund_spacing, self, self, self, self.bills
        )

    # What basepay asks.

    def prepare(self, payment: Payment) -> Prepared:
        action = self._action(payment) if payment.terms.built_here else None
        request = msgspec.json.encode([payment.provider_order_no, "prepay"])
        return Prepared(self.payee, request, action)

    async def start(self, payment: Payment) -> Outcome:
        if payment.terms.built_here:
            return AwaitingPayer(self._action(payment))
        self.calls.append(("start", payment.provider_order_no))
        if silence := self._silence():
            return silence
        if self.mood.refuses:
            return self._declined(self.mood.refuses)
        if payment.terms.charges_at_once:
            return self._charge(payment)
        trade = self._trade(payment)
        if self.mood.swallows_answers:
            return SILENT
        if trade.state != "open":
            return Unknown(f"the order is {trade.state}: ask")
        return AwaitingPayer(self._action(payment), trace="started")

    async def query(self, payment: Payment) -> Outcome:
        self.calls.append(("query", payment.provider_order_no))
        if silence := self._silence(answers=True):
            return silence
        return self._outcome(payment.provider_order_no)

    async def close(self, payment: Payment) -> Outcome:
        self.calls.append(("close", payment.provider_order_no))
        if silence := self._silence():
            return silence
        trade = self.book.get(payment.provider_order_no)
        if trade is not None and trade.state == "open":
            trade.state = "closed"
        elif trade is not None and payment.terms.charges_at_once and trade.reversible:
            trade.state, trade.reversed_at = "reversed", self._clock.now()
        if self.mood.swallows_answers:
            return SILENT
        return self._outcome(payment.provider_order_no)

    def prepare_refund(self, refund: Refund, payment: Payment) -> bytes:
        return msgspec.json.encode([payment.provider_order_no, refund.provider_refund_no])

    async def refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        self.calls.append(("refund", refund.provider_refund_no))
        if silence := self._silence():
            return silence
        if self.mood.refund_trouble:
            return self.mood.refund_trouble
        trade = self.book[payment.provider_order_no]
        number = refund.provider_refund_no
        if number not in trade.refunds and self._exceeds(trade, refund.charged_amount):
            return RefundRefused(Failure("refused", "OVER", "more than was paid"))
        now = self._clock.now()
        trade.refunds.setdefault(number, Returned(number, refund.charged_amount, now))
        if self.mood.swallows_answers:
            return SILENT
        return self._refund_outcome(trade.refunds[number])

    async def query_refund(self, refund: Refund, payment: Payment) -> RefundOutcome:
        self.calls.append(("query_refund", refund.provider_refund_no))
        if silence := self._silence(answers=True):
            return silence
        trade = self.book.get(payment.provider_order_no)
        returned = trade.refunds.get(refund.provider_refund_no) if trade else None
        return self._refund_outcome(returned) if returned else RefundNotFound()

    async def look_up(
        self, provider_refund_no: str, payment: Payment
    ) -> FoundRefund | RefundNotFound | Unknown:
        self.calls.append(("look_up", provider_refund_no))
        if silence := self._silence(answers=True):
            return silence
        trade = self.book.get(payment.provider_order_no)
        returned = trade.refunds.get(provider_refund_no) if trade else None
        if returned is None:
            return RefundNotFound()
        return FoundRefund(returned.amount, self._refund_outcome(returned))

    def read(self, callback: RawCallback) -> News:
        """The genuine ones are JSON sealed with this provider's key."""
        try:
            kind, number, seal = msgspec.json.decode(callback.body, type=tuple[str, str, str])
        except (msgspec.DecodeError, UnicodeError) as error:
            raise CallbackRejected(f"not readable: {error}") from None
        if seal != self._seal(kind, number):
            raise CallbackRejected("signed by a stranger")
        if kind == "payment":
            return PaymentNews(number, self._outcome(number))
        for trade in self.book.values():
            if number in trade.refunds:
                outcome = self._refund_outcome(trade.refunds[number])
                return RefundNews(number, trade.number, outcome)
        return NoNews()

    def reply(self, *, accepted: bool) -> Reply:
        return Reply(200 if accepted else 400, b"ok" if accepted else b"no", "text/plain")

    # What happens at the provider.

    def payer_opens(self, payment: Payment) -> None:
        """The payer follows a link that was built without a call: only now is there an order.

        A link that has expired opens nothing.
        """
        if self._clock.now() < payment.expires_at:
            self._trade(payment)

    def payer_pays(self, number: str, amount: Money | None = None) -> None:
        """The payer pays; `amount` other than the order's is a provider gone wrong."""
        trade = self.book[number]
        trade.amount = amount or trade.amount
        trade.state, trade.paid_at, trade.charges = "paid", self._clock.now(), trade.charges + 1

    def refund_arrives(self, number: str) -> None:
        """The money reaches the payer."""
        returned = self._returned(number)
        returned.state, returned.done_at = "done", self._clock.now()

    def refund_bounces(self, number: str) -> None:
        """The payer's card is gone: the money left the merchant and waits."""
        self._returned(number).state = "abnormal"

    def refund_closes(self, number: str) -> None:
        """The refund is given up; the money stays with the merchant."""
        self._returned(number).state = "closed"

    def merchant_refunds(self, number: str, refund_no: str, amount: Money) -> None:
        """Somebody refunds on the provider's own site."""
        self.book[number].refunds[refund_no] = Returned(refund_no, amount, self._clock.now())

    def merchant_reverses(self, number: str) -> None:
        """Somebody takes all of it back there, whatever basepay is about to ask."""
        trade = self.book[number]
        trade.state, trade.reversed_at = "reversed", self._clock.now()

    def stops_answering(self) -> None:
        """Hears nothing and answers nothing until `behaves_again`."""
        self.mood = replace(self.mood, silent=True)

    def loses_answers(self) -> None:
        """Does as it is told, but its answers never arrive."""
        self.mood = replace(self.mood, swallows_answers=True)

    def wants_patience(self, retry_after: timedelta) -> None:
        """Answers everything with the wish to be asked again only after so long."""
        self.mood = replace(self.mood, patience=retry_after)

    def refuses(self, code: str, message: str) -> None:
        """Definitely refuses every new order."""
        self.mood = replace(self.mood, refuses=Failure("refused", code, message))

    def has_no_balance(self) -> None:
        """Refuses refunds for a reason that passes."""
        self.mood = replace(self.mood, refund_trouble=RefundPostponed("NOT_ENOUGH"))

    def refuses_refunds(self, code: str, message: str) -> None:
        """Definitely refuses refunds."""
        trouble = RefundRefused(Failure("refused", code, message))
        self.mood = replace(self.mood, refund_trouble=trouble)

    def behaves_again(self) -> None:
        """Everything works."""
        self.mood = Mood()

    def callback(self, kind: str, number: str, *, forged: bool = False) -> bytes:
        """The body of a callback about a payment or refund."""
        seal = "somebody else's" if forged else self._seal(kind, number)
        return msgspec.json.encode((kind, number, seal))

    def _silence(self, *, answers: bool = False) -> Unknown | None:
        """What is heard of a provider that does not listen, or does not answer if that counts."""
        if self.mood.patience is not None:
            return Unknown("too many asks", retry_after=self.mood.patience)
        return SILENT if self.mood.silent or (answers and self.mood.swallows_answers) else None

    def _declined(self, failure: Failure) -> Outcome:
        return SILENT if self.mood.swallows_answers else Declined(failure, trace="refused")

    def _seal(self, kind: str, number: str) -> str:
        return hashlib.sha256(f"{kind} {number} {self._key}".encode()).hexdigest()

    def _trade(self, payment: Payment) -> Trade:
        number = payment.provider_order_no
        return self.book.setdefault(number, Trade(number, payment.charged_amount))

    def _action(self, payment: Payment) -> Action:
        link = f"memory://pay/{payment.provider_order_no}"
        name = DETAILS[payment.terms.action]
        return Action(payment.terms.action, {name: {"package": link} if name == "params" else link})

    def _charge(self, payment: Payment) -> Outcome:
        """Take the money behind a payment code, as its wallet has it; once for a number."""
        number, wallet = payment.provider_order_no, payment.payer["auth_code"][-2:]
        if wallet in REFUSALS:
            return self._declined(REFUSALS[wallet])
        trade = self._trade(payment)
        if wallet != ASKS_PASSWORD and trade.state == "open":
            self.payer_pays(number)
        return SILENT if self.mood.swallows_answers else self._outcome(number)

    def _outcome(self, number: str) -> Outcome:
        trade = self.book.get(number)
        if trade is None:
            return NotFound(trace="not found")
        if trade.state in ("closed", "reversed"):
            return Closed(reversed=trade.state == "reversed" and trade.charges > 0, trace="closed")
        if trade.paid_at is None:
            return AwaitingPayer(trace="open")
        paid = Paid(f"tx-{number}", trade.amount, trade.paid_at, self.payee, "payer", trade.amount)
        returned = self.provider is Provider.ALIPAY and trade.given_back == trade.amount
        return replace(paid, refunding=bool(trade.refunds), returned=returned)

    def _refund_outcome(self, returned: Returned) -> RefundOutcome:
        id = f"rf-{returned.number}"
        if returned.state == "closed":
            return RefundClosed()
        if returned.state == "abnormal":
            return RefundAbnormal(Failure("abnormal", "ABNORMAL", "the card is closed"), id)
        if returned.done_at is None:
            return RefundAccepted(id, returned.accepted_at)
        return Refunded(returned.amount, returned.done_at, id, returned.accepted_at)

    def _exceeds(self, trade: Trade, amount: Money) -> bool:
        return trade.state == "reversed" or trade.amount < trade.given + amount

    def _returned(self, number: str) -> Returned:
        return next(t.refunds[number] for t in self.book.values() if number in t.refunds)
