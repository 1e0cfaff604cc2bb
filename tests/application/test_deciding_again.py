"""What another request, a parked order or a waiting refund changes about the decision."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import OrderAlreadyPaid, RefundNoReused
from domain.money import Money
from tests.worlds import SHOP, MemoryWorld, seen


def test_of_two_switches_at_once_only_one_stays_wanted(run, world, monkeypatch):
    first = run(world.pay()).order_id
    close, others = world.wechat.close, list[str]()

    async def while_another_switches(payment):
        if not others:
            others.append("")
            others[0] = (await world.pay(key="k2", amount=2222)).order_id
        return await close(payment)

    monkeypatch.setattr(world.wechat, "close", while_another_switches)
    mine = run(world.pay(key="k3", amount=3333)).order_id

    assert run(world.payment(first))["superseded_by"] == others[0]
    assert run(world.payment(others[0]))["superseded_by"] == mine
    assert run(world.payment(mine))["superseded_by"] is None


def test_a_payment_that_was_closed_before_is_not_superseded(run, world):
    first = run(world.pay()).order_id
    run(world.app.close_payment(SHOP, first))

    run(world.pay(key="k2", amount=6666))

    assert run(world.payment(first))["superseded_by"] is None


def test_a_parked_payment_is_not_closed_for_another(run, world):
    first = seen(run(world.pay()))
    world.wechat.payer_pays(first["provider_order_no"], Money(1))
    run(world.callback("payment", first["provider_order_no"]))

    second = run(world.pay(key="k2", amount=6666))

    assert ("close", first["provider_order_no"]) not in world.wechat.calls
    assert run(world.payment(first["id"]))["superseded_by"] == second.order_id


def test_a_stale_code_that_turns_out_paid_is_not_handed_out_again(run, world, monkeypatch):
    start = world.wechat.start

    async def soon_stale(payment):
        outcome = await start(payment)
        if getattr(outcome, "action", None) is None:
            return await world.wechat.query(payment)
        stale_at = world.clock.now() + timedelta(minutes=1)
        return replace(outcome, action=replace(outcome.action, expires_at=stale_at))

    monkeypatch.setattr(world.wechat, "start", soon_stale)
    first = seen(run(world.pay()))
    world.wechat.payer_pays(first["provider_order_no"])
    world.clock.advance(120)

    with pytest.raises(OrderAlreadyPaid) as refused:
        run(world.pay(key="k2"))

    assert refused.value.payment_id == first["id"]


def test_asking_about_a_queued_refund_does_not_send_it_early(run):
    world = MemoryWorld(refund_spacing=timedelta(minutes=1))
    payment = run(world.paid())
    run(world.refund(payment))
    queued = run(world.refund(payment, key="r2", refund_no="RF-2"))

    run(world.app.get_refund(SHOP, queued.order_id, refresh=True))

    assert [call for call, _ in world.wechat.calls].count("refund") == 1
    run(world.sweep_after(seconds=60))
    assert [call for call, _ in world.wechat.calls].count("refund") == 2


def test_another_reason_is_another_refund(run, world):
    payment = run(world.paid())
    run(world.refund(payment))

    with pytest.raises(RefundNoReused):
        run(world.refund(payment, key="r2", reason="a different one"))
