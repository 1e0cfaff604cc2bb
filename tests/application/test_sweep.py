"""The sweeper asks about everything that is due, and nobody holds up the others."""

import asyncio

from application.sweep import AT_ONCE
from domain.method import Method
from tests.worlds import seen


def test_a_provider_that_hangs_does_not_hold_up_the_other(run, world):
    async def stuck(payment: object) -> None:
        await asyncio.Event().wait()

    async def story() -> str:
        for number in range(AT_ONCE + 4):
            await world.pay(key=f"w{number}", order_no=f"W-{number}")
        answer = await world.pay(key="a", order_no="A-1", method=Method.ALIPAY_QR)
        world.alipay.payer_pays(seen(answer)["provider_order_no"])
        world.wechat.query = stuck
        world.clock.advance(6)
        sweeping = asyncio.create_task(world.app.sweep())
        for _ in range(500):
            await asyncio.sleep(0)
        status: str = (await world.payment(answer.order_id))["status"]
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        return status

    assert run(story()) == "succeeded"
