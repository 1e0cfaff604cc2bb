"""What must hold at every instant, and what must hold once everything has come to its end."""

from collections import Counter, defaultdict

from adapters.providers.in_memory.book import Returned, Trade
from application.records import Message
from domain.events import EventType, IncidentKind
from domain.money import ZERO
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus, RefundStatus
from tests.simulation.world import Broken, SimulatedWorld


def hold(promise: str, kept: object, *facts: object) -> None:
    """Raise Broken if a promise is not kept."""
    if not kept:
        raise Broken(f"{promise} {' '.join(map(str, facts))}")


def check_always(world: SimulatedWorld) -> None:
    """At every instant, also right after a death."""
    trades, returns = _trades(world), _returns(world)
    payments = {p.provider_order_no: p for p in world.payments()}
    refunds = {r.provider_refund_no: r for r in world.refunds()}
    hold("I2: an order that we do not know", trades.keys() <= payments.keys(), trades.keys())
    hold("I3: a refund that we do not know", returns.keys() <= refunds.keys(), returns.keys())
    for trade in trades.values():
        hold("I2: charged twice", trade.charges <= 1, trade)
    for number, payment in payments.items():
        _check_payment(payment, trades.get(number))
    for number, refund in refunds.items():
        _check_refund(refund, returns.get(number))
    _check_money(world, trades)
    _check_events(world)
    _check_stream(world)
    _check_answers(world)


def check_settled(world: SimulatedWorld) -> None:
    """Once nothing is left to do: our book is the provider's."""
    check_always(world)
    trades, returns = _trades(world), _returns(world)
    for payment in world.payments():
        trade = trades.get(payment.provider_order_no)
        charged = trade is not None and trade.charges == 1
        right = trade is not None and trade.amount == payment.charged_amount
        succeeded = payment.status is PaymentStatus.SUCCEEDED
        hold("I1: paid, but not here", succeeded == (charged and right), payment, trade)
        hold("I8: open without a reason", not payment.open or (charged and not right), payment)
    for refund in world.refunds():
        returned = returns.get(refund.provider_refund_no)
        state = returned.state if returned else None
        hold("I8: a refund differs", _state_of(refund) == state, refund, returned)
    _check_winners(world)
    _check_incidents(world)


def _check_payment(payment: Payment, trade: Trade | None) -> None:
    if payment.status is PaymentStatus.SUCCEEDED:
        proven = trade is not None and trade.charges and trade.amount == payment.charged_amount
        hold("I10: succeeded without proof", proven, payment, trade)
    elif not payment.open:
        payable = trade is not None and trade.state == "open"
        hold("I1: final here, payable there", not payable, payment, trade)


def _check_refund(refund: Refund, returned: Returned | None) -> None:
    if refund.status is RefundStatus.SUCCEEDED:
        arrived = returned is not None and returned.state == "done"
        hold("I8: refunded without proof", arrived, refund, returned)


def _check_money(world: SimulatedWorld, trades: dict[str, Trade]) -> None:
    of_payment: dict[str, list[Refund]] = defaultdict(list)
    for refund in world.refunds():
        of_payment[refund.payment_id].append(refund)
    for payment in world.payments():
        refunds = of_payment[payment.id]
        reserved = sum((refund.reserved for refund in refunds), ZERO)
        refunded = sum((refund.refunded for refund in refunds), ZERO)
        kept = (payment.reserved_amount, payment.refunded_amount)
        hold("I4: reserve differs from refunds", kept == (reserved, refunded), payment, refunds)
        hold("I4: more granted than paid", reserved + refunded <= payment.amount, payment)
    for trade in trades.values():
        given = sum((returned.amount for returned in trade.refunds.values()), ZERO)
        hold("I4: more refunded than paid", given <= trade.amount, trade)


