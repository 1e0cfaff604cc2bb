"""The provider's truth: every order, refund, callback and bill, in memory and written through."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import assert_never

from adapters.providers.sandbox.journal import Journal
from adapters.providers.sandbox.records import (
    Bill,
    Callback,
    Order,
    Record,
    Refund,
    bill_key,
    order_key,
    refund_key,
)


class Book:
    """Remember what both providers know; no order and no refund is ever removed.

    Records are frozen: change one with `msgspec.structs.replace` and `keep` it.
    Everything kept without an `await` in between is one transaction.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._orders: dict[str, Order] = {}
        self._refunds: dict[str, Refund] = {}
        self._callbacks: dict[str, Callback] = {}
        self._bills: dict[str, Bill] = {}
        self._by_code: dict[str, str] = {}
        self._by_transaction: dict[str, str] = {}
        self._by_refund_no: dict[str, str] = {}
        self._refund_keys: defaultdict[str, list[str]] = defaultdict(list)
        self._unsettled: set[str] = set()
        self._schedule: list[tuple[datetime, str]] = []
        self._journal = None if directory is None else Journal(directory / "sandbox.sqlite3")
        if self._journal is not None:
            for record in self._journal.load():
                self._remember(record)

    def order(self, provider: str, provider_order_no: str) -> Order | None:
        """Find an order by the merchant's number."""
        return self._orders.get(order_key(provider, provider_order_no))

    def order_by_code(self, url: str) -> Order | None:
        """Find the order that one of its codes leads to, stale or not."""
        return self._orders.get(self._by_code.get(url, ""))

    def order_by_transaction(self, provider: str, transaction_id: str) -> Order | None:
        """Find an order by the provider's own number."""
        return self._orders.get(self._by_transaction.get(f"{provider}/{transaction_id}", ""))

    def orders(self) -> Sequence[Order]:
        """List every order, oldest first."""
        return list(self._orders.values())

    def refund(self, provider: str, provider_order_no: str, refund_no: str) -> Refund | None:
        """Find a refund of one order by the merchant's refund number."""
        return self._refunds.get(refund_key(provider, provider_order_no, refund_no))

    def refund_by_number(self, provider: str, refund_no: str) -> Refund | None:
        """Find a refund where numbers are unique per merchant, as at WeChat Pay."""
        return self._refunds.get(self._by_refund_no.get(f"{provider}/{refund_no}", ""))

    def refunds(self) -> Sequence[Refund]:
        """List every refund, oldest first."""
        return list(self._refunds.values())

    def refunds_of(self, order: Order) -> Sequence[Refund]:
        """List an order's refunds, oldest first."""
        return [self._refunds[key] for key in self._refund_keys[order.key]]

    def refunds_due(self, provider: str, now: datetime) -> Sequence[Refund]:
        """List a provider's refunds whose time to settle has come."""
        unsettled = (self._refunds[key] for key in self._unsettled)
        return [
            refund
            for refund in unsettled
            if refund.provider == provider and refund.settles_at and refund.settles_at <= now
        ]

    def bill(self, provider: str, day: date) -> Bill | None:
        """Find the bill of a day, if it was made."""
        return self._bills.get(bill_key(provider, day))

    def bills(self) -> Sequence[Bill]:
        """List every bill that was made, oldest first."""
        return list(self._bills.values())

    def pending_callbacks(self) -> Sequence[Callback]:
        """List every callback that still has an attempt ahead."""
        return list(self._callbacks.values())

    def take_due_callbacks(self, now: datetime, limit: int) -> Sequence[Callback]:
        """Take up to `limit` callbacks whose moment has come, earliest first.

        A callback taken comes back with the next `keep` that sets its `next_at`.
        """
        due: list[Callback] = []
        while len(due) < limit and self._schedule and self._schedule[0][0] <= now:
            at, key = heapq.heappop(self._schedule)
            callback = self._callbacks.get(key)
            if callback is not None and callback.next_at == at:
                due.append(callback)
        return due

    def keep(self, *records: Record) -> None:
        """Remember records, new or changed."""
        for record in records:
            self._remember(record)
        if self._journal is not None:
            self._journal.write(*records)

    async def durable(self) -> None:
        """Wait until all that was kept is on disk; every answer waits for this."""
        if self._journal is not None:
            await self._journal.durable()

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if self._journal is not None:
            self._journal.close()

    def _remember(self, record: Record) -> None:
        match record:
            case Order():
                self._remember_order(record)
            case Refund():
                self._remember_refund(record)
            case Callback():
                self._remember_callback(record)
            case Bill():
                self._bills[record.key] = record
            case _:
                assert_never(record)

    def _remember_order(self, order: Order) -> None:
        self._orders[order.key] = order
        for code in order.codes:
            self._by_code[code.url] = order.key
        if order.provider_transaction_id is not None:
            self._by_transaction[f"{order.provider}/{order.provider_transaction_id}"] = order.key

    def _remember_refund(self, refund: Refund) -> None:
        if refund.key not in self._refunds:
            order = order_key(refund.provider, refund.provider_order_no)
            self._refund_keys[order].append(refund.key)
        self._refunds[refund.key] = refund
        self._by_refund_no[f"{refund.provider}/{refund.provider_refund_no}"] = refund.key
        if refund.settles_at is None:
            self._unsettled.discard(refund.key)
        else:
            self._unsettled.add(refund.key)

    def _remember_callback(self, callback: Callback) -> None:
        if callback.next_at is None:
            self._callbacks.pop(callback.key, None)  # over; the file alone remembers it
        else:
            self._callbacks[callback.key] = callback
            heapq.heappush(self._schedule, (callback.next_at, callback.key))
