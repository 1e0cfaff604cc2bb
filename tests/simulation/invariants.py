"""What must hold at every instant, and what must hold once everything has come to its end."""

from collections import Counter, defaultdict
from datetime import datetime

from adapters.providers.in_memory.book import Returned, Trade
from application.records import Message
from domain.events import EventType, IncidentKind
from domain.money import ZERO, Money
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.schedule import GRACE
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
    ours = returns.keys() - _elsewhere(world)
    hold("I3: a refund that we do not know", ours <= refunds.keys(), returns.keys())
    for trade in trades.values():
        hold("I2: charged twice", trade.charges <= 1, trade)
        hold("I4: more refunded than paid", trade.given <= trade.amount, trade)
    for provider in world.providers.values():
        hold("I2: a code was sent twice", max(provider.codes.values(), default=0) <= 1, provider)
    for number, payment in payments.items():
        _check_payment(payment, trades.get(number), world.clock.now())
    for refund in refunds.values():
        payment = world.payment(refund.payment_id)
        _check_refund(refund, trades.get(payment.provider_order_no))
    _check_money(world)
    _check_events(world)
    _check_stream(world)
    _check_answers(world)
    hold("I12: asked a provider that wanted silence", not world.rude, world.rude)


def check_settled(world: SimulatedWorld) -> None:
    """Once nothing is left to do: our book is the provider's."""
    check_always(world)
    trades, returns = _trades(world), _returns(world)
    for payment in world.payments():
        _check_end(payment, trades.get(payment.provider_order_no), world)
    for refund in world.refunds():
        returned = returns.get(refund.provider_refund_no)
        if returned is not None or not _vanished(refund):
            state = returned.state if returned else None
            hold("I8: a refund differs", _state_of(refund) == state, refund, returned)
    _check_winners(world)
    _check_incidents(world)


def _check_payment(payment: Payment, trade: Trade | None, now: datetime) -> None:
    if payment.status is PaymentStatus.SUCCEEDED:
        proven = trade is not None and trade.charges and trade.amount == payment.charged_amount
        hold("I10: succeeded without proof", proven, payment, trade)
    elif not payment.open:
        payable = trade is not None and trade.state == "open"
        hold("I1: final here, payable there", not payable, payment, trade)
    else:
        hold("I1: open, and nobody will ask", payment.next_check_at, payment)
    if payment.status is PaymentStatus.CLOSED and trade is None:
        hold("I1: believed gone too early", now >= payment.expires_at + GRACE, payment, now)
    if payment.reversed:
        proven = trade is not None and trade.charges == 1 and _went_back(trade)
        hold("I8: reversed without proof", proven, payment, trade)


def _check_end(payment: Payment, trade: Trade | None, world: SimulatedWorld) -> None:
    charged = trade is not None and trade.charges == 1
    right = trade is not None and trade.amount == payment.charged_amount
    succeeded = payment.status is PaymentStatus.SUCCEEDED
    if trade is not None and charged and right and (trade.state == "reversed" or payment.reversed):
        gone = payment.amount == payment.refunded_amount
        hold("I8: reversed there", gone if succeeded else not payment.open, payment, trade)
        return
    hold("I1: paid, but not here", succeeded == (charged and right), payment, trade)
    hold("I8: open without a reason", not payment.open or (charged and not right), payment)
    if succeeded and trade is not None:
        refunds = [r for r in world.refunds() if r.payment_id == payment.id]
        back = sum((r.charged_amount for r in refunds if r.refunded), ZERO)
        hold("I8: another sum went back", back == trade.given_back, payment, trade, refunds)


def _check_refund(refund: Refund, trade: Trade | None) -> None:
    returned = trade.refunds.get(refund.provider_refund_no) if trade else None
    if returned is not None:
        hold("I3: a refund of nothing was sent", returned.amount, refund)
        foreign = refund.initiated_by is Initiator.PROVIDER  # of these a part may be known before
        same = foreign or returned.amount == refund.charged_amount
        hold("I8: another amount is refunded", same, refund, returned)
    if refund.status is RefundStatus.SUCCEEDED and not _vanished(refund):
        arrived = returned is not None and returned.state == "done"
        whole = trade is not None and _went_back(trade)
        elsewhere = refund.initiated_by is Initiator.PROVIDER and whole
        hold("I8: refunded without proof", arrived or elsewhere, refund, returned)
    waits = refund.next_check_at or not (refund.open or refund.abnormal)
    hold("I1: a refund that nobody will ask about", waits, refund)


def _check_money(world: SimulatedWorld) -> None:
    of_payment: dict[str, list[Refund]] = defaultdict(list)
    for refund in world.refunds():
        of_payment[refund.payment_id].append(refund)
    for payment in world.payments():
        refunds = of_payment[payment.id]
        kept = payment.reserved_amount, payment.refunded_amount, payment.refunded_charge
        hold("I4: reserve differs from refunds", kept == _sums(refunds), payment, refunds)
        most = payment.amount + payment.excess_amount
        granted = payment.reserved_amount + payment.refunded_amount
        hold("I4: more granted than paid", granted <= most, payment, refunds)
        reserved, refunded, charge = _sums(
            [each for each in refunds if each.initiated_by is not Initiator.PROVIDER]
        )
        hold("I4: more granted than paid", reserved + refunded <= payment.amount, payment)
        hold("I4: more granted than charged", charge <= payment.charged_amount, payment, refunds)
        if charge == payment.refunded_charge:  # nothing went back elsewhere
            due = payment.charged_amount.fen * granted.fen // payment.amount.fen
            hold("I4: not the share of the charge", charge.fen == due, payment, refunds)


