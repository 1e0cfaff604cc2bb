"""What endpoints, their queues and the log promise, held against every store."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from application.ports import LostUpdate
from application.records import Filter
from application.webhook_ports import DeliveryFilter
from domain.errors import NotFound
from domain.events import EventType
from domain.webhook import Answer, Delivery, DeliveryStatus, Endpoint, EndpointStatus
from tests.adapters.persistence.making import NOW

LEASE = timedelta(minutes=1)
LATER = NOW + LEASE
TAKEN = Answer(200, "ok", 12)
BROKEN = Answer(500, "oh", 12)


@pytest.fixture
def webhooks(store):
    return store.webhooks


@pytest.fixture
def an_endpoint(run, webhooks, make):
    """Keeps an endpoint of the shop, valid unless a field says otherwise."""

    def kept(**fields):
        usual: dict[str, Any] = {
            "id": f"whe_{make._next_number()}",
            "app": "shop",
            "url": "https://shop.example/hooks",
            "types": (),
            "secret": b"\x00sealed",
            "created_at": NOW,
        }
        endpoint = Endpoint(**(usual | fields))
        run(webhooks.endpoints.save(endpoint))
        return endpoint

    return kept


@pytest.fixture
def queue(run, webhooks, keep, make):
    """Commits an event and queues it for the endpoint; the delivery."""

    def queued(endpoint, **fields):
        message = make.message(**fields)
        keep(message)
        delivery = a_delivery(endpoint, message, make)
        run(webhooks.deliveries.put([delivery]))
        return delivery

    return queued


def a_delivery(endpoint, message, make, **fields):
    usual: dict[str, Any] = {
        "id": f"del_{make._next_number()}",
        "endpoint_id": endpoint.id,
        "event_id": message.id,
        "order_id": message.order_id,
        "sequence": message.sequence,
        "created_at": NOW,
        "due_at": NOW,
    }
    return Delivery(**(usual | fields))


@pytest.fixture
def claim(run, webhooks):
    def claimed(endpoint, *, at=NOW, limit=10):
        taken = webhooks.deliveries.claim(endpoint.id, at=at, until=at + LEASE, limit=limit)
        return [delivery for delivery, _ in run(taken)]

    return claimed


def events_of(deliveries):
    return [each.event_id for each in deliveries]


def test_an_endpoint_returns_as_it_was_kept(run, webhooks, an_endpoint):
    endpoint = an_endpoint(
        types=(EventType.PAYMENT_CLOSED, EventType.REFUND_FAILED),
        old_secret=b"\xffold",
        old_secret_until=LATER,
        status=EndpointStatus.DISABLED,
        reason="it answered 410 Gone",
        quiet_until=LATER,
        giving_up_since=NOW,
    )

    assert run(webhooks.endpoints.get(endpoint.id)) == endpoint
    with pytest.raises(NotFound):
        run(webhooks.endpoints.get("whe_unknown"))


def test_endpoints_are_listed_by_app_oldest_first(run, webhooks, an_endpoint):
    first, second = an_endpoint(), an_endpoint()
    rival = an_endpoint(app="rival")
    an_endpoint(app="third")

    assert run(webhooks.endpoints.of(["shop"])) == [first, second]
    assert run(webhooks.endpoints.of({"rival", "shop"})) == [first, second, rival]
    assert run(webhooks.endpoints.of([])) == []


def test_of_two_who_change_an_endpoint_the_second_learns_it_lost(
    run, store, webhooks, an_endpoint, make
):
    mine = an_endpoint()
    yours = run(webhooks.endpoints.get(mine.id))
    mine.pause()
    run(webhooks.endpoints.save(mine, [make.incident()]))
    yours.rotate(b"new", at=NOW)

    with pytest.raises(LostUpdate):
        run(webhooks.endpoints.save(yours, [make.incident()]))

    assert run(webhooks.endpoints.get(mine.id)) == mine
    assert len(run(store.library.incidents(Filter())).items) == 1


def test_what_is_due_is_claimed_with_its_event_by_one_only(run, webhooks, an_endpoint, queue, make):
    endpoint = an_endpoint()
    delivery = queue(endpoint, data=b'{"amount":1}', late=True)
    at = {"at": NOW, "until": LATER, "limit": 10}

    async def race():
        claims = [webhooks.deliveries.claim(endpoint.id, **at) for _ in range(8)]
        return [each for claim in await asyncio.gather(*claims) for each in claim]

    [(claimed, message)] = run(race())

    assert replace(claimed, version=0) == delivery
    assert (message.id, message.data, message.late) == (delivery.event_id, b'{"amount":1}', True)


def test_a_claim_ends_with_its_lease(claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queue(endpoint)
    claim(endpoint)

    assert claim(endpoint, at=LATER - timedelta(microseconds=1)) == []
    assert len(claim(endpoint, at=LATER)) == 1


def test_who_comes_back_after_its_lease_changes_nothing(run, webhooks, claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queue(endpoint)
    [slow], [quick] = claim(endpoint), claim(endpoint, at=LATER)
    slow.learn(BROKEN, at=LATER)
    quick.learn(TAKEN, at=LATER)
    run(webhooks.deliveries.keep(quick))

    with pytest.raises(LostUpdate):
        run(webhooks.deliveries.keep(slow))

    [kept] = run(webhooks.log.page(DeliveryFilter(endpoint.id))).items
    assert kept == quick


def test_an_event_is_queued_by_itself_once_for_ever(run, webhooks, claim, an_endpoint, queue, make):
    endpoint = an_endpoint()
    queued = queue(endpoint)
    run(webhooks.deliveries.put([replace(queued, id="del_twin")]))
    [delivery] = claim(endpoint)
    delivery.learn(TAKEN, at=NOW)
    run(webhooks.deliveries.keep(delivery))
    run(webhooks.deliveries.put([replace(queued, id="del_late_twin")]))

    assert run(webhooks.deliveries.due(LATER)) == []


def test_a_redelivery_is_queued_unless_the_event_waits_already(
    run, webhooks, claim, an_endpoint, queue
):
    endpoint, other = an_endpoint(), an_endpoint()
    queued = queue(endpoint)
    run(webhooks.deliveries.put([replace(queued, id="del_a", redelivery=True)]))
    [delivery] = claim(endpoint)
    delivery.learn(TAKEN, at=NOW)
    run(webhooks.deliveries.keep(delivery))
    again = [replace(queued, id=id, redelivery=True) for id in ("del_b", "del_c")]
    elsewhere = replace(queued, id="del_d", endpoint_id=other.id, redelivery=True)
    run(webhooks.deliveries.put([*again, elsewhere]))

    assert [each.id for each in claim(endpoint)] == ["del_b"]
    assert [each.id for each in claim(other)] == ["del_d"]


def test_a_redelivery_hastens_what_waits_for_its_next_attempt(
    run, webhooks, claim, an_endpoint, queue
):
    endpoint, other = an_endpoint(), an_endpoint()
    queued, neighbour = queue(endpoint), queue(endpoint)
    for delivery in claim(endpoint):
        delivery.learn(BROKEN, at=NOW)
        delivery.due_at = LATER
        run(webhooks.deliveries.keep(delivery))
    at_once = replace(queued, id="del_again", redelivery=True)
    run(webhooks.deliveries.put([at_once, replace(at_once, id="del_d", endpoint_id=other.id)]))

    [hastened] = claim(endpoint)
    assert (hastened.id, len(hastened.attempts)) == (queued.id, 1)
    assert [each.id for each in claim(endpoint, at=LATER)] == [queued.id, neighbour.id]


def test_of_one_order_only_the_earliest_that_waits_is_offered(
    run, webhooks, claim, an_endpoint, queue
):
    endpoint, other = an_endpoint(), an_endpoint()
    third = queue(endpoint, order_id="pay_1", sequence=3)
    second = queue(endpoint, order_id="pay_1", sequence=2)
    stranger = queue(endpoint, order_id="pay_2", sequence=9)
    elsewhere = queue(other, order_id="pay_1", sequence=4)

    claimed = claim(endpoint)
    assert events_of(claimed) == events_of([second, stranger])
    assert events_of(claim(other)) == [elsewhere.event_id]
    assert claim(endpoint) == []

    claimed[0].learn(BROKEN, at=NOW)
    run(webhooks.deliveries.keep(claimed[0]))
    assert claim(endpoint) == []  # it is planned again, and still goes first
    [again] = claim(endpoint, at=claimed[0].due_at)
    again.learn(TAKEN, at=again.due_at)
    run(webhooks.deliveries.keep(again))
    assert third.event_id in events_of(claim(endpoint, at=again.due_at))


def test_what_is_given_up_holds_nobody_back(run, webhooks, claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queue(endpoint, order_id="pay_1", sequence=2)
    after = queue(endpoint, order_id="pay_1", sequence=3)
    [first] = claim(endpoint)
    first.status = DeliveryStatus.GIVEN_UP
    run(webhooks.deliveries.keep(first))

    assert events_of(claim(endpoint)) == [after.event_id]


def test_the_longest_due_goes_first_and_no_more_than_asked(claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queued = [queue(endpoint) for _ in range(3)]

    assert events_of(claim(endpoint, limit=2)) == events_of(queued[:2])
    assert events_of(claim(endpoint, limit=2)) == events_of(queued[2:])


@pytest.mark.parametrize(
    "held",
    [
        {"status": EndpointStatus.PAUSED},
        {"status": EndpointStatus.DISABLED},
        {"quiet_until": LATER},
    ],
    ids=["paused", "disabled", "quiet"],
)
def test_what_waits_for_an_endpoint_that_takes_nothing_is_kept(
    run, webhooks, claim, an_endpoint, queue, held
):
    endpoint = an_endpoint(**held)
    delivery = queue(endpoint)

    assert run(webhooks.deliveries.due(NOW)) == []
    assert claim(endpoint) == []
    endpoint.resume()
    run(webhooks.endpoints.save(endpoint))
    assert run(webhooks.deliveries.due(NOW)) == [endpoint.id]
    assert events_of(claim(endpoint)) == [delivery.event_id]


def test_an_endpoint_is_due_once_however_much_waits(run, webhooks, an_endpoint, queue):
    endpoint, idle = an_endpoint(), an_endpoint()
    for _ in range(3):
        queue(endpoint)

    assert run(webhooks.deliveries.due(NOW)) == [endpoint.id]
    assert run(webhooks.deliveries.due(NOW - timedelta(microseconds=1))) == []
    assert idle


def test_the_log_shows_attempts_newest_first_page_by_page(run, webhooks, claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queued = [queue(endpoint) for _ in range(3)]
    queue(an_endpoint())
    first, *_ = claim(endpoint)
    first.learn(Answer(None, "no answer within 15 s 茶", 15_000), at=NOW)
    run(webhooks.deliveries.keep(first))

    page = run(webhooks.log.page(DeliveryFilter(endpoint.id, limit=2)))
    rest = run(webhooks.log.page(DeliveryFilter(endpoint.id, limit=2, cursor=page.next_cursor)))

    assert events_of([*page.items, *rest.items]) == events_of(queued[::-1])
    assert rest.next_cursor is None
    assert rest.items == [first]
    assert rest.items[0].attempts[0].text == "no answer within 15 s 茶"


def test_the_log_is_filtered_by_status_and_event(run, webhooks, claim, an_endpoint, queue):
    endpoint = an_endpoint()
    queued = [queue(endpoint) for _ in range(2)]
    done, _ = claim(endpoint)
    done.learn(TAKEN, at=NOW)
    run(webhooks.deliveries.keep(done))

    def found(**wanted):
        page = run(webhooks.log.page(DeliveryFilter(endpoint.id, **wanted)))
        return events_of(page.items)

    assert found(status=DeliveryStatus.DELIVERED) == [queued[0].event_id]
    assert found(status=DeliveryStatus.WAITING) == [queued[1].event_id]
    assert found(event_id=queued[1].event_id) == [queued[1].event_id]
    assert found(event_id=queued[1].event_id, status=DeliveryStatus.DELIVERED) == []


def test_a_removed_endpoint_takes_its_queue_and_log_along(run, webhooks, claim, an_endpoint, queue):
    endpoint, other = an_endpoint(), an_endpoint()
    queue(endpoint)
    kept = queue(other)
    [in_flight] = claim(endpoint)
    run(webhooks.endpoints.remove(endpoint.id))
    run(webhooks.endpoints.remove("whe_unknown"))

    with pytest.raises(LostUpdate):
        run(webhooks.deliveries.keep(in_flight))
    assert run(webhooks.log.page(DeliveryFilter(endpoint.id))).items == []
    assert run(webhooks.deliveries.due(NOW)) == [other.id]
    assert events_of(claim(other)) == [kept.event_id]


def test_whoever_listens_hears_that_something_is_queued(webhooks, an_endpoint, queue):
    heard = []
    webhooks.on_delivery = lambda: heard.append("queued")

    queue(an_endpoint())

    assert heard == ["queued"]


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (
            "claim",
            ["ix_webhook_deliveries_due (endpoint_id=? AND due_at<?)", "_order (endpoint_id=?"],
        ),
        ("due", ["ix_webhook_deliveries_due (endpoint_id=? AND due_at<?)"]),
        ("claimed", ["ix_webhook_deliveries_claim (claim=?)"]),
    ],
)
def test_what_waits_is_found_without_reading_what_was_delivered(
    database, sqlite_store, statement, indexes
):
    prepared = getattr(sqlite_store.webhooks.deliveries._statements, statement)
    with closing(sqlite3.connect(database)) as connection:
        marks = [0] * len(prepared.names)
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {prepared.text}", marks).fetchall())

    assert [each for each in indexes if each not in plan] == []
    if statement == "claim":
        assert "ORDER BY" not in plan  # however much waits, a batch is a batch
