"""The stories of one order, told so that they go on whenever basepay dies in between."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from application.records import Caller
from domain.errors import OrderAlreadyPaid, PaymentAlreadySucceeded, RefundExceedsPayment
from domain.method import Method
from domain.money import Money
from domain.payment import Payment
from domain.status import RefundStatus
from tests.simulation.asking import ASKS_PASSWORD, HAS_NO_BALANCE, by
from tests.simulation.world import Broken, SimulatedWorld

Story = Callable[[SimulatedWorld], Awaitable[None]]

ALIPAY = by(Method.ALIPAY_QR)
CODE = by(Method.ALIPAY_CODE)
PAGE, WAP = by(Method.ALIPAY_PAGE), by(Method.ALIPAY_WAP)
WECHAT_ASKS = by(Method.WECHAT_CODE, ASKS_PASSWORD)
ALIPAY_ASKS = by(Method.ALIPAY_CODE, ASKS_PASSWORD)


async def a_payment_is_paid(world: SimulatedWorld) -> None:
    """The callback brings the success; it comes twice."""
    payment = await world.paid()

    await world.call_back(payment)


async def the_answer_is_lost(world: SimulatedWorld) -> None:
    """And so is the callback: the sweeper finds both."""
    world.wechat.loses_answers()
    payment = await world.pay()
    world.wechat.behaves_again()
    await world.until(lambda: world.payment(payment.id).action is not None)
    world.wechat.payer_pays(payment.provider_order_no)


async def the_provider_refuses(world: SimulatedWorld) -> None:
    """The order fails, and is paid by a second payment."""
    world.wechat.refuses("NO_AUTH", "product not enabled")
    await world.pay()
    world.wechat.behaves_again()
    await world.paid(key="k2")


async def a_code_is_charged(world: SimulatedWorld) -> None:
    """The call is the charge; it is never sent twice."""
    payment = await world.pay(**CODE)
    if payment.provider_order_no in world.alipay.book:  # else basepay died before it asked
        await world.call_back(payment)


async def another_price_supersedes(world: SimulatedWorld) -> None:
    """The first payment is closed, the second is paid."""
    await world.pay()
    await world.paid(key="k2", amount=5000)


async def the_superseded_one_was_paid(world: SimulatedWorld) -> None:
    """Switching finds out that the order is paid."""
    first = await world.shown()
    world.wechat.payer_pays(first.provider_order_no)
    with suppress(OrderAlreadyPaid):  # unless the provider fails to say so
        await world.pay(key="k2", amount=5000)


async def both_are_paid(world: SimulatedWorld) -> None:
    """The customer leaves a dead provider and pays twice: the second success goes back."""
    first = await world.shown()
    world.wechat.stops_answering()
    second = await world.shown(key="k2", **ALIPAY)
    world.alipay.payer_pays(second.provider_order_no)
    world.wechat.payer_pays(first.provider_order_no)
    world.wechat.behaves_again()
    await asyncio.gather(world.call_back(second), world.call_back(first))
    await world.sweep_after(seconds=1)


async def a_duplicate_stays(world: SimulatedWorld) -> None:
    """The provider takes its return on and gives it up: a person must look."""
    await both_are_paid(world)
    for refund in world.refunds():
        await world.taken_on(refund)
        provider = world.providers[refund.account]
        provider.refund_closes(refund.provider_refund_no)
        await world.call_back(refund)


async def an_order_is_closed(world: SimulatedWorld) -> None:
    """Twice, which is the same as once."""
    payment = await world.pay()
    await world.close(payment)
    await world.close(payment)


async def the_close_comes_too_late(world: SimulatedWorld) -> None:
    """The payer was quicker."""
    payment = await world.shown()
    world.wechat.payer_pays(payment.provider_order_no)
    with suppress(PaymentAlreadySucceeded):  # unless the provider fails to say so
        await world.close(payment)


async def the_money_comes_after_the_close(world: SimulatedWorld) -> None:
    """Only the callback tells, and it counts."""
    payment = await world.shown()
    await world.close(payment)
    world.wechat.payer_pays(payment.provider_order_no)
    await world.call_back(payment)


async def nobody_pays(world: SimulatedWorld) -> None:
    """The order expires."""
    await world.pay()
    await world.sweep_after(hours=2, seconds=1)


async def a_link_is_renewed(world: SimulatedWorld) -> None:
    """The same order again, after its link has gone stale."""
    payment = await world.shown()
    await asyncio.sleep(timedelta(minutes=31).total_seconds())
    await world.pay(key="k2")
    world.wechat.payer_pays(payment.provider_order_no)
    await world.call_back(payment)


async def too_little_is_paid(world: SimulatedWorld) -> None:
    """A person must look; nothing is booked."""
    payment = await world.shown()
    world.wechat.payer_pays(payment.provider_order_no, Money(1))
    await world.call_back(payment)


async def a_refund_arrives(world: SimulatedWorld) -> None:
    """Asked for, accepted, arrived."""
    refund = await world.accepted(await world.paid())
    world.wechat.refund_arrives(refund.provider_refund_no)
    await world.call_back(refund)


async def the_answer_to_a_refund_is_lost(world: SimulatedWorld) -> None:
    """It is asked for again under the same number."""
    payment = await world.paid()
    world.wechat.loses_answers()
    await world.refund(payment)
    world.wechat.behaves_again()
    await world.sweep_after(seconds=6)


async def refunds_queue(world: SimulatedWorld) -> None:
    """Three at once of one payment; together they are more than was paid, so one is refused."""
    payment = await world.paid()

    async def ask(number: int) -> None:
        await world.refund(payment, f"r{number}", refund_no=f"RF-{number}", amount=4000)

    answers = await asyncio.gather(*(ask(number) for number in (1, 2, 3)), return_exceptions=True)
    if [type(answer) for answer in answers if answer] != [RefundExceedsPayment]:
        raise Broken(f"I4: of three refunds two are possible, not {answers}")
    await world.sweep_after(minutes=2)


async def a_refused_refund_is_tried_again(world: SimulatedWorld) -> None:
    """Under its own number, and with a new key."""
    payment = await world.paid()
    world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")
    await world.refund(payment, amount=4000)
    world.wechat.behaves_again()
    await world.refund(payment, key="r2", amount=4000)


async def a_refund_bounces(world: SimulatedWorld) -> None:
    """The money is gone and did not arrive: a person must look."""
    refund = await world.accepted(await world.paid())
    world.wechat.refund_bounces(refund.provider_refund_no)
    await world.call_back(refund)


async def twins_ask(world: SimulatedWorld) -> None:
    """The same request three times at once, while the payer pays and the app reads."""
    payment, *_ = await asyncio.gather(*(world.shown() for _ in range(3)))
    world.wechat.payer_pays(payment.provider_order_no)
    shop = Caller("shop")

    async def read() -> None:
        await world.survive(lambda: world.app.get_payment(shop, payment.id, refresh=True))

    await asyncio.gather(world.call_back(payment), read(), world.pay())


async def a_link_cannot_be_renewed(world: SimulatedWorld) -> None:
    """The provider refuses the repetition, but the order lives there and is paid."""
    payment = await world.shown()
    await asyncio.sleep(timedelta(minutes=31).total_seconds())
    world.wechat.refuses("RULE_LIMIT", "not now")
    await world.pay(key="k2")
    world.wechat.behaves_again()
    world.wechat.payer_pays(payment.provider_order_no)


async def a_password_is_typed(world: SimulatedWorld) -> None:
    """The payer needs some seconds; the sweeper finds the money, or the callback tells."""
    payment = await world.pay(**WECHAT_ASKS)
    await world.sweep_after(seconds=3)
    if _pays(world, payment):
        await world.call_back(payment)


async def a_code_waits_too_long(world: SimulatedWorld) -> None:
    """Nobody types the password: the charge is taken back at the deadline, unpaid."""
    payment = await world.pay(**ALIPAY_ASKS)
    await world.sweep_after(seconds=30)
    await world.sweep_after(seconds=16)
    await world.sweep_after(seconds=3)
    _undisturbed(world, world.payment(payment.id).open, "I8: still not taken back")


async def a_code_is_paid_unheard(world: SimulatedWorld) -> None:
    """Money that nobody heard of goes straight back; its callback comes after all of it."""
    world.wechat.loses_answers()
    payment = await world.pay(**by(Method.WECHAT_CODE))
    told = [world.wechat.callback("payment", number) for number in world.wechat.book]
    await world.sweep_after(seconds=5)
    await world.sweep_after(seconds=41)
    world.wechat.behaves_again()
    for body in told:
        await world.survive(lambda body=body: world.post(world.wechat, body))  # type: ignore[misc]
    await world.work()
    await world.sweep_after(seconds=6)
    _undisturbed(world, not world.payment(payment.id).reversed, "I8: still not taken back")


async def a_charge_is_closed(world: SimulatedWorld) -> None:
    """The till gives up. WeChat Pay is not asked before 15 seconds have passed."""
    payment = await world.pay(**WECHAT_ASKS)
    await world.close(payment)
    _undisturbed(world, not world.payment(payment.id).open, "I1: taken back too early")
    await asyncio.sleep(16)
    await world.close(payment)


async def a_charge_is_closed_too_late(world: SimulatedWorld) -> None:
    """The payer has typed the password: that money is kept, not taken back."""
    payment = await world.pay(**ALIPAY_ASKS)
    paid = _pays(world, payment)
    with suppress(PaymentAlreadySucceeded):  # unless the provider fails to say so
        await world.close(payment)
    states = {trade.state for trade in world.alipay.book.values()}
    _undisturbed(world, paid and states != {"paid"}, "I1: taken back without asking")


async def a_second_code_is_asked_for(world: SimulatedWorld) -> None:
    """The first wallet has no money; a fresh code of another one pays."""
    await world.pay(**by(Method.WECHAT_CODE, HAS_NO_BALANCE))
    while any(payment.open for payment in world.payments()):
        await world.sweep_after(minutes=3)
    payment = await world.pay(key="k2", **by(Method.WECHAT_CODE))
    if payment.provider_order_no in world.wechat.book:
        await world.call_back(payment)


async def nobody_opens_a_link(world: SimulatedWorld) -> None:
    """Alipay never hears of the order: it is believed gone ten minutes after its end."""
    payment = await world.pay(**PAGE)
    await world.sweep_after(hours=2, seconds=1)
    world.check()
    await world.sweep_after(minutes=9)
    world.check()
    await world.sweep_after(minutes=2)
    await world.sweep_after(minutes=2)
    _undisturbed(world, world.payment(payment.id).open, "I8: still not closed")


async def a_link_is_opened_and_paid(world: SimulatedWorld) -> None:
    """Only now Alipay knows the order."""
    payment = await world.pay(**WAP)
    world.alipay.payer_opens(payment)
    world.alipay.payer_pays(payment.provider_order_no)
    await world.call_back(payment)


async def a_link_is_closed_unopened(world: SimulatedWorld) -> None:
    """Alipay can't close what it does not know; the payer opens it after all, and pays."""
    payment = await world.pay(**PAGE)
    await world.close(payment)
    world.check()
    world.alipay.payer_opens(payment)
    world.alipay.payer_pays(payment.provider_order_no)
    await world.sweep_after(seconds=6)


