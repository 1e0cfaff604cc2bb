"""What our side of reconciliation promises, held against every store."""

import random
from contextlib import aclosing
from datetime import timedelta
from operator import attrgetter
from typing import Any

import pytest

from domain.bill import MovementKind
from domain.method import Method, Provider
from domain.money import Money
from domain.reconciliation import Movement
from domain.status import PaymentStatus, RefundStatus
from tests.adapters.persistence.making import NOW

CHARGE, REVERSAL, REFUND = MovementKind
CREATED, SUCCEEDED, FAILED, CLOSED = RefundStatus
MICROSECOND = timedelta(microseconds=1)
START, END = NOW - timedelta(hours=1), NOW + timedelta(hours=1)

#: Pairs that a locale would put in another order, or take for equal.
NASTY = (
    "A",
    "a",
    "B",
    "-a",
    "_a",
    "0",
    "10",
    "9",
    "é",
    "e",
    "z",
    "Z",
    "\uffee",
    "\U0001f375",
    "测",
)


@pytest.fixture
def moved(run, store):
    """What moved, page by page."""

    async def pages(account, provider, start, end):
        async with aclosing(store.books.movements(account, provider, start, end)) as found:
            return [page async for page in found]

    def all_pages(account="wechat-main", provider=Provider.WECHAT, start=START, end=END):
        return run(pages(account, provider, start, end))

    return all_pages


@pytest.fixture
def movements(moved):
    """What moved, all of it."""
    return lambda *of, **given: [each for page in moved(*of, **given) for each in page]


def test_a_success_is_a_charge_at_its_own_instant(keep, make, movements):
    payment = make.paid(
        created_at=START - timedelta(days=1),
        succeeded_at=NOW,
        settled_amount=Money(9_000),
        method=Method.WECHAT_APP,
    )
    keep(payment, make.payment(), make.payment(status=PaymentStatus.CLOSED))

    assert movements() == [
        Movement(
            order_no=payment.provider_order_no,
            kind=CHARGE,
            refund_no="",
            fen=10_000,
            at=NOW,
            order_id=payment.id,
            method="wechat_app",
            settled_fen=9_000,
        )
    ]


def test_the_window_holds_its_start_and_not_its_end(keep, make, movements):
    at = [START - MICROSECOND, START, END - MICROSECOND, END]
    payments = [make.paid(succeeded_at=each) for each in at]
    payments += [
        make.payment(status=PaymentStatus.CLOSED, reversed=True, created_at=each) for each in at
    ]
    refunds = [make.refund(payments[0], accepted_at=each) for each in at]
    keep(*payments, *refunds)

    found = [movement.order_id for movement in movements()]
    wanted = [payments[1], payments[2], *([payments[5], payments[6]] * 2), refunds[1], refunds[2]]
    assert sorted(found) == sorted(each.id for each in wanted)
    assert movements(start=END, end=END) == []


def test_a_reversed_payment_came_and_went_when_it_was_made(keep, make, movements):
    taken_back = make.payment(status=PaymentStatus.CLOSED, reversed=True, created_at=NOW)
    keep(taken_back)

    came, went = movements()
    assert (came.kind, went.kind) == (CHARGE, REVERSAL)
    assert (came.order_id, came.at, came.fen) == (taken_back.id, NOW, 10_000)
    assert (came.signed_fen, went.signed_fen) == (10_000, -10_000)


#: What became of a refund, and who books it at NOW.
BOOKED: tuple[tuple[dict[str, Any], set[Provider]], ...] = (
    ({"status": CREATED, "accepted_at": NOW}, {Provider.WECHAT}),
    ({"status": FAILED, "accepted_at": NOW}, {Provider.WECHAT}),
    ({"status": CLOSED, "accepted_at": NOW}, {Provider.WECHAT}),
    ({"status": SUCCEEDED, "accepted_at": NOW, "succeeded_at": END}, {Provider.WECHAT}),
    ({"status": SUCCEEDED, "accepted_at": END, "succeeded_at": NOW}, {Provider.ALIPAY}),
    ({"status": SUCCEEDED, "accepted_at": NOW, "succeeded_at": NOW}, set(Provider)),
    ({"status": CLOSED, "succeeded_at": NOW}, set()),
    ({"status": CREATED}, set()),
    ({"status": FAILED}, set()),
)


def test_a_refund_moves_when_its_provider_books_it(keep, make, movements):
    payment = make.paid(succeeded_at=START - timedelta(days=3))
    refunds = [make.refund(payment, **fields) for fields, _ in BOOKED]
    keep(payment, *refunds)

    for provider in Provider:
        assert movements(provider=provider) == [
            Movement(
                order_no=payment.provider_order_no,
                kind=REFUND,
                refund_no=refund.provider_refund_no,
                fen=1_000,
                at=NOW,
                order_id=refund.id,
                method="wechat_native",
            )
            for refund, (_, providers) in zip(refunds, BOOKED, strict=True)
            if provider in providers
        ]


