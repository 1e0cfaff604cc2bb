"""What lists promise, held against every store: newest first, filtered, page by page."""

from datetime import timedelta

import pytest

from application.records import Filter
from domain.events import EventType
from domain.method import Method
from domain.status import PaymentStatus, RefundStatus
from tests.adapters.persistence.making import NOW


def ids(page):
    return [each.id for each in page.items]


@pytest.fixture
def payments(keep, make):
    """Three of one app, each later than the one before, and one of another app."""
    mine = [
        make.payment(order_no="SO-1", created_at=NOW),
        make.paid(order_no="SO-1", created_at=NOW + timedelta(seconds=1), account="w2"),
        make.payment(method=Method.ALIPAY_QR, created_at=NOW + timedelta(seconds=2)),
    ]
    keep(*mine, make.payment(app="other"))
    return mine


def test_payments_are_listed_newest_first(run, store, payments):
    page = run(store.library.payments(Filter(app="shop")))

    assert page.items == payments[::-1]
    assert page.next_cursor is None


def test_operators_see_every_app(run, store, payments):
    assert len(run(store.library.payments(Filter())).items) == 4


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"status": PaymentStatus.SUCCEEDED}, [1]),
        ({"method": "alipay_qr"}, [2]),
        ({"account": "w2"}, [1]),
        ({"order_no": "SO-1"}, [1, 0]),
        ({"order_no": "SO-1", "status": "created"}, [0]),
        ({"created_from": NOW + timedelta(seconds=1)}, [2, 1]),
        ({"created_to": NOW + timedelta(seconds=1)}, [0]),
        ({"status": "closed"}, []),
    ],
    ids=str,
)
def test_payments_are_filtered(run, store, payments, wanted, found):
    page = run(store.library.payments(Filter(app="shop", **wanted)))

    assert ids(page) == [payments[index].id for index in found]


def test_a_payment_is_listed_by_its_own_id(run, store, payments):
    page = run(store.library.payments(Filter(app="shop", payment_id=payments[1].id)))

    assert ids(page) == [payments[1].id]


def test_one_row_is_found_by_its_id_and_only_for_its_app(run, store, payments, published):
    mine, event = payments[1], published[0]

    assert ids(run(store.library.payments(Filter(app="shop", id=mine.id)))) == [mine.id]
    assert ids(run(store.library.messages(Filter(app="shop", id=event.id)))) == [event.id]
    assert ids(run(store.library.messages(Filter(app="other", id=event.id)))) == []
    assert ids(run(store.library.messages(Filter(id=f"{event.id}0")))) == []


def test_pages_join_without_gap_or_repetition(run, store, keep, make):
    kept = [make.payment() for _ in range(7)]
    keep(*kept)
    seen, cursor, sizes = [], None, []
    while True:
        page = run(store.library.payments(Filter(limit=3, cursor=cursor)))
        seen += ids(page)
        sizes.append(len(page.items))
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == [payment.id for payment in reversed(kept)]
    assert sizes == [3, 3, 1]


def test_a_full_last_page_has_no_next_one(run, store, keep, make):
    keep(make.payment(), make.payment())

    assert run(store.library.payments(Filter(limit=2))).next_cursor is None


@pytest.fixture
def refunds(keep, make):
    tea, qr = make.paid(order_no="SO-1"), make.paid(method=Method.ALIPAY_QR, account="alipay-main")
    mine = [
        make.refund(tea),
        make.refund(tea, status=RefundStatus.CLOSED, created_at=NOW + timedelta(seconds=1)),
        make.refund(qr, created_at=NOW + timedelta(seconds=2)),
    ]
    keep(tea, qr, *mine, make.refund(tea, app="other"))
    return mine


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [2, 1, 0]),
        ({"status": "closed"}, [1]),
        ({"method": "alipay_qr"}, [2]),
        ({"account": "alipay-main"}, [2]),
        ({"order_no": "SO-1"}, [1, 0]),
        ({"created_from": NOW + timedelta(seconds=1), "limit": 1}, [2]),
        ({"created_to": NOW + timedelta(seconds=1)}, [0]),
    ],
    ids=str,
)
def test_refunds_are_filtered(run, store, refunds, wanted, found):
    page = run(store.library.refunds(Filter(app="shop", **wanted)))

    assert ids(page) == [refunds[index].id for index in found]


def test_a_refund_and_an_incident_are_found_by_their_id(run, store, refunds, keep, make):
    incidents = [make.incident(), make.incident()]
    keep(*incidents)

    assert ids(run(store.library.refunds(Filter(id=refunds[0].id)))) == [refunds[0].id]
    assert ids(run(store.library.incidents(Filter(id=incidents[1].id)))) == [incidents[1].id]


def test_refunds_are_listed_by_their_payment(run, store, refunds):
    page = run(store.library.refunds(Filter(app="shop", payment_id=refunds[0].payment_id)))

    assert page.items == [refunds[1], refunds[0]]


@pytest.fixture
def published(run, store, keep, make):
    """Two of this app, one of another, one of operators; a fifth waits for publication."""
    mine = [
        make.message(),
        make.message(type=EventType.REFUND_CLOSED, occurred_at=NOW + timedelta(seconds=1)),
    ]
    foreign = [make.message(app="other"), make.message(app="_operator")]
    keep(*mine, *foreign, make.message())
    run(store.outbox.published([m.id for m in (*mine, *foreign)], NOW))
    return mine


def test_published_events_are_listed_with_their_instant(run, store, published):
    page = run(store.library.messages(Filter(app="shop")))

    assert ids(page) == [published[1].id, published[0].id]
    assert page.items[0].published_at == NOW
    assert page.items[0].data == published[1].data


def test_operators_own_events_are_in_nobodys_list(run, store, published):
    assert {m.app for m in run(store.library.messages(Filter())).items} == {"shop", "other"}
    assert run(store.library.messages(Filter(app="_operator"))).items == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"status": "succeeded"}, [0]),
        ({"status": "closed"}, [1]),
        ({"created_from": NOW + timedelta(seconds=1)}, [1]),
        ({"created_to": NOW + timedelta(seconds=1)}, [0]),
        ({"order_no": "is no filter here"}, [1, 0]),
    ],
    ids=str,
)
def test_events_are_filtered(run, store, published, wanted, found):
    page = run(store.library.messages(Filter(app="shop", **wanted)))

    assert ids(page) == [published[index].id for index in found]


def test_events_are_listed_by_their_order(run, store, published):
    page = run(store.library.messages(Filter(payment_id=published[0].order_id)))

    assert ids(page) == [published[0].id]


def test_incidents_are_listed_newest_first_and_by_app_and_instant(run, store, keep, make):
    first = make.incident()
    nobodys = make.incident(app=None, order_id=None, created_at=NOW + timedelta(seconds=1))
    keep(first, nobodys)

    assert run(store.library.incidents(Filter())).items == [nobodys, first]
    assert run(store.library.incidents(Filter(app="shop"))).items == [first]
    assert run(store.library.incidents(Filter(payment_id="pay_1"))).items == [first]
    assert run(store.library.incidents(Filter(created_to=nobodys.created_at))).items == [first]
    assert run(store.library.incidents(Filter(limit=1))).next_cursor == nobodys.id
