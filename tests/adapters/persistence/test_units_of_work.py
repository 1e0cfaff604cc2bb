"""What a unit of work promises, held against every store."""

import asyncio
from datetime import timedelta

import pytest

from application.ports import AlreadyExists, LostUpdate
from domain.errors import NotFound, RefundExceedsPayment
from domain.method import ActionType, Method
from domain.money import Money
from domain.order import Order
from domain.outcome import Action, Closed, Failure, Payee
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus, RefundStatus
from tests.adapters.persistence.making import NOW, Make


async def read(store, payment):
    async with store.work() as work:
        return await work.payments.get(payment.id)


def full_payment(make: Make) -> Payment:
    """One in which every field differs from its default."""
    return make.payment(
        method=Method.WECHAT_H5,
        charged_amount=Money(1),
        payer={"openid": "o-1", "名": "值"},
        client_ip="192.0.2.1",
        return_url="https://shop.example/back",
        metadata={"table": "7"},
        payee=Payee("1900000001", "wx1"),
        request=b'{"exact": "bytes"}\x00\xff',
        status=PaymentStatus.SUCCEEDED,
        action=Action(ActionType.REDIRECT, {"url": "u", "params": {"a": ["b", 1]}}, NOW),
        failure=Failure("refused", "NOAUTH", "no", retryable=True),
        provider_transaction_id="420000",
        paid_by="o-2",
        payer_amount=Money(9_999),
        settled_amount=Money(9_998),
        succeeded_at=NOW + timedelta(microseconds=1),
        closing=True,
        late=True,
        reversed=True,
        parked=True,
        superseded_by="pay_2",
        duplicate_of="pay_3",
        refunded_amount=Money(4),
        reserved_amount=Money(10_003),
        refunded_charge=Money(1),
        excess_amount=Money(7),
        refund_count=3,
        next_refund_at=NOW + timedelta(minutes=1),
        sequence=4,
        checks=5,
        next_check_at=NOW + timedelta(seconds=5),
    )


def full_refund(make: Make, payment: Payment) -> Refund:
    return make.refund(
        payment,
        charged_amount=Money(0),
        initiated_by=Initiator.PROVIDER,
        request=b"\x01bytes",
        status=RefundStatus.SUCCEEDED,
        failure=Failure("abnormal"),
        provider_refund_id="5030",
        sent_at=NOW + timedelta(milliseconds=500),
        accepted_at=NOW + timedelta(seconds=1),
        succeeded_at=NOW + timedelta(seconds=2),
        stuck=True,
        parked=True,
        sequence=3,
        checks=2,
        next_check_at=NOW,
    )


def test_every_field_of_a_payment_returns(run, store, keep, make):
    payment = full_payment(make)
    keep(payment)

    assert run(read(store, payment)) == payment
    assert payment.version == 1


def test_every_field_of_a_changed_payment_returns(run, store, keep, make):
    bare, full = make.payment(), full_payment(make)
    keep(bare)
    full.id, full.version = bare.id, bare.version
    keep(full)

    assert run(read(store, bare)) == full
    assert full.version == 2


def test_every_field_of_a_refund_returns(run, store, keep, make):
    payment = make.paid()
    refund = full_refund(make, payment)
    keep(payment, refund)

    async def three_ways():
        async with store.work() as work:
            return (
                await work.refunds.get(refund.id),
                await work.refunds.numbered(payment.id, refund.provider_refund_no),
                await work.refunds.named(refund.app, refund.refund_no),
            )

    assert run(three_ways()) == (refund, refund, refund)


def test_every_field_of_a_changed_refund_returns(run, store, keep, make):
    payment = make.paid()
    bare, full = make.refund(payment), full_refund(make, payment)
    keep(payment, bare)
    full.id, full.version = bare.id, bare.version
    keep(full)

    async def read_refund():
        async with store.work() as work:
            return await work.refunds.get(bare.id)

    assert run(read_refund()) == full


def test_orders_and_requests_return_as_they_changed(run, store, keep, make):
    order = Order(app="shop", order_no="SO-1", current="pay_1")
    request = make.request()
    keep(order, request)
    order.current, order.winner = "pay_2", "pay_1"
    request.status, request.body = 201, b'{"id": 1}'
    request.leased_until += timedelta(seconds=30)
    keep(order, request)

    async def both():
        async with store.work() as work:
            return (
                await work.orders.find("shop", "SO-1"),
                await work.requests.find("shop", request.route, request.key),
            )

    assert run(both()) == (order, request)
    assert (order.version, request.version) == (2, 2)


