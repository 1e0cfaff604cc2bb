"""The stories of one order, told so that they go on whenever basepay dies in between."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from application.records import Caller
from domain.errors import OrderAlreadyPaid, PaymentAlreadySucceeded, RefundExceedsPayment
from domain.method import Method
from domain.money import Money
from tests.simulation.asking import Facts
from tests.simulation.world import Broken, SimulatedWorld

Story = Callable[[SimulatedWorld], Awaitable[None]]

ALIPAY: Facts = {"method": Method.ALIPAY_QR}
CODE: Facts = {"method": Method.ALIPAY_CODE, "payer": {"auth_code": "280000000000000000"}}


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
