"""What only the real server shows: races, cut lines, killed backends, two processes."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import asyncpg
import pytest

from adapters.persistence.sql.postgres import pool
from adapters.persistence.sql.postgres.errors import RuleBroken
from adapters.persistence.sql.store import SqlStore
from application.ports import AlreadyExists, LostUpdate, Unavailable
from domain.errors import RefundExceedsPayment
from domain.method import Provider
from domain.money import Money
from domain.order import Order
from tests.adapters.persistence.conftest import stage
from tests.adapters.persistence.making import NOW, Make
from tests.servers.line import Line

pytestmark = pytest.mark.timeout(180)


async def commit(store, *things):
    async with store.work() as work:
        for thing in things:
            stage(work, thing)
        await work.commit()


async def find(store, payment):
    async with store.work() as work:
        return await work.payments.numbered(payment.provider_order_no)


@pytest.fixture
def other(run, postgres_url, clock):
    """Another process over the same database."""
    opened = run(SqlStore.open(postgres_url, clock))
    yield opened
    run(opened.close())


@pytest.fixture
def admin(run, postgres_url):
    """Somebody who looks at the server itself."""
    connection = run(asyncpg.connect(postgres_url))
    yield connection
    run(connection.close())


async def reserve(store, make, payment, fen):
    """Refund as the application does: read, decide, keep; again if somebody was faster."""
    while True:
        async with store.work() as work:
            found = await work.payments.get(payment.id)
            try:
                found.reserve(Money(fen), share=Money(fen), at=NOW)
            except RefundExceedsPayment:
                return 0
            work.payments.save(found)
            work.refunds.save(make.refund(payment, amount=Money(fen), charged_amount=Money(fen)))
            try:
                await work.commit()
            except LostUpdate:
                continue
            return fen


def test_refunds_of_two_processes_never_reserve_more_than_was_paid(
    run, postgres_store, other, admin, make
):
    payment = make.paid(amount=Money(10_000))
    run(commit(postgres_store, payment))

    async def race():
        tries = (
            reserve(store, make, payment, 700)
            for _ in range(16)
            for store in (postgres_store, other)
        )
        return await asyncio.gather(*tries)

    granted = run(race())

    assert sum(granted) == 9_800
    kept = run(admin.fetchrow("SELECT count(*), sum(amount)::bigint FROM refunds"))
    reserved = run(admin.fetchval("SELECT reserved_amount FROM payments"))
    assert (*kept, reserved) == (14, 9_800, 9_800)


def test_of_two_processes_one_claims_a_key(run, postgres_store, other, make):
    twins = [(make.payment(), make.payment()) for _ in range(40)]
    requests = [make.request(key=f"key-{place}") for place in range(40)]

    async def both(place):
        claims = (
            commit(store, replace(requests[place], order_id=payment.id), payment, make.message())
            for store, payment in zip((postgres_store, other), twins[place], strict=True)
        )
        return await asyncio.gather(*claims, return_exceptions=True)

    async def race():
        return await asyncio.gather(*(both(place) for place in range(40)))

    results = run(race())

    for place, (mine, theirs) in enumerate(results):
        assert {type(mine), type(theirs)} == {type(None), AlreadyExists}
        winner, loser = twins[place] if mine is None else twins[place][::-1]
        assert run(find(other, winner)) == winner
        assert run(find(other, loser)) is None


def test_orders_locked_crosswise_end_in_lost_updates_and_no_hang(run, postgres_store, other, make):
    pairs = [(make.payment(), make.payment()) for _ in range(30)]
    run(commit(postgres_store, *(each for pair in pairs for each in pair)))

    async def both(one, two):
        mine, theirs = [replace(each) for each in (one, two)], [replace(two), replace(one)]
        changes = commit(postgres_store, *mine), commit(other, *theirs)
        return await asyncio.gather(*changes, return_exceptions=True)

    async def race():
        return await asyncio.gather(*(both(*pair) for pair in pairs))

    for results in run(race()):
        assert sorted(type(each).__name__ for each in results) == ["LostUpdate", "NoneType"]


def test_of_two_that_wait_for_each_other_one_loses_its_update(run, postgres_store, admin, make):
    one, two = make.payment(), make.payment()
    run(commit(postgres_store, one, two))

    async def deadlock():
        async with admin.transaction():
            await admin.execute("SELECT 1 FROM payments WHERE id = $1 FOR UPDATE", two.id)
            unit = asyncio.create_task(commit(postgres_store, one, two))
            while not await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 -- the server tells nobody
                await asyncio.sleep(0.01)  # until it holds the first one and waits for the second
            await admin.execute("SELECT 1 FROM payments WHERE id = $1 FOR UPDATE", one.id)
            with pytest.raises(LostUpdate):
                await unit

    run(deadlock())

    run(commit(postgres_store, one, two))


def test_a_broken_rule_names_the_rule_and_nothing_of_the_row(run, postgres_store, make):
    order = Order(app="shop", order_no="1", current="pay_1")
    secret = make.payment(reserved_amount=Money(10_001), metadata={"who": "somebody"})

    with pytest.raises(RuleBroken) as broken:
        run(commit(postgres_store, order, secret))

    assert str(broken.value) == "ck_payments_refundable"
    assert broken.value.__suppress_context__
    assert run(find(postgres_store, secret)) is None


def test_a_unit_that_is_too_long_for_one_statement_is_kept_whole_or_not_at_all(
    run, postgres_store, make
):
    many = [thing for _ in range(30) for thing in (make.payment(), make.message())]
    known = make.message()
    run(commit(postgres_store, known))

    with pytest.raises(AlreadyExists):
        run(commit(postgres_store, *many, make.message(id=known.id)))
    assert run(find(postgres_store, many[0])) is None
    run(commit(postgres_store, *many))

    assert run(find(postgres_store, many[-2])) == many[-2]
    assert run(postgres_store.outbox.waiting(100)) == [known, *many[1::2]]
    many[0].version = 7
    with pytest.raises(LostUpdate):
        run(commit(postgres_store, *(each for each in many if hasattr(each, "version"))))


def test_connections_are_as_durable_as_promised_whatever_the_database_says(
    run, postgres_url, admin
):
    name = run(admin.fetchval("SELECT current_database()"))
    run(admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    run(admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable"))
    wanted = ("synchronous_commit", "transaction_isolation", "lock_timeout")

    async def settings():
        connection = await pool.Address(postgres_url).connect()
        try:
            return [await connection.fetchval("SELECT current_setting($1)", n) for n in wanted]
        finally:
            await connection.close()

    assert run(settings()) == ["on", "read committed", "5s"]


def test_ids_are_sorted_by_their_bytes(run, admin):
    others = run(
        admin.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'text' AND collation_name <> 'C'"
        )
    )

    assert others == []


async def backends(admin, only=""):
    rows = await admin.fetch(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'basepay'"
        f" AND datname = current_database() {only}"
    )
    return [row["pid"] for row in rows]


def test_killed_backends_lose_no_answer_and_no_service(run, postgres_store, admin, make):
    """Each unit is whole or absent; a caller that was not answered finds out by its key."""

    async def kill_some():
        for _ in range(15):
            for pid in (await backends(admin))[:4]:
                await admin.execute("SELECT pg_terminate_backend($1)", pid)
            await asyncio.sleep(0.01)

    async def keep_many():
        sure, unsure = [], []
        for _ in range(60):
            payment = make.payment()
            message = replace(make.message(), order_id=payment.id)
            try:
                await commit(postgres_store, payment, message)
            except Unavailable:
                unsure.append(payment)
            else:
                sure.append(payment)
        return sure, unsure

    async def race():
        *kept, _ = await asyncio.gather(*(keep_many() for _ in range(8)), kill_some())
        return [list(chain.from_iterable(each)) for each in zip(*kept, strict=True)]

    sure, unsure = run(race())

    assert len(sure) + len(unsure) == 480
    for payment in sure:
        assert run(find(postgres_store, payment)) is not None
    unpaired = run(
        admin.fetchval(
            "SELECT count(*) FROM payments FULL JOIN events ON order_id = payments.id"
            " WHERE payments.id IS NULL OR events.id IS NULL"
        )
    )
    assert unpaired == 0


def test_a_cut_between_commit_and_answer_is_unavailable_and_found_by_key(
    run, postgres_url, postgres_server, postgres_store, make
):
    """T4c: the unit is kept, its answer is not heard."""
    payment, request = make.payment(), make.request()

    async def lose_the_answer():
        async with Line(postgres_server.port) as line:
            store = await SqlStore.open(
                postgres_url.replace(str(postgres_server.port), str(line.port))
            )
            try:
                await commit(store, make.payment(), make.request())  # prepares the statement
                line.cut_the_answer_to(payment.id)
                with pytest.raises(Unavailable):
                    await commit(store, payment, request)
                async with store.work() as work:
                    return await work.requests.find(request.app, request.route, request.key)
            finally:
                await store.close()

    found = run(lose_the_answer())

    assert (payment.version, request.version) == (0, 0)
    assert found is not None
    assert found.order_id == request.order_id
    assert run(find(postgres_store, payment)) is not None


def test_movements_whose_line_is_cut_are_unavailable(run, postgres_store, admin, make, monkeypatch):
    """Whoever reads begins anew: no page is missing unnoticed, and nothing is taken for the end."""
    monkeypatch.setattr("adapters.persistence.sql.books.PAGE", 1)
    run(commit(postgres_store, *(make.paid() for _ in range(3))))
    window = NOW - timedelta(days=1), NOW + timedelta(days=1)

    async def cut_after_a_page():
        pages = postgres_store.books.movements("wechat-main", Provider.WECHAT, *window)
        async with aclosing(pages):
            await anext(pages)
            for pid in await backends(admin):
                await admin.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(Unavailable):
                _ = [page async for page in pages]

    async def read_anew():
        pages = postgres_store.books.movements("wechat-main", Provider.WECHAT, *window)
        return sum([len(page) async for page in pages])

    run(cut_after_a_page())

    assert run(read_anew()) == 3


def test_movements_of_a_closed_store_are_unavailable(run, postgres_url):
    async def read_after_close():
        store = await SqlStore.open(postgres_url)
        await store.close()
        await anext(store.books.movements("wechat-main", Provider.WECHAT, NOW, NOW))

    with pytest.raises(Unavailable):
        run(read_after_close())


def test_a_line_that_is_cut_before_anything_was_sent_keeps_nothing(
    run, postgres_url, postgres_server, postgres_store, make
):
    payment = make.payment()

    async def cut_first():
        async with Line(postgres_server.port) as line:
            store = await SqlStore.open(
                postgres_url.replace(str(postgres_server.port), str(line.port))
            )
            try:
                await store.ping()
                line.cut_the_request(payment.id)
                with pytest.raises(Unavailable):
                    await commit(store, payment)
                await store.ping()
            finally:
                await store.close()

    run(cut_first())

    assert run(find(postgres_store, payment)) is None


def test_whoever_finds_no_free_connection_is_told_so_in_time(
    run, postgres_store, admin, make, monkeypatch
):
    monkeypatch.setattr(pool, "TURN_SECONDS", 0.05)
    payment = make.payment()
    run(commit(postgres_store, payment))

    async def crowd():
        async with admin.transaction():
            await admin.execute("SELECT 1 FROM payments FOR UPDATE")
            changes = [
                asyncio.create_task(commit(postgres_store, replace(payment)))
                for _ in range(pool.SIZE)
            ]
            await asyncio.sleep(0.2)
            with pytest.raises(Unavailable, match="busy"):
                await postgres_store.ping()
        results = await asyncio.gather(*changes, return_exceptions=True)
        await postgres_store.ping()
        return [type(each) for each in results]

    results = run(crowd())

    assert results.count(type(None)) == 1
    assert results.count(LostUpdate) == pool.SIZE - 1


def test_what_a_cancelled_caller_staged_is_kept_whole_or_not_at_all(
    run, postgres_store, admin, make
):
    pairs = [(make.payment(), make.message()) for _ in range(30)]

    async def cancel_all():
        units = [asyncio.create_task(commit(postgres_store, *pair)) for pair in pairs]
        await asyncio.sleep(0.005)
        for unit in units:
            unit.cancel()
        await asyncio.gather(*units, return_exceptions=True)
        while await backends(admin, "AND state <> 'idle'"):  # noqa: ASYNC110 -- likewise
            await asyncio.sleep(0.01)
        waiting = {each.id for each in await postgres_store.outbox.waiting(100)}
        return [
            (await find(postgres_store, payment) is not None, message.id in waiting)
            for payment, message in pairs
        ]

    assert set(run(cancel_all())) <= {(True, True), (False, False)}


def test_of_two_relays_one_publishes_and_the_other_takes_over(run, postgres_store, other, make):
    first, second = make.message(), make.message()
    run(commit(postgres_store, first))

    assert run(postgres_store.outbox.waiting(10)) == [first]
    assert run(other.outbox.waiting(10)) == []
    run(postgres_store.outbox.published([first.id], NOW))
    run(commit(other, second))
    assert run(other.outbox.waiting(10)) == []
    assert run(postgres_store.outbox.waiting(10)) == [second]

    run(postgres_store.close())

    assert run(other.outbox.waiting(10)) == [second]


def test_a_relay_that_died_gives_way_when_its_time_is_over(run, postgres_store, other, admin, make):
    message = make.message()
    run(commit(postgres_store, message))
    run(postgres_store.outbox.waiting(10))

    run(admin.execute("UPDATE leases SET until = until - 10000000 WHERE name = $1", "relay"))

    assert run(other.outbox.waiting(10)) == [message]
    assert run(postgres_store.outbox.waiting(10)) == []


def test_two_relays_publish_each_order_in_its_order(run, postgres_store, other, admin, make):
    """T6: whoever publishes, nothing is lost, and no event passes an earlier one of its order."""
    orders = [make.payment() for _ in range(10)]
    published: list[tuple[str, int]] = []

    async def happen():
        for sequence in range(1, 9):
            for order in orders:
                message = make.message(order_id=order.id, sequence=sequence)
                await commit(postgres_store if sequence % 2 else other, message)

    async def relay(store, stop):
        while not stop.is_set() or await store.outbox.waiting(1):
            batch = await store.outbox.waiting(7)
            for message in batch:
                published.append((message.order_id, message.sequence))
                await asyncio.sleep(0)
            await store.outbox.published([message.id for message in batch], NOW)
            await asyncio.sleep(0.002)

    async def race():
        stop = asyncio.Event()
        relays = [asyncio.create_task(relay(store, stop)) for store in (postgres_store, other)]
        await happen()
        stop.set()
        await asyncio.gather(*relays)

    run(race())

    for order in orders:
        assert [s for id, s in published if id == order.id] == list(range(1, 9))


def test_other_processes_hear_of_events_and_callbacks(run, postgres_store, other, make):
    heard: list[str] = []

    async def listen():
        enough = asyncio.Event()

        def hear(what):
            heard.append(what)
            if {"message", "callback"} <= set(heard):
                enough.set()

        other.on_message, other.on_callback = (lambda: hear("message")), lambda: hear("callback")
        async with asyncio.timeout(30):
            while not enough.is_set():  # until both lines are open
                await commit(postgres_store, make.message())
                await postgres_store.callbacks.put(make.callback())
                await asyncio.sleep(0.05)

    run(listen())


def test_an_order_claimed_here_is_not_handed_out_there(run, postgres_store, other, make):
    run(commit(postgres_store, *(make.payment(next_check_at=NOW) for _ in range(50))))
    until = NOW + timedelta(seconds=30)

    async def race():
        takes = (
            store.agenda.due_payments("wechat-main", NOW, 8, until=until)
            for _ in range(5)
            for store in (postgres_store, other)
        )
        return await asyncio.gather(*takes)

    taken = [id for each in run(race()) for id in each]

    assert len(taken) == len(set(taken))
    assert len(taken) >= 40


def test_a_closed_store_is_unavailable(run, postgres_url, make):
    async def use_after_close():
        store = await SqlStore.open(postgres_url)
        await store.close()
        await store.close()
        with pytest.raises(Unavailable):
            await store.ping()
        with pytest.raises(Unavailable):
            await commit(store, Make().payment())

    run(use_after_close())