def test_what_was_charged_counts_and_not_what_was_owed(keep, make, movements):
    payment = make.paid(amount=Money(300), charged_amount=Money(1))
    nothing = make.refund(payment, amount=Money(100), charged_amount=Money(0), accepted_at=NOW)
    share = make.refund(payment, amount=Money(200), charged_amount=Money(1), accepted_at=NOW)
    whole = make.paid(amount=Money(1), charged_amount=Money(1))
    keep(payment, nothing, share, whole)

    found = {each.order_id: (each.fen, each.test) for each in movements()}
    assert found == {payment.id: (1, True), share.id: (1, True), whole.id: (1, False)}


def test_accounts_see_nothing_of_each_other(keep, make, movements):
    mine, other = make.paid(), make.paid(account="wechat-second")
    taken_back = make.payment(
        account="wechat-second", status=PaymentStatus.CLOSED, reversed=True, created_at=NOW
    )
    keep(mine, other, taken_back, make.refund(other, accepted_at=NOW))

    assert [each.order_id for each in movements()] == [mine.id]
    assert len(movements("wechat-second")) == 4
    assert movements("wechat") == []


def test_keys_are_sorted_by_their_bytes(keep, make, movements):
    numbers = [first + second for first in NASTY for second in ("", *NASTY)]
    random.Random(5).shuffle(numbers)
    payments = [make.paid(provider_order_no=number) for number in numbers]
    refunds = [
        make.refund(payments[0], provider_refund_no=number, accepted_at=NOW) for number in numbers
    ]
    keep(*payments, *refunds)

    keys = [movement.key for movement in movements()]

    def in_bytes(key):
        return key[0].encode(), key[1], key[2].encode()

    assert keys == sorted(keys, key=in_bytes)
    assert keys == sorted(keys)
    assert len(keys) == len(payments) + len(refunds)


def test_many_movements_come_in_pages(keep, make, moved, monkeypatch):
    for module in ("memory", "sql"):
        monkeypatch.setattr(f"adapters.persistence.{module}.books.PAGE", 7)
    keep(*(make.paid() for _ in range(30)))

    pages = moved()

    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert len({each.order_id for page in pages for each in page}) == 30


def test_what_comes_meanwhile_is_not_read_and_waits_for_nobody(run, store, keep, make, monkeypatch):
    for module in ("memory", "sql"):
        monkeypatch.setattr(f"adapters.persistence.{module}.books.PAGE", 2)
    keep(*(make.paid() for _ in range(6)))
    late = make.paid(provider_order_no="zzz")

    async def read_and_write():
        of = "wechat-main", Provider.WECHAT, START, END
        async with aclosing(store.books.movements(*of)) as pages:
            found = list(await anext(pages))
            async with store.work() as work:
                work.payments.save(late)
                await work.commit()
            async for page in pages:
                found += page
        return found

    assert len(run(read_and_write())) == 6


def test_who_stops_reading_holds_nothing(run, store, keep, make, monkeypatch):
    for module in ("memory", "sql"):
        monkeypatch.setattr(f"adapters.persistence.{module}.books.PAGE", 1)
    keep(*(make.paid() for _ in range(3)))

    async def read_one():
        of = "wechat-main", Provider.WECHAT, START, END
        async with aclosing(store.books.movements(*of)) as pages:
            return await anext(pages)

    for _ in range(40):  # more often than there are connections
        assert len(run(read_one())) == 1


def test_payments_are_known_by_their_numbers(run, store, keep, make):
    open_one, paid = make.payment(provider_order_no='quoted "測"\\'), make.paid()
    keep(open_one, paid, make.paid())
    numbers = [open_one.provider_order_no, paid.provider_order_no, "unknown", "", "nul\0", "'); --"]

    assert run(store.books.held(numbers)) == {
        open_one.provider_order_no: (open_one.id, "created"),
        paid.provider_order_no: (paid.id, "succeeded"),
    }
    assert run(store.books.held([])) == {}


def test_refunds_are_known_by_both_their_numbers(run, store, keep, make):
    first, second = make.paid(), make.paid()
    twin = {"provider_refund_no": "r1"}
    refunds = [make.refund(first, **twin), make.refund(second, **twin), make.refund(first)]
    keep(first, second, *refunds)
    unknown = [(second.provider_order_no, refunds[2].provider_refund_no), ("x", "r1"), ("\0", "")]
    asked = [(first.provider_order_no, "r1"), (first.provider_order_no, "r2"), *unknown]

    assert run(store.books.held_refunds(asked)) == {
        (first.provider_order_no, "r1"): (refunds[0].id, "created")
    }
    both = [(each.provider_order_no, "r1") for each in (first, second)]
    assert {id for id, _ in run(store.books.held_refunds(both)).values()} == {
        *map(attrgetter("id"), refunds[:2])
    }


def test_five_hundred_numbers_are_asked_at_once(run, store, keep, make):
    payments = [make.paid() for _ in range(500)]
    refunds = [make.refund(payment) for payment in payments]
    keep(*payments, *refunds)
    numbers = [payment.provider_order_no for payment in payments]
    pairs = [
        (payment.provider_order_no, refund.provider_refund_no)
        for payment, refund in zip(payments, refunds, strict=True)
    ]

    assert len(run(store.books.held(numbers))) == 500
    assert set(run(store.books.held_refunds(pairs))) == set(pairs)