async def a_link_is_left_for_a_code(world: SimulatedWorld) -> None:
    """The link stays payable until it ends, and both are paid: the second success goes back."""
    first = await world.pay(**PAGE)
    second = await world.shown(key="k2", amount=5000)
    world.wechat.payer_pays(second.provider_order_no)
    world.alipay.payer_opens(first)
    if _pays(world, first):
        await world.call_back(first)
    await world.call_back(second)


async def a_refund_is_made_elsewhere(world: SimulatedWorld) -> None:
    """On WeChat Pay's own site: its callback tells, and another when the money arrives."""
    payment = await world.paid()
    world.wechat.merchant_refunds(payment.provider_order_no, "SITE-1", Money(3000))
    await world.hear(world.wechat, "refund", "SITE-1")
    world.wechat.refund_arrives("SITE-1")
    await world.hear(world.wechat, "refund", "SITE-1")
    with suppress(RefundExceedsPayment):  # if it is heard of in time
        await world.refund(payment, amount=8000)


async def a_refund_elsewhere_is_heard_of_first(world: SimulatedWorld) -> None:
    """The payment's own callback was lost."""
    payment = await world.shown(**ALIPAY)
    world.alipay.payer_pays(payment.provider_order_no)
    world.alipay.merchant_refunds(payment.provider_order_no, "SITE-1", payment.amount)
    world.alipay.refund_arrives("SITE-1")
    await world.hear(world.alipay, "refund", "SITE-1")


