"""What every provider behind the ports promises: the double, and both clients over real sockets.

Source: application/ports.py. What a world can't do is said by its attributes, not skipped.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from application.ports import CallbackRejected
from application.records import PaymentNews, RefundNews
from domain.method import ActionType
from domain.money import Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    FoundRefund,
    NotFound,
    Outcome,
    Paid,
    RefundAccepted,
    Refunded,
    RefundNotFound,
    RefundOutcome,
    RefundPostponed,
    RefundRefused,
    Unknown,
)
from domain.payment import Payment
from domain.refund import Refund
from domain.status import PaymentStatus
from tests.adapters.providers.conftest import Merchant, served
from tests.adapters.providers.worlds import (
    ASKS_PASSWORD,
    OWED,
    REFUSALS,
    AlipayWorld,
    InMemoryWorld,
    WeChatPayWorld,
    World,
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]

#: What can be between a question and its answer; `acted`: the provider did as it was told.
TROUBLES = [
    pytest.param("dead", False, id="dead"),
    pytest.param("broken", False, id="broken"),
    pytest.param("lost", True, id="lost"),
    pytest.param("forged", True, id="forged"),
    pytest.param("confused", True, id="confused"),
]


@dataclass(frozen=True)
class Sandbox:
    """Both simulators, served once for all these tests; orders never share a number."""

    url: str
    clock: MovableClock
    keys: KeyRing


@pytest.fixture(scope="module")
def sandbox(sandbox_keys: KeyRing) -> Iterator[Sandbox]:
    clock = MovableClock()
    providers = [WeChatPaySandbox, AlipaySandbox]
    app = create_sandbox(environment="test", clock=clock, providers=providers, keys=sandbox_keys)
    with served(app) as url:
        yield Sandbox(url, clock, sandbox_keys)


@pytest.fixture(params=["in_memory", "wechat_pay", "alipay"])
def world(request: pytest.FixtureRequest, run: Run, merchant: Merchant) -> Iterator[World]:
    if request.param == "in_memory":
        yield InMemoryWorld(MovableClock())
        return
    there: Sandbox = request.getfixturevalue("sandbox")
    wire: WeChatPayWorld | AlipayWorld
    if request.param == "wechat_pay":
        stranger = there.keys.certificate("wechat-stranger", common_name="Somebody else")
        wire = WeChatPayWorld(there.clock, there.url, merchant, stranger)
    else:
        stranger = there.keys.public_pem("alipay-stranger")
        wire = AlipayWorld(there.clock, there.url, merchant, stranger)
    yield wire
    run(wire.aclose())


# Orders


def test_a_started_payment_awaits_its_payer_and_tells_how_to_pay(run, world):
    payment = world.order()

    outcome = run(world.account.payments.start(payment))

    assert isinstance(outcome, AwaitingPayer)
    assert outcome.action is not None
    assert outcome.action.type is ActionType.SHOW_QR_CODE
    assert str(outcome.action.details["code_url"])


def test_the_same_bytes_again_are_the_same_order(run, world):
    payment = world.order()
    run(world.account.payments.start(payment))

    again = run(world.account.payments.start(payment))
    world.payer_pays(payment)

    assert isinstance(again, AwaitingPayer)
    assert again.action is not None
    assert charge_of(world, payment).charges == 1


def test_an_order_nobody_paid_awaits_its_payer(run, world):
    payment = started(run, world)
    world.payer_scans(payment)
    world.payer_declines(payment)

    assert isinstance(run(world.account.payments.query(payment)), AwaitingPayer)


def test_an_order_nobody_scanned_is_there_or_not_found_as_the_provider_has_it(run, world):
    payment = started(run, world)

    outcome = run(world.account.payments.query(payment))

    assert isinstance(outcome, AwaitingPayer if world.exists_when_started else NotFound)


def test_an_order_the_provider_never_heard_of_is_not_found(run, world):
    payment = world.order()

    assert isinstance(run(world.account.payments.query(payment)), NotFound)
    assert isinstance(run(world.account.payments.close(payment)), NotFound)


def test_a_paid_order_tells_how_much_to_whom_and_when(run, world):
    payment = paid(run, world)

    outcome = run(world.account.payments.query(payment))

    booked = charge_of(world, payment)
    assert isinstance(outcome, Paid)
    assert outcome.amount == OWED
    assert outcome.provider_transaction_id == booked.transaction_id
    assert not payment.payee.contradicts(outcome.payee)
    assert abs(outcome.paid_at - booked.paid_at) < timedelta(seconds=1)


def test_a_paid_order_started_again_is_not_refused(run, world):
    """The answer to the first start may be what was lost."""
    payment = paid(run, world)

    outcome = run(world.account.payments.start(payment))

    assert isinstance(outcome, Paid | Unknown)
    assert charge_of(world, payment).charges == 1


def test_a_confirmed_close_is_closed_and_stays_so(run, world):
    payment = started(run, world)
    world.payer_scans(payment)

    assert isinstance(run(world.account.payments.close(payment)), Closed)
    assert isinstance(run(world.account.payments.close(payment)), Closed)
    assert isinstance(run(world.account.payments.query(payment)), Closed)


def test_a_close_that_nobody_confirms_is_not_closed(run, world):
    """A code that nobody scanned may be an order yet."""
    payment = started(run, world)

    outcome = run(world.account.payments.close(payment))

    assert isinstance(outcome, Closed if world.exists_when_started else NotFound)


def test_a_close_that_comes_too_late_tells_of_the_money(run, world):
    payment = paid(run, world)

    assert isinstance(run(world.account.payments.close(payment)), Paid)


# Payment codes


def test_a_charge_that_goes_through_is_paid_at_once(run, world):
    payment = world.charge()

    outcome = run(world.account.payments.start(payment))

    assert isinstance(outcome, Paid)
    assert outcome.amount == OWED
    assert outcome.provider_transaction_id == charge_of(world, payment).transaction_id
    assert not payment.payee.contradicts(outcome.payee)
    assert isinstance(run(world.account.payments.query(payment)), Paid)


def test_a_payer_who_types_the_password_is_awaited(run, world):
    payment = world.charge(ASKS_PASSWORD)

    asked = run(world.account.payments.start(payment))
    waiting = run(world.account.payments.query(payment))
    world.payer_pays(payment)
    paid = run(world.account.payments.query(payment))

    assert isinstance(asked, AwaitingPayer)
    assert isinstance(waiting, AwaitingPayer)
    assert isinstance(paid, Paid)
    assert charge_of(world, payment).charges == 1


@pytest.mark.parametrize("wallet", REFUSALS)
def test_a_payer_who_cannot_pay_is_declined_and_nothing_is_left_open(run, world, wallet):
    payment = world.charge(wallet)

    outcome = run(world.account.payments.start(payment))

    assert isinstance(outcome, Declined)
    assert outcome.failure.provider_code
    assert isinstance(run(world.account.payments.query(payment)), NotFound | Closed | Declined)


def test_a_charge_whose_answer_was_lost_is_found_by_asking(run, world):
    payment = world.charge()
    world.suffers("lost")
    assert isinstance(run(world.account.payments.start(payment)), Unknown)

    world.behaves_again()

    assert isinstance(run(world.account.payments.query(payment)), Paid)
    assert charge_of(world, payment).charges == 1


def test_a_charge_that_waits_is_taken_back_where_the_payer_can_be_interrupted(run, world):
    payment = world.charge(ASKS_PASSWORD)
    run(world.account.payments.start(payment))
    wait_until_reversible(world, payment)

    outcome = run(world.account.payments.close(payment))

    assert outcome == (Closed() if world.interrupts_payers else AwaitingPayer())
    assert isinstance(run(world.account.payments.query(payment)), type(outcome))
    assert charge_of(world, payment).charges == 0


def test_a_charge_that_was_paid_is_taken_back_with_the_money(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))
    wait_until_reversible(world, payment)

    outcome = run(world.account.payments.close(payment))

    assert outcome == Closed(reversed=True)


def test_a_charge_whose_taking_back_was_not_answered_ends_reversed_all_the_same(run, world):
    """As the order learns it: nobody else has returned that money."""
    payment = world.charge()
    run(world.account.payments.start(payment))
    wait_until_reversible(world, payment)
    world.suffers("lost")
    assert isinstance(run(world.account.payments.close(payment)), Unknown)
    world.behaves_again()

    payment.ask_to_close(world.clock.now())
    payment.learn(run(world.account.payments.close(payment)), at=world.clock.now())

    assert (payment.status, payment.reversed) == (PaymentStatus.CLOSED, True)


def test_a_charge_that_never_arrived_is_not_found(run, world):
    payment = world.charge()
    world.suffers("dead")
    run(world.account.payments.start(payment))
    world.behaves_again()
    wait_until_reversible(world, payment)

    assert isinstance(run(world.account.payments.query(payment)), NotFound)
    assert isinstance(run(world.account.payments.close(payment)), NotFound | Closed)
    assert world.book(payment) is None


# Troubles


@pytest.mark.parametrize(("trouble", "acted"), TROUBLES)
def test_what_did_not_come_back_whole_and_signed_tells_nothing(run, world, trouble, acted):
    fresh, waiting, spent = world.order(), started(run, world), paid(run, world)
    world.payer_scans(waiting)
    refund = world.refund_of(spent)
    world.suffers(trouble)

    told = [
        run(world.account.payments.start(fresh)),
        run(world.account.payments.query(waiting)),
        run(world.account.payments.close(waiting)),
        run(world.account.payments.query(spent)),
        run(world.account.refunds.refund(refund, spent)),
        run(world.account.refunds.query_refund(refund, spent)),
    ]

    assert [type(outcome) for outcome in told] == [Unknown] * 6
    assert (world.book(fresh) is not None) is acted
    if trouble != "forged":  # somebody answered, whoever that was
        assert [outcome.unanswered for outcome in told] == [True] * 6


@pytest.mark.parametrize("trouble", ["lost", "forged", "confused"])
def test_what_happened_behind_a_lost_answer_is_found_by_asking(run, world, trouble):
    fresh, waiting, spent = world.order(), started(run, world), paid(run, world)
    world.payer_scans(waiting)
    refund = world.refund_of(spent)
    world.suffers(trouble)
    run(world.account.payments.start(fresh))
    run(world.account.payments.close(waiting))
    run(world.account.refunds.refund(refund, spent))

    world.behaves_again()

    repeated = run(world.account.payments.start(fresh))
    assert isinstance(repeated, AwaitingPayer)
    assert repeated.action is not None
    assert isinstance(run(world.account.payments.query(waiting)), Closed)
    asked = run(world.account.refunds.query_refund(refund, spent))
    assert isinstance(asked, RefundAccepted | Refunded)
    assert charge_of(world, spent).returned == OWED.fen


@pytest.mark.parametrize("trouble", ["dead", "broken"])
def test_what_never_arrived_can_be_sent_again(run, world, trouble):
    payment, spent = world.order(), paid(run, world)
    refund = world.refund_of(spent)
    world.suffers(trouble)
    run(world.account.payments.start(payment))
    run(world.account.refunds.refund(refund, spent))

    world.behaves_again()

    assert isinstance(run(world.account.refunds.query_refund(refund, spent)), RefundNotFound)
    assert isinstance(run(world.account.payments.start(payment)), AwaitingPayer)
    again = run(world.account.refunds.refund(refund, spent))
    assert isinstance(again, RefundAccepted | Refunded)


@pytest.mark.parametrize(
    "question", ["start", "charge", "query", "close", "take_back", "refund", "query_refund"]
)
def test_who_asks_too_often_hears_how_long_to_wait(run, world, question):
    fresh, till, spent = world.order(), world.charge(), paid(run, world)
    refund = world.refund_of(spent)
    payments, refunds = world.account.payments, world.account.refunds
    world.suffers("hurried")

    outcome = run(
        {
            "start": lambda: payments.start(fresh),
            "charge": lambda: payments.start(till),
            "query": lambda: payments.query(spent),
            "close": lambda: payments.close(spent),
            "take_back": lambda: payments.close(till),
            "refund": lambda: refunds.refund(refund, spent),
            "query_refund": lambda: refunds.query_refund(refund, spent),
        }[question]()
    )

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == world.patience
    assert not outcome.unanswered
    assert world.book(fresh) is None
    assert world.book(till) is None
    assert charge_of(world, spent).returned == 0


# Refunds


def test_a_refund_is_taken_and_arrives(run, world):
    payment = paid(run, world)
    refund = world.refund_of(payment, Money(1000))

    taken = run(world.account.refunds.refund(refund, payment))
    world.refund_arrives(refund)
    arrived = run(world.account.refunds.query_refund(refund, payment))

    assert isinstance(taken, RefundAccepted | Refunded)
    assert isinstance(arrived, Refunded)
    assert arrived.amount == Money(1000)
    assert abs(arrived.refunded_at - world.clock.now()) < timedelta(seconds=10)


def test_a_refund_asked_for_twice_moves_money_once(run, world):
    payment = paid(run, world)
    refund = world.refund_of(payment, Money(1000))
    run(world.account.refunds.refund(refund, payment))

    again = run(world.account.refunds.refund(refund, payment))

    assert isinstance(again, RefundAccepted | Refunded)
    assert charge_of(world, payment).returned == 1000


def test_two_refunds_are_two_refunds(run, world):
    payment = paid(run, world)
    first, second = (world.refund_of(payment, Money(fen)) for fen in (1000, 500))
    run(world.account.refunds.refund(first, payment))
    wait_for_the_next(world)
    run(world.account.refunds.refund(second, payment))

    world.refund_arrives(first)
    world.refund_arrives(second)

    assert refunded(run, world, first, payment).amount == Money(1000)
    assert refunded(run, world, second, payment).amount == Money(500)


def test_more_than_was_paid_is_refused(run, world):
    payment = paid(run, world)
    first, over = world.refund_of(payment, Money(8000)), world.refund_of(payment, Money(889))
    run(world.account.refunds.refund(first, payment))
    wait_for_the_next(world)

    outcome = run(world.account.refunds.refund(over, payment))

    assert isinstance(outcome, RefundRefused)
    assert outcome.failure.provider_code
    assert charge_of(world, payment).returned == 8000


def test_a_merchant_short_of_money_may_ask_again_later(run, world):
    payment = paid(run, world)
    refund = world.refund_of(payment)
    world.has_no_balance()

    refused = run(world.account.refunds.refund(refund, payment))
    world.behaves_again()
    taken = run(world.account.refunds.refund(refund, payment))

    assert isinstance(refused, RefundPostponed)
    assert isinstance(taken, RefundAccepted | Refunded)


def test_a_refund_the_provider_never_heard_of_is_not_found(run, world):
    payment = paid(run, world)

    outcome = run(world.account.refunds.query_refund(world.refund_of(payment), payment))

    assert isinstance(outcome, RefundNotFound)


def test_a_refunded_order_was_paid_all_the_same(run, world):
    payment = paid(run, world)
    refund = world.refund_of(payment)
    run(world.account.refunds.refund(refund, payment))
    world.refund_arrives(refund)

    outcome = run(world.account.payments.query(payment))

    assert isinstance(outcome, Paid)
    assert outcome.amount == OWED


def test_a_refund_made_elsewhere_is_found_by_its_number(run, world):
    payment = paid(run, world)
    number = world.merchant_refunds_on_site(payment, Money(1000))

    found = run(world.account.refunds.look_up(number, payment))

    assert isinstance(found, FoundRefund)
    assert found.amount == Money(1000)
    assert isinstance(found.outcome, RefundAccepted | Refunded)
    assert isinstance(run(world.account.refunds.look_up("d1nobodys", payment)), RefundNotFound)


def test_an_order_refunded_wholly_elsewhere_says_that_it_was_refunded(run, world):
    payment = paid(run, world)
    world.merchant_refunds_on_site(payment, OWED)

    outcome = run(world.account.payments.query(payment))

    assert isinstance(outcome, Paid)
    assert outcome.returned or outcome.refunding


@pytest.mark.parametrize("trouble", ["dead", "lost", "broken", "forged", "confused"])
def test_a_search_that_brings_no_genuine_answer_finds_nothing_out(run, world, trouble):
    payment = paid(run, world)
    world.suffers(trouble)

    assert isinstance(run(world.account.refunds.look_up("d1nobodys", payment)), Unknown)


# Callbacks


def test_a_callback_names_the_order_and_proves_the_money(run, world):
    payment = paid(run, world)

    news = world.account.callbacks.read(world.callback())

    assert isinstance(news, PaymentNews)
    assert news.provider_order_no == payment.provider_order_no
    assert isinstance(news.outcome, Paid)
    assert news.outcome.amount == OWED
    assert news.outcome.provider_transaction_id == charge_of(world, payment).transaction_id
    assert not payment.payee.contradicts(news.outcome.payee)


def test_the_callback_of_a_refund_names_the_refund(run, world):
    """It proves the refund, or says no more than that one should ask."""
    payment = paid(run, world)
    world.callback()
    refund = world.refund_of(payment, Money(1000))
    run(world.account.refunds.refund(refund, payment))
    world.refund_arrives(refund)

    news = world.account.callbacks.read(world.callback(2))

    assert isinstance(news, RefundNews)
    assert news.provider_refund_no == refund.provider_refund_no
    assert news.provider_order_no == payment.provider_order_no
    match news.outcome:
        case Refunded(amount=amount):
            assert amount == Money(1000)
        case other:
            assert isinstance(other, Unknown)
    assert refunded(run, world, refund, payment).amount == Money(1000)


def test_not_one_bit_of_a_callback_can_be_changed(run, world):
    paid(run, world)
    genuine = world.callback()

    for at in range(len(genuine.body)):
        body = bytearray(genuine.body)
        body[at] ^= 1
        with pytest.raises(CallbackRejected):
            world.account.callbacks.read(replace(genuine, body=bytes(body)))


def test_a_callback_cut_short_or_empty_is_rejected(run, world):
    paid(run, world)
    genuine = world.callback()

    for length in (0, 1, len(genuine.body) // 2, len(genuine.body) - 1):
        with pytest.raises(CallbackRejected):
            world.account.callbacks.read(replace(genuine, body=genuine.body[:length]))


def test_a_callback_of_another_account_is_rejected(run, world):
    paid(run, world)

    with pytest.raises(CallbackRejected):
        world.another_account.callbacks.read(world.callback())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_callback_is_rejected_where_there_is_a_replay_window(run, world, minutes):
    paid(run, world)
    genuine = world.callback()
    replayed = replace(genuine, received_at=genuine.received_at + timedelta(minutes=minutes))

    if world.callbacks_grow_stale:
        with pytest.raises(CallbackRejected):
            world.account.callbacks.read(replayed)
    else:
        assert isinstance(world.account.callbacks.read(replayed), PaymentNews)


def test_the_provider_understands_yes_and_no(world):
    taken, refused = (world.account.callbacks.reply(accepted=yes) for yes in (True, False))

    assert taken.status == 200
    assert 400 <= refused.status < 500
    assert taken.body != refused.body


def started(run: Run, world: World) -> Payment:
    payment = world.order()
    outcome: Outcome = run(world.account.payments.start(payment))
    assert isinstance(outcome, AwaitingPayer)
    return payment


def paid(run: Run, world: World) -> Payment:
    payment = started(run, world)
    world.payer_pays(payment)
    return payment


def refunded(run: Run, world: World, refund: Refund, payment: Payment) -> Refunded:
    outcome: RefundOutcome = run(world.account.refunds.query_refund(refund, payment))
    assert isinstance(outcome, Refunded)
    return outcome


def wait_for_the_next(world: World) -> None:
    """Providers want pauses between two refunds of one order, and time until one is certain."""
    world.clock.advance(max(world.account.refund_spacing.total_seconds(), 60) + 1)


def wait_until_reversible(world: World, payment: Payment) -> None:
    """One of the providers wants the payer to have had some time."""
    world.clock.advance(payment.terms.reversible_after.total_seconds() + 1)


def charge_of(world: World, payment: Payment) -> Any:
    charge = world.book(payment)
    assert charge is not None, "the provider has no such order"
    return charge
