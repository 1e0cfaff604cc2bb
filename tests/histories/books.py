"""Our book against the simulators' book: at every instant, and once everything has ended."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.records import Order
from adapters.providers.sandbox.records import Refund as Returned
from application.ports import Library, NewWork, Outbox
from application.records import Filter, Incident, Message
from domain.events import EventType, IncidentKind
from domain.money import ZERO, Money
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.schedule import GRACE
from domain.status import PaymentStatus, RefundStatus
from tests.simulation.invariants import hold

ALL = Filter(limit=200)

#: How a refund of ours stands when its provider's book says so.
STANDS = {
    "SUCCESS": RefundStatus.SUCCEEDED,
    "REFUND_SUCCESS": RefundStatus.SUCCEEDED,
    "CLOSED": RefundStatus.CLOSED,
    "ABNORMAL": RefundStatus.FAILED,
}


@dataclass(frozen=True)
class Ours:
    """Everything that basepay keeps."""

    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    messages: Sequence[Message]
    incidents: Sequence[Incident]
    winners: Mapping[tuple[str, str], str | None]

    @classmethod
    async def read(cls, library: Library, outbox: Outbox, new_work: NewWork) -> "Ours":
        """Read it through the ports."""
        payments = (await library.payments(ALL)).items
        refunds = (await library.refunds(ALL)).items
        messages = [*(await library.messages(ALL)).items, *await outbox.waiting(200)]
        incidents = (await library.incidents(ALL)).items
        winners: dict[tuple[str, str], str | None] = {}
        async with new_work() as work:
            for app, order_no in {(p.app, p.order_no) for p in payments}:
                order = await work.orders.find(app, order_no)
                winners[app, order_no] = order.winner if order else None
        return cls(payments, refunds, messages, incidents, winners)

    def of(self, payment: Payment) -> list[Refund]:
        """The refunds of one payment."""
        return [each for each in self.refunds if each.payment_id == payment.id]


class Books:
    """Both books side by side."""

    def __init__(self, ours: Ours, book: Book, now: datetime) -> None:
        self.ours, self.now = ours, now
        self.orders = {each.provider_order_no: each for each in book.orders()}
        self.returned: dict[str, dict[str, Returned]] = defaultdict(dict)
        for each in book.refunds():
            self.returned[each.provider_order_no][each.provider_refund_no] = each

    def check_always(self) -> None:
        """At every instant, also right after a death."""
        numbers = {p.provider_order_no: p for p in self.ours.payments}
        hold("I2: an order that we do not know", self.orders.keys() <= numbers.keys())
        for order in self.orders.values():
            hold("I2: charged twice", order.charges <= 1, order)
            back = sum(r.amount for r in self._returns(order) if r.state != "CLOSED")
            hold("I4: more went back than came in", back <= order.amount, order)
        for payment in self.ours.payments:
            self._check_payment(payment, self.orders.get(payment.provider_order_no))
            self._check_money(payment)
        for refund in self.ours.refunds:
            self._check_refund(refund)
        self._check_events()

    def check_settled(self) -> None:
        """Once nothing is left to do."""
        self.check_always()
        for payment in self.ours.payments:
            self._check_end(payment, self.orders.get(payment.provider_order_no))
            self._check_returns(payment)
        self._check_winners()
        self._check_incidents()

    def _returns(self, order: Order) -> list[Returned]:
        return list(self.returned[order.provider_order_no].values())

    def _check_payment(self, payment: Payment, order: Order | None) -> None:
        hold("I10: parked, and nothing was wrong", not payment.parked, payment)
        if payment.status is PaymentStatus.SUCCEEDED:
            proven = order is not None and order.charges == 1
            same = order is not None and order.amount == payment.charged_amount.fen
            hold("I10: succeeded without proof", proven and same, payment, order)
        elif payment.open:
            hold("I1: open, and nobody will ask", payment.next_check_at, payment)
        elif order is None:
            gone = payment.status is PaymentStatus.FAILED
            gone = gone or self.now >= payment.expires_at + GRACE
            hold("I1: believed gone too early", gone, payment, self.now)
        else:
            # A code whose only answer was lost was shown to nobody.
            hidden = order.state == "UNSCANNED" and payment.action is None
            gone = hidden or not payable(order, self.now)
            hold("I1: final here, payable there", gone, payment, order)
        if payment.status is PaymentStatus.CLOSED and order is not None:
            hold("I1: closed although paid", payment.reversed or not order.charges, payment, order)
        if payment.reversed:
            proven = order is not None and order.charges == 1 and self._went_back(order)
            hold("I8: reversed without proof", proven, payment, order)

    def _check_refund(self, refund: Refund) -> None:
        [payment] = [p for p in self.ours.payments if p.id == refund.payment_id]
        there = self.returned[payment.provider_order_no].get(refund.provider_refund_no)
        if there is not None:
            told = refund.charged_amount.fen
            same = there.amount in (told, told + self._told_before(refund, payment))
            hold("I8: another amount went back", same, refund, there)
        hold("I8: a parked refund", not refund.parked, refund)
        waits = refund.next_check_at or not (refund.open or refund.abnormal)
        hold("I1: a refund that nobody will ask about", waits, refund)
        if refund.status is not RefundStatus.SUCCEEDED or not refund.charged_amount:
            return
        arrived = there is not None and STANDS.get(there.state) is RefundStatus.SUCCEEDED
        order = self.orders[payment.provider_order_no]
        elsewhere = refund.initiated_by is Initiator.PROVIDER and self._went_back(order)
        hold("I8: refunded without proof", arrived or elsewhere, refund, there)

    def _told_before(self, refund: Refund, payment: Payment) -> int:
        """What of a refund made elsewhere was a row already when its number became known."""
        rest = f"{payment.provider_order_no}-rest"
        rows = [each for each in self.ours.of(payment) if each.provider_refund_no == rest]
        elsewhere = refund.initiated_by is Initiator.PROVIDER
        return sum(each.charged_amount.fen for each in rows) if elsewhere else 0

    def _check_money(self, payment: Payment) -> None:
        refunds = self.ours.of(payment)
        kept = payment.reserved_amount, payment.refunded_amount, payment.refunded_charge
        hold("I4: reserve differs from refunds", kept == _sums(refunds), payment, refunds)
        granted = payment.reserved_amount + payment.refunded_amount
        most = payment.amount + payment.excess_amount
        hold("I4: more granted than paid", granted <= most, payment, refunds)
        ours = [each for each in refunds if each.initiated_by is not Initiator.PROVIDER]
        reserved, refunded, charge = _sums(ours)
        hold("I4: more granted than paid", reserved + refunded <= payment.amount, payment)
        hold("I4: more granted than charged", charge <= payment.charged_amount, payment)

    def _check_events(self) -> None:
        """Every move has its event, once, in the move's own commit; nothing follows a success."""
        messages: dict[str, list[Message]] = defaultdict(list)
        for message in self.ours.messages:
            messages[message.order_id].append(message)
        orders: list[Payment | Refund] = [*self.ours.payments, *self.ours.refunds]
        for order in orders:
            told = sorted(messages.pop(order.id, []), key=lambda m: m.sequence)
            numbers = [message.sequence for message in told]
            hold("I5: a move without event", numbers == list(range(2, order.sequence + 1)), order)
            types = [message.type for message in told]
            for type in types[:-1]:
                hold("I7: left success", not type.endswith("succeeded"), order, types)
            if order.open:
                hold("I7: open again", types[-1:] in ([], [EventType.REFUND_FAILED]), order)
            else:
                words = [type.rpartition(".")[2] for type in types[-1:]]
                hold("I5: the last event differs", words == [order.status.value], order, types)
        hold("I5: an event of no order", not messages, messages)

    def _check_end(self, payment: Payment, order: Order | None) -> None:
        succeeded = payment.status is PaymentStatus.SUCCEEDED
        charged = order is not None and order.charges == 1
        hold("I1: still open", not payment.open, payment, order)
        if order is not None and charged and (taken_back(order) or payment.reversed):
            # Alipay does not tell a charge taken back from one refunded wholly on its site.
            gone = payment.refunded_amount == payment.amount
            hold("I8: taken back there", gone if succeeded else payment.reversed, payment, order)
            return
        hold("I1: paid, but not here", succeeded or not charged, payment, order)
        hold("I10: paid here only", charged or not succeeded, payment, order)
        if succeeded and order is not None:
            same = payment.provider_transaction_id == order.provider_transaction_id
            hold("I8: another transaction", same, payment, order)

    def _check_returns(self, payment: Payment) -> None:
        """Every refund there is one here, with the same amount and state; what else is here
        never reached the provider, or is the part of the money whose number nobody told.
        """
        refunds = {each.provider_refund_no: each for each in self.ours.of(payment)}
        theirs = self.returned[payment.provider_order_no]
        for number, there in theirs.items():
            refund = refunds.get(number)
            if refund is not None:
                hold("I8: a refund differs", refund.status is STANDS[there.state], refund, there)
                abnormal = there.state == "ABNORMAL"
                hold("I8: a refund differs", refund.abnormal == abnormal, refund, there)
            else:
                site = number.startswith("site") or number == payment.provider_order_no
                hold("I3: a refund that we do not know", site, payment, there)
        for number, refund in refunds.items():
            if number not in theirs and refund.initiated_by is not Initiator.PROVIDER:
                refused = refund.status is RefundStatus.FAILED and not refund.abnormal
                nothing = not refund.charged_amount
                hold("I8: a refund of ours only", refused or nothing, refund)
        if payment.status is PaymentStatus.SUCCEEDED:
            self._check_sum(payment, list(refunds.values()), list(theirs.values()))

    def _check_sum(self, payment: Payment, refunds: list[Refund], theirs: list[Returned]) -> None:
        order = self.orders[payment.provider_order_no]
        here = sum(each.charged_amount.fen for each in refunds if each.refunded)
        there = sum(r.amount for r in theirs if STANDS[r.state] is RefundStatus.SUCCEEDED)
        there = order.amount if taken_back(order) else there
        hold("I8: another sum went back", here == there, payment, refunds, theirs)

    def _check_winners(self) -> None:
        """Of each order one payment is kept; every other goes back, unless it was refused."""
        refused = {r.refund_no for r in self.ours.refunds if _given_up(r)}
        for payment in self.ours.payments:
            winner = self.ours.winners[payment.app, payment.order_no]
            if payment.status is not PaymentStatus.SUCCEEDED:
                hold("I2: won without success", payment.id != winner, payment)
            elif payment.id != winner:
                hold("I2: a second winner", winner and payment.duplicate_of == winner, payment)
                back = payment.refunded_amount + payment.reserved_amount
                gone = payment.amount <= back or f"dup-{payment.id}" in refused
                hold("I2: a duplicate is kept", gone, payment)

    def _check_incidents(self) -> None:
        payments, refunds = self.ours.payments, self.ours.refunds
        seen = Counter(incident.kind for incident in self.ours.incidents)
        duplicates = sum(p.duplicate_of is not None for p in payments)
        hold("I8: duplicates told", seen[IncidentKind.DUPLICATE_PAYMENT] == duplicates, seen)
        for wrong in (
            IncidentKind.PAYMENT_MISMATCH,
            IncidentKind.REFUND_MISMATCH,
            IncidentKind.SECOND_TRANSACTION,
            IncidentKind.UNKNOWN_ORDER,
            IncidentKind.UNKNOWN_REFUND,
        ):
            hold("I8: told, and nothing of it is true", not seen[wrong], seen)
        elsewhere = sum(r.initiated_by is Initiator.PROVIDER for r in refunds)
        hold("I8: told too little", seen[IncidentKind.EXTERNAL_REFUND] >= elsewhere, seen)
        abnormal = sum(r.abnormal for r in refunds)
        hold("I8: told too little", seen[IncidentKind.REFUND_ABNORMAL] >= abnormal, seen)

    def _went_back(self, order: Order) -> bool:
        back = sum(r.amount for r in self._returns(order) if r.state != "CLOSED")
        return taken_back(order) or back == order.amount


def payable(order: Order, now: datetime) -> bool:
    """Its payer could pay it now."""
    if order.state in ("USERPAYING", "WAIT_BUYER_PAY"):
        return order.expires_at is None or now < order.expires_at
    living = any(now < code.expires_at for code in order.codes) or not order.codes
    in_time = order.expires_at is None or now < order.expires_at
    unpaid = order.state == "UNSCANNED" or (order.state == "NOTPAY" and order.product != "code")
    return unpaid and living and in_time


def taken_back(order: Order) -> bool:
    """Its money came in, and a reverse or cancel sent it straight back."""
    return order.state == "REVOKED" or bool(order.details.get("cancelled"))


def _sums(refunds: list[Refund]) -> tuple[Money, Money, Money]:
    return (
        sum((refund.reserved for refund in refunds), ZERO),
        sum((refund.refunded for refund in refunds), ZERO),
        sum((refund.charge for refund in refunds), ZERO),
    )


def _given_up(refund: Refund) -> bool:
    refused = refund.status is RefundStatus.FAILED and not refund.abnormal
    return refused or refund.status is RefundStatus.CLOSED
