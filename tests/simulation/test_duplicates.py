"""A duplicate that the provider will not give back is not forgotten."""

import asyncio

import pytest

from tests.simulation.invariants import check_always
from tests.simulation.stories import ALIPAY
from tests.simulation.virtual_time import VirtualLoop
from tests.simulation.world import SimulatedWorld


@pytest.mark.parametrize("end", ["refused", "closed"])
def test_a_person_hears_when_a_duplicate_cannot_be_given_back(end: str) -> None:
    async def whole() -> set[str | None]:
        world = SimulatedWorld(at_rest=check_always)
        first = await world.shown()
        world.wechat.stops_answering()
        second = await world.shown(key="k2", **ALIPAY)
        world.alipay.payer_pays(second.provider_order_no)
        world.wechat.payer_pays(first.provider_order_no)
        world.wechat.behaves_again()
        if end == "refused":
            world.wechat.refuses_refunds("NO_AUTH", "refunds are switched off")
        await world.call_back(second)
        await world.call_back(first)
        await world.sweep_after(seconds=6)
        await world.sweep_after(seconds=60)  # a refusal at once may hide an earlier sending
        [refund] = world.refunds()
        if end == "closed":
            world.wechat.refund_closes(refund.provider_refund_no)
            await world.call_back(refund)
        [refund] = world.refunds()
        assert refund.status in ("failed", "closed")
        return {each.order_id for each in world.tables.incidents._rows.values()} & {refund.id}

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(whole())
