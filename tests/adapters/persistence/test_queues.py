"""What the outbox, the callback queue and the agenda promise, held against every store."""

import asyncio
from datetime import timedelta

import pytest

from tests.adapters.persistence.making import NOW

LATER, LEASE = NOW + timedelta(minutes=1), timedelta(seconds=30)


def test_messages_wait_in_the_order_of_their_commits(run, store, keep, make):
    third, first, second = make.message(), make.message(), make.message()
    keep(first, second)
    keep(third)

    assert run(store.outbox.waiting(10)) == [first, second, third]
    assert run(store.outbox.waiting(2)) == [first, second]


def test_published_messages_wait_no_more(run, store, keep, make):
    first, second = make.message(late=True), make.message()
    keep(first, second)

    run(store.outbox.published([first.id], NOW))

    assert run(store.outbox.waiting(10)) == [second]


def test_marking_twice_is_harmless_and_the_first_mark_stays(run, store, keep, make):
    message = make.message()
    keep(message)
    run(store.outbox.published([message.id], NOW))
    run(store.outbox.published([message.id, "evt_unknown"], LATER))
    run(store.outbox.published([], LATER))

    assert run(store.outbox.waiting(10)) == []


def test_what_was_announced_is_read_again_in_the_order_of_ids(run, store, keep, make):
    first, second, third, waiting = [make.message() for _ in range(4)]
    keep(third, first, second, waiting)
    run(store.outbox.published([third.id, first.id, second.id], NOW))

    assert [m.id for m in run(store.outbox.announced("", 2))] == [first.id, second.id]
    assert [m.id for m in run(store.outbox.announced(second.id, 2))] == [third.id]
    assert run(store.outbox.announced(third.id, 2)) == []


def test_messages_of_racing_units_all_wait_and_keep_their_order_inside_a_unit(run, store, make):
    pairs = [(make.message(), make.message()) for _ in range(100)]

    async def commit(pair):
        async with store.work() as work:
            for message in pair:
                work.append(message)
            await work.commit()

    async def race():
        await asyncio.gather(*(commit(pair) for pair in pairs))
        return await store.outbox.waiting(1_000)

    found = run(race())

    assert sorted(m.id for m in found) == sorted(m.id for pair in pairs for m in pair)
    assert all(found.index(a) < found.index(b) for a, b in pairs)


def test_a_callback_returns_byte_for_byte(run, store, make):
    callback = make.callback()
    run(store.callbacks.put(callback))

    assert run(store.callbacks.take(10, at=NOW)) == [(callback, 0)]


def test_callbacks_come_oldest_first_and_no_more_than_asked(run, store, make):
    callbacks = [make.callback(id=id) for id in ("cb_3", "cb_1", "cb_2")]
    for callback in callbacks:
        run(store.callbacks.put(callback))

    assert [c.id for c, _ in run(store.callbacks.take(2, at=NOW))] == ["cb_3", "cb_1"]


def test_a_callback_put_twice_is_taken_once(run, store, make):
    callback = make.callback()
    run(store.callbacks.put(callback))
    run(store.callbacks.put(callback))

    assert len(run(store.callbacks.take(10, at=NOW))) == 1


def test_a_callback_that_is_done_is_forgotten(run, store, make):
    callback, other = make.callback(), make.callback()
    run(store.callbacks.put(callback))
    run(store.callbacks.put(other))
    run(store.callbacks.done(callback.id))
    run(store.callbacks.done("cb_unknown"))

    assert run(store.callbacks.take(10, at=NOW)) == [(other, 0)]


def test_a_postponed_callback_counts_its_attempts_and_waits(run, store, make):
    callback = make.callback()
    run(store.callbacks.put(callback))
    run(store.callbacks.postpone(callback.id, NOW))
    run(store.callbacks.postpone(callback.id, LATER))

    assert run(store.callbacks.take(10, at=LATER - timedelta(microseconds=1))) == []
    assert run(store.callbacks.take(10, at=LATER)) == [(callback, 2)]


def test_a_dead_letter_is_never_offered_again_and_blocks_nobody(run, store, make):
    poison, healthy = make.callback(), make.callback()
    run(store.callbacks.put(poison))
    run(store.callbacks.put(healthy))
    run(store.callbacks.postpone(poison.id, None))

    assert run(store.callbacks.take(10, at=NOW + timedelta(days=400))) == [(healthy, 0)]


@pytest.fixture
def due(run, store):
    """Ids of what is due at an instant; it is given back at once: asking changes nothing."""

    def found(kind, at, limit, account="wechat-main", **order):
        ask = getattr(store.agenda, f"due_{kind}")
        ids = run(ask(account, at, limit, until=at + LEASE, **order))
        run(store.agenda.give_back(ids))
        return ids

    return found


def test_orders_are_due_from_their_instant_on_oldest_first(due, keep, make):
    later = make.paid(next_check_at=LATER)
    sooner = make.payment(next_check_at=NOW)
    never = make.payment(next_check_at=None)
    keep(later, sooner, never)
    refunds = [make.refund(later, next_check_at=at) for at in (LATER, NOW, None)]
    keep(*refunds)

    assert due("payments", NOW - timedelta(microseconds=1), 10) == []
    assert due("payments", NOW, 10) == [sooner.id]
    assert due("payments", LATER, 10) == [sooner.id, later.id]
    assert due("payments", LATER, 1) == [sooner.id]
    assert due("payments", LATER, 1, latest=True) == [later.id]
    assert due("payments", LATER, 9, latest=True) == [later.id, sooner.id]
    assert due("payments", NOW, 9, latest=True) == [sooner.id]
    assert due("refunds", LATER, 10) == [refunds[1].id, refunds[0].id]
    assert due("refunds", LATER, 1) == [refunds[1].id]