def test_what_is_not_there_is_said_to_be_missing(run, store):
    async def ask():
        async with store.work() as work:
            assert await work.payments.numbered("no") is None
            assert await work.refunds.numbered("no", "no") is None
            assert await work.refunds.named("shop", "no") is None
            assert await work.orders.find("shop", "no") is None
            assert await work.requests.find("shop", "no", "no") is None
            with pytest.raises(NotFound, match="payment pay_0"):
                await work.payments.get("pay_0")
            with pytest.raises(NotFound, match="refund ref_0"):
                await work.refunds.get("ref_0")

    run(ask())


def test_a_payment_is_found_by_its_number_at_the_provider(run, store, keep, make):
    payment = make.payment()
    keep(make.payment(), payment)

    async def numbered():
        async with store.work() as work:
            return await work.payments.numbered(payment.provider_order_no)

    assert run(numbered()) == payment


def test_what_an_order_told_is_not_kept_with_it(run, store, keep, make):
    payment = make.payment()
    payment.learn(Closed(), at=NOW)
    assert payment.events

    keep(payment)

    assert run(read(store, payment)).events == []


def test_what_is_not_committed_never_happened(run, store, make):
    payment = make.payment()

    async def leave_without_commit():
        async with store.work() as work:
            work.payments.save(payment)
            work.append(make.message())
            async with store.work() as other:
                with pytest.raises(NotFound):
                    await other.payments.get(payment.id)
        async with store.work() as work:
            with pytest.raises(NotFound):
                await work.payments.get(payment.id)
        return await store.outbox.waiting(10)

    assert run(leave_without_commit()) == []
    assert payment.version == 0


def test_an_error_inside_a_unit_leaves_nothing_behind(run, store, make):
    payment = make.payment()

    async def half(work):
        async with work:
            work.payments.save(payment)
            raise RuntimeError

    async def fail_half_way():
        work = store.work()
        with pytest.raises(RuntimeError):
            await half(work)
        await work.commit()  # nothing is staged any more
        async with store.work() as later:
            await later.payments.get(payment.id)

    with pytest.raises(NotFound):
        run(fail_half_way())


def test_changing_an_order_without_saving_it_changes_nothing(run, store, keep, make):
    payment = make.payment(metadata={"a": "b"})
    keep(payment)
    found = run(read(store, payment))
    found.subject = "changed"
    found.metadata["a"] = "changed"
    payment.subject = "changed"

    again = run(read(store, payment))

    assert (again.subject, again.metadata) == ("Tea", {"a": "b"})


def test_what_is_kept_is_how_it_was_when_saved(run, store, make):
    payment = make.payment(metadata={"a": "b"})

    async def change_after_save():
        async with store.work() as work:
            work.payments.save(payment)
            payment.subject = payment.metadata["a"] = "changed"
            await work.commit()

    run(change_after_save())

    found = run(read(store, payment))
    assert (found.subject, found.metadata) == ("Tea", {"a": "b"})


def test_of_two_saves_in_one_unit_the_last_counts(run, store, make):
    payment = make.payment()

    async def save_twice():
        async with store.work() as work:
            work.payments.save(payment)
            payment.subject = "Coffee"
            work.payments.save(payment)
            await work.commit()

    run(save_twice())

    assert run(read(store, payment)).subject == "Coffee"
    assert payment.version == 1


def test_a_committed_order_can_be_saved_again_without_reading_it(run, store, keep, make):
    payment = make.payment()
    keep(payment)
    payment.subject = "Coffee"
    keep(payment)

    assert run(read(store, payment)) == payment


def test_of_two_writers_the_second_learns_it_lost(run, store, keep, make):
    payment = make.payment()
    keep(payment)

    async def race():
        async with store.work() as first, store.work() as second:
            mine = await first.payments.get(payment.id)
            yours = await second.payments.get(payment.id)
            mine.subject, yours.subject = "mine", "yours"
            first.payments.save(mine)
            second.payments.save(yours)
            second.append(make.message())
            await first.commit()
            with pytest.raises(LostUpdate):
                await second.commit()
        return yours

    yours = run(race())

    assert run(read(store, payment)).subject == "mine"
    assert yours.version == 1  # still the one that lost
    assert run(store.outbox.waiting(10)) == []


@pytest.mark.parametrize("kind", ["refund", "order", "request"])
def test_a_second_writer_loses_for_every_kind_of_row(keep, make, kind):
    payment = make.paid()
    keep(payment)
    thing = {
        "refund": lambda: make.refund(payment),
        "order": lambda: Order(app="shop", order_no="SO-1", current="pay_1"),
        "request": make.request,
    }[kind]()
    keep(thing)
    keep(thing)
    thing.version = 1

    with pytest.raises(LostUpdate):
        keep(thing)