def _check_events(world: SimulatedWorld) -> None:
    """Every move has its event, in the move's own commit; nothing follows a success."""
    messages: dict[str, list[Message]] = defaultdict(list)
    for message in world.tables.messages._rows.values():
        messages[message.order_id].append(message)
    orders: list[Payment | Refund] = [*world.payments(), *world.refunds()]
    for order in orders:
        told = sorted(messages.pop(order.id, []), key=lambda m: m.sequence)
        numbers = [message.sequence for message in told]
        hold("I5: a move without event", numbers == list(range(2, order.sequence + 1)), order, told)
        types = [message.type for message in told]
        for type in types[:-1]:
            hold("I7: left success", not type.endswith("succeeded"), order, types)
        if order.open:
            hold("I7: open again", types[-1:] in ([], [EventType.REFUND_FAILED]), order, types)
        else:
            words = [type.rpartition(".")[2] for type in types[-1:]]
            hold("I5: the last event differs", words == [order.status.value], order, types)
    hold("I5: an event of no order", not messages, messages)


def _check_stream(world: SimulatedWorld) -> None:
    """At least once, in order, one id a move; again only where something went wrong."""
    ids: dict[tuple[str, int], str] = {}
    highest: dict[str, int] = defaultdict(lambda: 1)
    for message in world.stream.taken:
        move = (message.order_id, message.sequence)
        hold("I6: two ids for one move", ids.setdefault(move, message.id) == message.id, move)
        hold("I6: out of order", message.sequence <= highest[message.order_id] + 1, move)
        highest[message.order_id] = max(highest[message.order_id], message.sequence)
    times = Counter(message.id for message in world.stream.taken)
    excuses = world.strikes + world.process.failures + world.process.dead
    hold("I6: repeated without need", max(times.values(), default=0) <= 1 + excuses, times)
    for message in world.tables.messages._rows.values():
        marked = message.published_at is not None
        hold("I5: marked but never published", not marked or message.id in times, message)


def _check_answers(world: SimulatedWorld) -> None:
    """What an app was told is on record, word for word."""
    for key, answer in world.answers.items():
        kept = world.tables.requests._rows.get((key.app, key.route, key.key))
        told = (answer.status, answer.body, answer.order_id)
        same = kept is not None and (kept.status, kept.body, kept.order_id) == told
        hold("I11: an answer is not on record", same, key, answer, kept)


def _check_winners(world: SimulatedWorld) -> None:
    """Of each order one payment is kept; every other goes back, unless the provider refuses."""
    refused = {r.refund_no for r in world.refunds() if r.status is RefundStatus.FAILED}
    winners = {(o.app, o.order_no): o.winner for o in world.tables.orders._rows.values()}
    for payment in world.payments():
        winner = winners[payment.app, payment.order_no]
        if payment.status is not PaymentStatus.SUCCEEDED:
            hold("I2: won without success", payment.id != winner, payment)
        elif payment.id != winner:
            hold("I2: a second winner", winner and payment.duplicate_of == winner, payment)
            back = payment.refunded_amount + payment.reserved_amount
            gone = back == payment.amount or f"dup-{payment.id}" in refused
            hold("I2: a duplicate is kept", gone, payment)


def _check_incidents(world: SimulatedWorld) -> None:
    """People see exactly what they must."""
    payments = world.payments()
    expected = Counter(
        {
            IncidentKind.DUPLICATE_PAYMENT: sum(p.duplicate_of is not None for p in payments),
            IncidentKind.PAYMENT_MISMATCH: sum(p.parked for p in payments),
            IncidentKind.REFUND_ABNORMAL: sum(r.abnormal for r in world.refunds()),
            IncidentKind.DUPLICATE_NOT_REFUNDED: sum(
                r.failure is not None and not r.abnormal and r.initiated_by is Initiator.BASEPAY
                for r in world.refunds()
            ),
        }
    )
    seen = Counter(incident.kind for incident in world.tables.incidents._rows.values())
    del seen[IncidentKind.REFUND_STUCK]  # how long a refund waits is the history's affair
    hold("I8: incidents differ", seen == expected, seen, expected)


def _state_of(refund: Refund) -> str | None:
    """The provider's word for where our refund should stand in its book."""
    if refund.status is RefundStatus.SUCCEEDED:
        return "done"
    return "abnormal" if refund.abnormal else None


def _trades(world: SimulatedWorld) -> dict[str, Trade]:
    return {no: t for provider in world.providers.values() for no, t in provider.book.items()}


def _returns(world: SimulatedWorld) -> dict[str, Returned]:
    return {no: r for trade in _trades(world).values() for no, r in trade.refunds.items()}