async def a_charge_is_reversed_elsewhere(world: SimulatedWorld) -> None:
    """Whoever did that: the payment succeeded, and all of it has gone back."""
    payment = await world.pay(**CODE)
    if payment.provider_order_no in world.alipay.book:
        await world.until(lambda: not world.payment(payment.id).open)
        world.alipay.merchant_reverses(payment.provider_order_no)
        await world.call_back(payment)
        await world.call_back(payment)


async def ours_is_refused_after_theirs(world: SimulatedWorld) -> None:
    """Alipay says that all went back while ours waits; that none of it was ours shows later."""
    payment = await world.paid(**ALIPAY)
    world.alipay.has_no_balance()
    await world.refund(payment)
    world.alipay.merchant_refunds(payment.provider_order_no, "SITE-1", payment.amount)
    world.alipay.refund_arrives("SITE-1")
    await world.call_back(payment)
    world.alipay.behaves_again()
    await world.sweep_after(minutes=1)
    await world.hear(world.alipay, "refund", "SITE-1")


async def a_search_wants_patience(world: SimulatedWorld) -> None:
    """What a foreign refund is looked up with counts like any ask: the sweeper is silent, too."""
    payment = await world.paid()
    other = await world.pay(key="k2", order_no="SO-2")
    world.wechat.merchant_refunds(payment.provider_order_no, "SITE-1", Money(1000))
    world.wechat.wants_patience(timedelta(minutes=5))
    await world.hear(world.wechat, "refund", "SITE-1")
    await world.sweep_after(seconds=150)
    world.wechat.behaves_again()
    await world.sweep_after(minutes=6)
    if _pays(world, other):
        await world.call_back(other)