def test_orders_due_at_one_instant_come_in_the_order_of_their_ids(due, keep, make):
    payments = [make.payment(next_check_at=NOW) for _ in range(3)]
    keep(*reversed(payments))

    assert due("payments", NOW, 2) == [payments[0].id, payments[1].id]


def test_an_account_sees_only_its_own_orders_on_its_agenda(due, keep, make):
    wechat = [make.paid(next_check_at=NOW) for _ in range(2)]
    alipay = make.paid(account="alipay-main", next_check_at=LATER)
    keep(*wechat, alipay)
    refund = make.refund(alipay, next_check_at=NOW)
    keep(make.refund(wechat[0], next_check_at=NOW), refund)

    assert due("payments", LATER, 1, "alipay-main") == [alipay.id]
    assert due("refunds", LATER, 1, "alipay-main") == [refund.id]
    assert due("payments", LATER, 10, "wechat") == []
    assert due("refunds", LATER, 10, "wechat") == []


def test_what_shall_be_asked_about_is_counted_by_account(run, store, keep, make):
    assert run(store.agenda.open_orders()) == {}
    payment = make.paid(next_check_at=None)
    keep(payment, make.payment(next_check_at=NOW), make.refund(payment, next_check_at=LATER))
    keep(make.payment(account="alipay-main", next_check_at=LATER))
    keep(make.payment(account="alipay-old", next_check_at=None))

    assert run(store.agenda.open_orders()) == {"wechat-main": 2, "alipay-main": 1}


def test_an_order_that_is_asked_about_later_leaves_the_agenda(due, keep, make):
    payment = make.payment(next_check_at=NOW)
    keep(payment)
    payment.next_check_at = None
    keep(payment)

    assert due("payments", LATER, 10) == []


@pytest.mark.parametrize("kind", ["payments", "refunds"])
def test_what_one_worker_holds_no_other_is_handed(run, store, keep, make, kind):
    payment = make.paid(next_check_at=NOW)
    keep(payment, *(make.refund(payment, next_check_at=NOW) for _ in range(9)))
    keep(*(make.payment(next_check_at=NOW) for _ in range(8)))
    ask = getattr(store.agenda, f"due_{kind}")

    async def four_at_once():
        takes = (ask("wechat-main", NOW, 4, until=NOW + LEASE) for _ in range(4))
        return await asyncio.gather(*takes)

    rounds = [each for _ in range(3) for each in run(four_at_once())]

    assert max(map(len, rounds)) <= 4
    taken = [id for each in rounds for id in each]
    assert len(taken) == len(set(taken)) == 9


def test_what_is_held_is_due_again_when_the_time_is_over(run, store, keep, make):
    payment = make.payment(next_check_at=NOW)
    keep(payment)
    ask, until = store.agenda.due_payments, NOW + LEASE
    run(ask("wechat-main", NOW, 10, until=until))

    just_before = until - timedelta(microseconds=1)
    assert run(ask("wechat-main", just_before, 10, until=until + LEASE)) == []
    assert run(ask("wechat-main", until, 10, until=until + LEASE)) == [payment.id]


def test_whoever_saves_an_order_lets_go_of_it(run, store, keep, make):
    payment = make.paid(next_check_at=NOW)
    refund = make.refund(payment, next_check_at=NOW)
    keep(payment, refund)
    agenda, until = store.agenda, NOW + LEASE
    run(agenda.due_payments("wechat-main", NOW, 10, until=until))
    run(agenda.due_refunds("wechat-main", NOW, 10, until=until))

    keep(payment, refund)

    assert run(agenda.due_payments("wechat-main", NOW, 10, until=until)) == [payment.id]
    assert run(agenda.due_refunds("wechat-main", NOW, 10, until=until)) == [refund.id]


def test_what_is_given_back_is_due_at_once(run, store, keep, make):
    payment = make.paid(next_check_at=NOW)
    refund = make.refund(payment, next_check_at=NOW)
    keep(payment, refund)
    agenda, until = store.agenda, NOW + LEASE
    run(agenda.due_payments("wechat-main", NOW, 10, until=until))
    run(agenda.due_refunds("wechat-main", NOW, 10, until=until))

    run(agenda.give_back([payment.id, refund.id]))

    assert run(agenda.due_payments("wechat-main", NOW, 10, until=until)) == [payment.id]
    assert run(agenda.due_refunds("wechat-main", NOW, 10, until=until)) == [refund.id]


def test_holding_an_order_is_no_change_of_it(run, store, keep, make):
    payment = make.payment(next_check_at=NOW)
    keep(payment)
    run(store.agenda.due_payments("wechat-main", NOW, 10, until=NOW + LEASE))

    keep(payment)  # would be a lost update

    assert payment.version == 2


def test_of_two_takers_each_callback_has_one(run, store, make):
    for _ in range(20):
        run(store.callbacks.put(make.callback()))

    async def four_at_once():
        return await asyncio.gather(*(store.callbacks.take(5, at=NOW) for _ in range(4)))

    rounds = run(four_at_once())

    taken = [callback.id for each in rounds for callback, _ in each]
    assert len(taken) == len(set(taken))
    assert all(ids == sorted(ids) for ids in ([c.id for c, _ in each] for each in rounds))


def test_a_callback_that_was_taken_and_left_comes_again(run, store, make):
    callback = make.callback()
    run(store.callbacks.put(callback))
    run(store.callbacks.take(10, at=NOW))

    assert run(store.callbacks.take(10, at=NOW + LEASE - timedelta(microseconds=1))) == []
    assert run(store.callbacks.take(10, at=NOW + LEASE)) == [(callback, 0)]
