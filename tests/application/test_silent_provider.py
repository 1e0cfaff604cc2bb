"""What happens to orders while a provider answers nobody, and once it does again."""

import asyncio
from datetime import datetime, timedelta

import pytest

from adapters.providers.in_memory.provider import InMemoryProvider
from application.circuit import OPENS_AFTER, PAUSES
from application.idempotency import Answer
from domain.method import TERMS, Method, Provider
from domain.outcome import Outcome
from domain.payment import Payment
from tests.simulation.virtual_time import VirtualLoop
from tests.worlds import SHOP, MemoryWorld, seen

CODES = {Method.WECHAT_CODE: "134567890123456700", Method.ALIPAY_CODE: "284567890123456700"}


@pytest.fixture
def run():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner.run


@pytest.fixture(params=list(CODES), ids=lambda method: method.value)
def code(request):
    return {"method": request.param, "payer": {"auth_code": CODES[request.param]}}


async def falls_silent(world: MemoryWorld, provider: InMemoryProvider) -> list[Answer]:
    """Until nobody asks it any more; the orders that found out."""
    provider.stops_answering()
    method = next(
        m for m in (Method.WECHAT_NATIVE, Method.ALIPAY_QR) if _of(m) is provider.provider
    )
    found = [
        await world.pay(key=f"s{n}", order_no=f"SILENT-{n}", method=method)
        for n in range(OPENS_AFTER)
    ]
    assert world.app.accounts.circuit(provider.name).open
    provider.calls.clear()
    return found


async def is_back(provider: InMemoryProvider) -> None:
    """It answers again, and the longest pause is over."""
    provider.behaves_again()
    await asyncio.sleep(PAUSES[1])


def _of(method: Method) -> Provider:
    return TERMS[method].provider


def test_an_order_is_open_though_nothing_was_sent_and_can_be_paid_afterwards(run, world):
    async def story() -> None:
        await falls_silent(world, world.wechat)
        answer = await world.pay()

        assert (answer.status, seen(answer)["status"]) == (202, "created")
        assert seen(answer)["action"] is None
        assert world.wechat.calls == []

        await is_back(world.wechat)
        await world.sweep_after(seconds=6)
        assert (await world.payment(answer.order_id))["action"] is not None

    run(story())


def test_a_charge_that_was_not_sent_has_failed_and_is_never_sent_later(run, world, code):
    async def story() -> None:
        provider = world.wechat if _of(code["method"]) is Provider.WECHAT else world.alipay
        await falls_silent(world, provider)
        answer = await world.pay(**code)

        assert (answer.status, seen(answer)["status"]) == (201, "failed")
        assert seen(answer)["failure"]["code"] == "provider_unavailable"
        assert seen(answer)["failure"]["retryable"] is True

        await is_back(provider)
        for _ in range(20):
            await world.sweep_after(seconds=60)
        assert (await world.pay(**code)).body == answer.body
        number = seen(answer)["provider_order_no"]
        assert number not in provider.book
        assert number not in [asked for _, asked in provider.calls]
        failed = [event.type for event in await world.events() if event.order_id == answer.order_id]
        assert failed == ["basepay.payment.failed"]

        again = await world.pay(key="k2", **code)
        assert (again.status, seen(again)["status"]) == (201, "succeeded")

    run(story())


def test_a_charge_that_was_sent_and_not_answered_has_not_failed(run, world, code):
    async def story() -> None:
        provider = world.wechat if _of(code["method"]) is Provider.WECHAT else world.alipay
        provider.loses_answers()
        answer = await world.pay(**code)
        for _ in range(OPENS_AFTER * 4):
            await world.sweep_after(seconds=2)
        assert world.app.accounts.circuit(provider.name).open

        assert (answer.status, seen(answer)["status"]) == (202, "created")
        assert (await world.payment(answer.order_id))["status"] == "created"

        await is_back(provider)
        await world.sweep_after(seconds=6)
        assert (await world.payment(answer.order_id))["status"] == "succeeded"

    run(story())


def test_a_refund_waits_and_is_sent_afterwards(run, world):
    async def story() -> None:
        paid = await world.paid(order_no="PAID")
        await falls_silent(world, world.wechat)
        answer = await world.refund(paid)

        assert (answer.status, seen(answer)["status"]) == (202, "created")
        assert world.wechat.calls == []

        await is_back(world.wechat)
        await world.sweep_after(seconds=6)
        world.wechat.refund_arrives(seen(answer)["provider_refund_no"])
        await world.sweep_after(seconds=6)
        assert (await world.refund_view(answer.order_id))["status"] == "succeeded"

    run(story())


def test_what_fell_due_meanwhile_is_asked_at_once_when_somebody_answers(run, world):
    async def story() -> None:
        paid = [
            seen(await world.pay(key=f"p{n}", order_no=f"P-{n}"))["provider_order_no"]
            for n in range(40)
        ]
        await falls_silent(world, world.wechat)
        for number in paid:
            world.wechat.payer_pays(number)
        before = planned(world)
        for _ in range(10):  # for an hour
            await asyncio.sleep(PAUSES[1])
            await world.sweep_after(minutes=6)

        assert world.wechat.calls  # it is tried now and then,
        assert {kind for kind, _ in world.wechat.calls} == {"query"}
        assert len(world.wechat.calls) <= 10
        assert planned(world) == before  # and nothing is put off by that

        await is_back(world.wechat)
        await world.app.sweep()
        payments = world.store._tables.payments.look()
        stands = {each.provider_order_no: each.status for each in payments}
        assert {stands[number] for number in paid} == {"succeeded"}

    run(story())


