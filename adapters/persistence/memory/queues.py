"""What waits in memory: events for publication, callbacks, and orders to ask about."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.persistence.memory.tables import Tables, Waiting
from application.records import Message, RawCallback
from domain.payment import Payment
from domain.refund import Refund

#: How long a callback that was taken is offered to nobody else.
LEASE = timedelta(seconds=30)


class MemoryOutbox:
    """Messages in the order in which their units were committed."""

    def __init__(self, tables: Tables) -> None:
        self._messages = tables.messages

    async def waiting(self, limit: int) -> Sequence[Message]:
        """The oldest unpublished messages."""
        await asyncio.sleep(0)
        return self._messages.where(lambda message: message.published_at is None)[:limit]

    async def published(self, ids: Sequence[str], at: datetime) -> None:
        """Mark them; the first mark stays."""
        for id in ids:
            message = self._messages.get(id)
            if message is not None and message.published_at is None:
                self._messages.replace(replace(message, published_at=at))

    async def announced(self, after: str, limit: int) -> Sequence[Message]:
        """Published messages with a later id, in the order of ids."""
        found = self._messages.where(lambda m: m.published_at is not None and m.id > after)
        return sorted(found, key=lambda message: message.id)[:limit]


class MemoryCallbackQueue:
    """Callbacks in the order in which they came; `on_callback` is called after each."""

    def __init__(self, tables: Tables, on_callback: Callable[[], None]) -> None:
        self._inbox, self._on_callback = tables.inbox, on_callback

    async def put(self, callback: RawCallback) -> None:
        """Take it; one whose id is here already is taken once."""
        if callback.id not in self._inbox:
            self._inbox.insert(Waiting(callback))
        self._on_callback()

    async def take(self, limit: int, *, at: datetime) -> Sequence[tuple[RawCallback, int]]:
        """The oldest that are due, each with the number of attempts so far."""
        await asyncio.sleep(0)
        due = self._inbox.where(lambda w: not w.dead and (w.due_at is None or w.due_at <= at))
        for waiting in due[:limit]:
            self._inbox.replace(replace(waiting, due_at=at + LEASE))
        return [(waiting.callback, waiting.attempts) for waiting in due[:limit]]

    async def done(self, id: str) -> None:
        """Forget it."""
        self._inbox.remove([id])

    async def postpone(self, id: str, until: datetime | None) -> None:
        """Count a failed attempt; None: never offer it again."""
        waiting = self._inbox.get(id)
        if waiting is not None:
            waiting.attempts += 1
            waiting.due_at, waiting.dead = until, until is None
            self._inbox.replace(waiting)

    async def dead(self, limit: int) -> Sequence[RawCallback]:
        """Those that were given up, oldest first."""
        return [waiting.callback for waiting in self._inbox.where(lambda w: w.dead)[:limit]]

    async def revive(self, id: str) -> bool:
        """Offer it again as if for the first time; False: it is not among the dead."""
        waiting = self._inbox.get(id)
        if waiting is None or not waiting.dead:
            return False
        self._inbox.replace(Waiting(waiting.callback))
        self._on_callback()
        return True


class MemoryAgenda:
    """Orders of one account whose `next_check_at` has come; a saved order is free again."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def due_payments(
        self, account: str, at: datetime, limit: int, *, until: datetime, latest: bool = False
    ) -> Sequence[str]:
        """Ids of payments, oldest due first, or the latest."""
        await asyncio.sleep(0)
        due = self._due(self._tables.payments.look(), account, at)
        return self._claimed(sorted(due, reverse=latest)[:limit], until)

    async def due_refunds(
        self, account: str, at: datetime, limit: int, *, until: datetime
    ) -> Sequence[str]:
        """Ids of refunds, oldest due first."""
        await asyncio.sleep(0)
        due = self._due(self._tables.refunds.look(), account, at)
        return self._claimed(sorted(due)[:limit], until)

    async def give_back(self, ids: Sequence[str]) -> None:
        """Due for anybody, at once."""
        for id in ids:
            self._tables.claims.pop(id, None)

    async def open_orders(self) -> Mapping[str, int]:
        """How many shall be asked about some time, by account."""
        kinds: tuple[Iterable[Payment | Refund], ...]
        kinds = self._tables.payments.look(), self._tables.refunds.look()
        return Counter(each.account for kind in kinds for each in kind if each.next_check_at)

    def _due(
        self, orders: Iterable[Payment | Refund], account: str, at: datetime
    ) -> Iterator[tuple[datetime, str, int]]:
        for order in orders:
            if order.account == account and order.next_check_at and order.next_check_at <= at:
                version, until = self._tables.claims.get(order.id, (0, at))
                if version != order.version or until <= at:
                    yield order.next_check_at, order.id, order.version

    def _claimed(self, due: Sequence[tuple[datetime, str, int]], until: datetime) -> Sequence[str]:
        self._tables.claims.update({id: (version, until) for _, id, version in due})
        return [id for _, id, _ in due]