async def a_bounced_refund_is_mended(world: SimulatedWorld) -> None:
    """Somebody gives WeChat Pay another card of the payer."""
    refund = await world.accepted(await world.paid())
    world.wechat.refund_bounces(refund.provider_refund_no)
    await world.call_back(refund)
    world.wechat.refund_arrives(refund.provider_refund_no)
    await world.sweep_after(minutes=1)


async def a_bounced_refund_is_closed(world: SimulatedWorld) -> None:
    """Nobody mends it: the money stays with the merchant, and may be refunded anew."""
    payment = await world.paid()
    refund = await world.accepted(payment)
    world.wechat.refund_bounces(refund.provider_refund_no)
    await world.call_back(refund)
    world.wechat.refund_closes(refund.provider_refund_no)
    await world.sweep_after(minutes=1)
    await world.until(lambda: not world.found_refund(refund.id).reserved)
    await world.refund(payment, "r2", refund_no="RF-2", amount=payment.amount.fen)


async def one_fen_goes_back_in_parts(world: SimulatedWorld) -> None:
    """Three refunds of one fen: two of nothing, and a refused one that settles it when retried."""
    await world.turn_one_fen(on=True)
    payment = await world.paid()
    await world.turn_one_fen(on=False)
    await world.refund(payment, refund_no="RF-1", amount=4000)
    world.check()
    await world.refund(payment, "r2", refund_no="RF-2", amount=1888)
    world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")
    last = await world.refund(payment, "r3", refund_no="RF-3", amount=3000)
    await world.until(lambda: not world.found_refund(last.id).open)
    world.wechat.behaves_again()
    await world.refund(payment, "r4", refund_no="RF-3", amount=3000)
    await world.until(lambda: world.found_refund(last.id).status is not RefundStatus.FAILED)
    await world.sweep_after(seconds=6)
    returned = world.wechat.book[payment.provider_order_no].refunds.values()
    if [each.amount for each in returned] != [Money(1)]:
        raise Broken(f"I4: the fen goes back as {returned}")


async def a_provider_wants_patience(world: SimulatedWorld) -> None:
    """The sweeper leaves it alone for so long, then goes on."""
    payment = await world.pay()
    world.wechat.wants_patience(timedelta(minutes=5))
    for _ in range(6):
        await world.sweep_after(seconds=50)
    world.wechat.behaves_again()
    await world.sweep_after(minutes=5)
    if _pays(world, payment):
        await world.call_back(payment)


def _pays(world: SimulatedWorld, payment: Payment) -> bool:
    """The payer pays, if the order can still be paid."""
    provider = world.providers[payment.account]
    trade = provider.book.get(payment.provider_order_no)
    payable = trade is not None and trade.state == "open"
    if payable:
        provider.payer_pays(payment.provider_order_no)
    return payable


def _undisturbed(world: SimulatedWorld, wrong: bool, promise: str) -> None:
    """What must hold at the latest now, unless something went wrong."""
    if wrong and not (world.strikes or world.process.failures):
        raise Broken(promise)