def test_what_is_left_of_a_batch_when_the_circuit_opens_stays_as_it_is(run, world):
    async def story() -> None:
        for n in range(40):
            await world.pay(key=f"p{n}", order_no=f"P-{n}")
        before = sum(each.version for each in world.store._tables.payments.look())
        world.wechat.stops_answering()
        await world.sweep_after(seconds=6)

        written = sum(each.version for each in world.store._tables.payments.look()) - before
        assert written == OPENS_AFTER

    run(story())


def test_a_try_may_hear_that_the_provider_wants_to_be_left_alone(run, world):
    async def story() -> None:
        await falls_silent(world, world.wechat)
        world.wechat.wants_patience(timedelta(seconds=30))
        await asyncio.sleep(PAUSES[1])
        await world.sweep_after(seconds=6)

        assert not world.app.accounts.circuit("wechat-main").open
        assert len(world.wechat.calls) == 1

    run(story())


def planned(world: MemoryWorld) -> list[tuple[str, int, datetime | None]]:
    """When each payment is asked about."""
    payments = world.store._tables.payments.look()
    return [(each.id, each.checks, each.next_check_at) for each in payments]


def test_one_order_that_is_never_answered_does_not_keep_the_circuit_open(run, world):
    async def story() -> None:
        orders = await falls_silent(world, world.wechat)
        world.wechat.behaves_again()
        plain, never = InMemoryProvider.query, seen(orders[0])["provider_order_no"]

        async def query(payment: Payment) -> Outcome:
            if payment.provider_order_no == never:
                world.wechat.stops_answering()
            try:
                return await plain(world.wechat, payment)
            finally:
                world.wechat.behaves_again()

        world.wechat.query = query
        for _ in range(4):
            await asyncio.sleep(PAUSES[1])
            await world.sweep_after(seconds=6)

        assert not world.app.accounts.circuit("wechat-main").open

    run(story())


def test_with_nothing_but_a_refund_to_do_its_payment_is_asked_about(run, world):
    async def story() -> None:
        paid = await world.paid(order_no="PAID")
        world.wechat.stops_answering()
        for _ in range(OPENS_AFTER):
            world.clock.advance(3)
            await world.app.get_payment(SHOP, paid, refresh=True)
        answer = await world.refund(paid)
        world.wechat.calls.clear()
        await is_back(world.wechat)
        await world.sweep_after(seconds=6)

        number = (await world.stored(paid)).provider_order_no
        assert [kind for kind, asked in world.wechat.calls] == ["query", "refund"]
        assert world.wechat.calls[0] == ("query", number)
        assert (await world.refund_view(answer.order_id))["accepted_at"] is not None

    run(story())


def test_asking_through_us_meanwhile_puts_nothing_off(run, world):
    async def story() -> None:
        answer = await world.pay()
        await falls_silent(world, world.wechat)
        planned = (await world.stored(answer.order_id)).next_check_at
        for _ in range(20):
            world.clock.advance(3)
            await world.app.get_payment(SHOP, answer.order_id, refresh=True)

        assert (await world.stored(answer.order_id)).next_check_at == planned
        assert world.wechat.calls == []

    run(story())


def test_a_close_is_remembered_and_done_afterwards(run, world):
    async def story() -> None:
        answer = await world.pay()
        await falls_silent(world, world.wechat)
        closing = await world.app.close_payment(SHOP, answer.order_id)
        assert (closing.status, closing.closing) == ("created", True)

        await is_back(world.wechat)
        await world.app.sweep()
        assert (await world.payment(answer.order_id))["status"] == "closed"

    run(story())


def test_the_customer_goes_on_with_the_other_provider_at_once(run, world):
    async def story() -> None:
        await falls_silent(world, world.wechat)
        left = await world.pay(key="w")
        taken = await world.pay(key="a", method=Method.ALIPAY_QR)

        assert (left.status, taken.status) == (202, 201)
        world.alipay.payer_pays(seen(taken)["provider_order_no"])
        await world.sweep_after(seconds=6)
        assert (await world.payment(taken.order_id))["status"] == "succeeded"

        await is_back(world.wechat)
        await world.sweep_after(minutes=1)
        assert (await world.payment(left.order_id))["superseded_by"] == taken.order_id

    run(story())


def test_links_that_are_built_here_need_nobody_and_tell_of_nobody(run, world):
    async def story() -> None:
        await falls_silent(world, world.alipay)
        answer = await world.pay(method=Method.ALIPAY_PAGE)
        payment = await world.stored(answer.order_id)
        started = await world.app.accounts["alipay-main"].payments.start(payment)

        assert answer.status == 201
        assert started.action == payment.action
        assert world.app.accounts.circuit("alipay-main").open

    run(story())


def test_a_provider_that_wants_patience_is_there(run, world):
    async def story() -> None:
        world.wechat.wants_patience(timedelta(seconds=30))
        for n in range(OPENS_AFTER * 2):
            await world.pay(key=f"k{n}", order_no=f"SO-{n}")

        assert not world.app.accounts.circuit("wechat-main").open

    run(story())
