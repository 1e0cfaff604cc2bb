"""The book: what was answered survives the process, and reading stays quick."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.records import Callback, Code, Order, Refund

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


def an_order(number="ORDER-0001", **more):
    """Build an open order with one code."""
    fields = {
        "provider": "wechat",
        "merchant": "1900000001",
        "provider_order_no": number,
        "amount": 1999,
        "subject": "茶",
        "state": "NOTPAY",
        "created_at": NOON,
        "codes": (Code(url=f"weixin://{number}", expires_at=NOON),),
    }
    return Order(**(fields | more))


def a_refund(number="R-1", **more):
    """Build a refund that settles at noon."""
    fields = {
        "provider": "wechat",
        "merchant": "1900000001",
        "provider_refund_no": number,
        "provider_order_no": "ORDER-0001",
        "amount": 1,
        "state": "PROCESSING",
        "created_at": NOON,
        "settles_at": NOON,
    }
    return Refund(**(fields | more))


def a_callback(number="c-1", **more):
    """Build a callback that is due at noon."""
    fields = {
        "id": number,
        "provider": "wechat",
        "provider_order_no": "ORDER-0001",
        "event": "TRANSACTION.SUCCESS",
        "url": "http://127.0.0.1:1/notify",
        "content": {"out_trade_no": "ORDER-0001"},
        "created_at": NOON,
        "next_at": NOON,
    }
    return Callback(**(fields | more))


def file_of(book):
    """Reach behind the book for its open file."""
    assert book._journal
    return book._journal._file


def test_what_was_kept_is_there_after_a_restart(run, tmp_path):
    book = Book(tmp_path)
    paid = an_order(state="SUCCESS", provider_transaction_id="42", paid_at=NOON, charges=1)
    book.keep(an_order("ORDER-0002"), an_order())
    book.keep(paid, a_refund(), a_callback())
    run(book.durable())

    again = Book(tmp_path)  # the first was never closed, as after kill -9
    assert again.orders() == [an_order("ORDER-0002"), paid]
    assert again.order_by_code("weixin://ORDER-0001") == paid
    assert again.order_by_transaction("wechat", "42") == paid
    assert again.refunds_of(paid) == [a_refund()]
    assert again.refund_by_number("wechat", "R-1") == a_refund()
    assert again.take_due_callbacks(NOON, 10) == [a_callback()]
    book.close()
    again.close()


def test_many_waiters_share_few_commits(run, tmp_path):
    book = Book(tmp_path)
    commits = []
    file_of(book).set_trace_callback(
        lambda statement: commits.append(1) if statement == "COMMIT" else None
    )

    async def pay(number):
        book.keep(an_order(f"ORDER-{number}"))
        await book.durable()

    async def everybody_pays():
        await asyncio.gather(*(pay(number) for number in range(200)))

    run(everybody_pays())
    assert len(Book(tmp_path).orders()) == 200
    assert len(commits) < 20
    book.close()


def test_a_reader_waits_for_what_it_may_have_seen(run, tmp_path):
    book = Book(tmp_path)

    async def read_while_another_writes():
        book.keep(an_order())
        writer = asyncio.create_task(book.durable())
        await asyncio.sleep(0)
        await book.durable()
        seen = Book(tmp_path).orders()
        await writer
        return seen

    assert run(read_while_another_writes()) == [an_order()]
    book.close()


def test_a_write_that_failed_is_tried_again(run, tmp_path):
    book = Book(tmp_path)
    book.keep(an_order())
    file_of(book).execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        run(book.durable())

    file_of(book).execute("PRAGMA query_only = OFF")
    run(book.durable())
    assert Book(tmp_path).orders() == [an_order()]
    book.close()


def test_a_callback_is_taken_once_and_comes_back_when_rescheduled():
    book = Book()
    book.keep(a_callback())
    (taken,) = book.take_due_callbacks(NOON, 10)

    assert book.take_due_callbacks(NOON, 10) == []
    book.keep(replace(taken, next_at=NOON + timedelta(seconds=15)))
    assert book.take_due_callbacks(NOON, 10) == []
    assert len(book.take_due_callbacks(NOON + timedelta(seconds=15), 10)) == 1


def test_due_callbacks_come_earliest_first_and_no_more_than_asked():
    book = Book()
    for number in (3, 1, 2):
        book.keep(a_callback(f"c-{number}", next_at=NOON + timedelta(seconds=number)))

    due = book.take_due_callbacks(NOON + timedelta(seconds=9), 2)
    assert [callback.id for callback in due] == ["c-1", "c-2"]


def test_only_refunds_whose_time_has_come_are_due():
    book = Book()
    later = a_refund("R-2", settles_at=NOON + timedelta(seconds=1))
    book.keep(a_refund(), later, a_refund("R-3", settles_at=None))

    assert book.refunds_due("wechat", NOON) == [a_refund()]
    assert book.refunds_due("alipay", NOON) == []