def _sums(refunds: list[Refund]) -> tuple[Money, Money, Money]:
    """What refunds hold back, have taken, and both of the charge."""
    return (
        sum((refund.reserved for refund in refunds), ZERO),
        sum((refund.refunded for refund in refunds), ZERO),
        sum((refund.charge for refund in refunds), ZERO),
    )


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
    refused = {r.refund_no for r in world.refunds() if _given_up(r)}
    winners = {(o.app, o.order_no): o.winner for o in world.tables.orders._rows.values()}
    for payment in world.payments():
        winner = winners[payment.app, payment.order_no]
        if payment.status is not PaymentStatus.SUCCEEDED:
            hold("I2: won without success", payment.id != winner, payment)
        elif payment.id != winner:
            hold("I2: a second winner", winner and payment.duplicate_of == winner, payment)
            back = payment.refunded_amount + payment.reserved_amount
            gone = payment.amount <= back or f"dup-{payment.id}" in refused
            hold("I2: a duplicate is kept", gone, payment)


def _check_incidents(world: SimulatedWorld) -> None:
    """People see exactly what they must."""
    payments, refunds = world.payments(), world.refunds()
    expected = Counter(
        {
            IncidentKind.DUPLICATE_PAYMENT: sum(p.duplicate_of is not None for p in payments),
            IncidentKind.PAYMENT_MISMATCH: sum(p.parked for p in payments),
            IncidentKind.DUPLICATE_NOT_REFUNDED: sum(
                _given_up(r) and r.initiated_by is Initiator.BASEPAY for r in refunds
            ),
        }
    )
    seen = Counter(incident.kind for incident in world.tables.incidents._rows.values())
    del seen[IncidentKind.REFUND_STUCK]  # how long a refund waits is the history's affair
    abnormal = seen.pop(IncidentKind.REFUND_ABNORMAL, 0)  # also of those that were mended since
    hold("I8: nobody was told", abnormal >= sum(r.abnormal for r in refunds), seen)
    _check_elsewhere(world, seen)
    hold("I8: incidents differ", seen == expected, seen, expected)


def _check_elsewhere(world: SimulatedWorld, seen: Counter[IncidentKind]) -> None:
    """What happened elsewhere is told once for each refund, and nothing else is called so."""
    rows = [r for r in world.refunds() if r.initiated_by is Initiator.PROVIDER]
    told = seen.pop(IncidentKind.EXTERNAL_REFUND, 0)
    known = [p for p in world.payments() if any(r.payment_id == p.id for r in rows)]
    most = len(rows) + len(known)  # when a payment is learned, it may be seen before its refund
    hold("I8: foreign refunds", len(rows) <= told <= most, told, rows)
    dead = seen.pop(IncidentKind.DEAD_CALLBACK, 0)  # its provider was silent for too long
    hold("I8: a callback died", not dead or _elsewhere(world), seen)
    excess = seen.pop(IncidentKind.REFUND_EXCEEDS_PAYMENT, 0)
    exceeded = [p for p in world.payments() if p.excess_amount]
    hold("I8: more went back than was paid", bool(excess) == bool(exceeded), excess, exceeded)


def _state_of(refund: Refund) -> str | None:
    """The provider's word for where our refund should stand in its book."""
    if refund.abnormal:
        return "abnormal"
    return {RefundStatus.SUCCEEDED: "done", RefundStatus.CLOSED: "closed"}.get(refund.status)


def _went_back(trade: Trade) -> bool:
    """All of it. Alipay does not tell a charge taken back from one refunded wholly."""
    return trade.state == "reversed" or trade.given_back == trade.amount


def _given_up(refund: Refund) -> bool:
    """Refused or closed by the provider."""
    refused = refund.status is RefundStatus.FAILED and not refund.abnormal
    return refused or refund.status is RefundStatus.CLOSED


def _vanished(refund: Refund) -> bool:
    """The provider knows it by no number of ours: a share of nothing, or a foreign reversal."""
    nameless = refund.initiated_by is Initiator.PROVIDER and refund.status is RefundStatus.SUCCEEDED
    return nameless or not refund.charged_amount


def _elsewhere(world: SimulatedWorld) -> set[str]:
    return {number for provider in world.providers.values() for number in provider.elsewhere}


def _trades(world: SimulatedWorld) -> dict[str, Trade]:
    return {no: t for provider in world.providers.values() for no, t in provider.book.items()}


def _returns(world: SimulatedWorld) -> dict[str, Returned]:
    return {no: r for trade in _trades(world).values() for no, r in trade.refunds.items()}