def test_updating_what_was_never_stored_is_lost(keep, make):
    with pytest.raises(LostUpdate):
        keep(make.payment(version=3))


def test_every_unique_key_is_taken_once(keep, make):
    payment = make.paid()
    refund = make.refund(payment)
    order = Order(app="shop", order_no="SO-1", current="pay_1")
    request, message, incident = make.request(), make.message(), make.incident()
    keep(payment, refund, order, request, message, incident)

    twins = [
        make.payment(id=payment.id),
        make.payment(provider_order_no=payment.provider_order_no),
        make.refund(payment, id=refund.id),
        make.refund(payment, provider_refund_no=refund.provider_refund_no),
        make.refund(payment, refund_no=refund.refund_no),
        Order(app="shop", order_no="SO-1", current="pay_2"),
        make.request(key=request.key),
        make.message(id=message.id),
        make.message(order_id=message.order_id, sequence=message.sequence),
        make.incident(id=incident.id),
    ]
    for twin in twins:
        with pytest.raises(AlreadyExists):
            keep(twin)


def test_a_name_taken_by_another_app_is_free(keep, make):
    payment = make.paid()
    keep(payment, make.refund(payment, refund_no="R"), make.request(key="k"))

    keep(make.refund(payment, app="other", refund_no="R"), make.request(app="other", key="k"))


def test_refunds_of_two_payments_may_share_a_number_at_the_provider(run, store, keep, make):
    payments = make.paid(), make.paid()
    refunds = [make.refund(each, provider_refund_no="20261122") for each in payments]
    keep(*payments, *refunds)

    async def numbered():
        async with store.work() as work:
            return [await work.refunds.numbered(each.id, "20261122") for each in payments]

    assert run(numbered()) == refunds


def test_twins_inside_one_unit_are_refused_too(run, store, keep, make):
    one, twin = make.payment(), make.payment(provider_order_no="same")
    one.provider_order_no = "same"

    with pytest.raises(AlreadyExists):
        keep(one, twin)

    with pytest.raises(NotFound):
        run(read(store, one))


def test_of_a_unit_that_fails_at_its_last_row_nothing_is_kept(run, store, keep, make):
    changed, known = make.payment(), make.message()
    keep(changed, known)
    new, request = make.payment(), make.request()
    changed.subject = "changed"

    with pytest.raises(AlreadyExists):
        keep(changed, new, request, make.evidence(), make.incident(), make.message(id=known.id))

    assert run(read(store, changed)).subject == "Tea"
    assert (changed.version, new.version, request.version) == (1, 0, 0)
    with pytest.raises(NotFound):
        run(read(store, new))
    keep(new, request)  # what failed can be tried again


def test_evidence_with_a_known_id_is_skipped_and_the_rest_is_kept(run, store, keep, make):
    evidence, payment = make.evidence(), make.payment()
    keep(evidence)

    keep(make.evidence(id=evidence.id), payment)

    assert run(read(store, payment)) == payment


def test_racing_refunds_never_reserve_more_than_was_paid(run, store, keep, make):
    payment = make.paid(amount=Money(10_000))
    keep(payment)

    async def reserve() -> int:
        while True:
            async with store.work() as work:
                found = await work.payments.get(payment.id)
                try:
                    found.reserve(Money(700), share=Money(700), at=NOW)
                except RefundExceedsPayment:
                    return 0
                work.payments.save(found)
                work.refunds.save(
                    make.refund(payment, amount=Money(700), charged_amount=Money(700))
                )
                try:
                    await work.commit()
                except LostUpdate:
                    continue
                return 700

    async def race() -> list[int]:
        return await asyncio.gather(*(reserve() for _ in range(32)))

    granted = run(race())

    found = run(read(store, payment))
    assert sum(granted) == found.reserved_amount.fen == 9_800
    assert found.refunded_charge == found.reserved_amount
    assert found.refund_count == 14


def test_listeners_hear_of_events_once_they_are_committed(run, store, keep, make):
    heard = []
    store.on_message = lambda: heard.append("message")
    store.on_callback = lambda: heard.append("callback")
    keep(make.payment(), make.evidence())
    assert heard == []

    keep(make.message())
    run(store.callbacks.put(make.callback()))

    assert heard == ["message", "callback"]


def test_nobody_hears_of_a_unit_that_failed(store, keep, make):
    known = make.message()
    keep(known)
    heard = []
    store.on_message = lambda: heard.append("message")

    with pytest.raises(AlreadyExists):
        keep(make.message(id=known.id))

    assert heard == []


def test_an_empty_unit_commits(keep):
    keep()


def test_an_open_store_answers(run, store):
    run(store.ping())
