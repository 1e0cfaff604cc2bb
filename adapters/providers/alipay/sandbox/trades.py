"""The orders of the one account: found, brought up to date, kept, and told about."""

import heapq
import secrets
from collections.abc import Sequence
from datetime import datetime

from adapters.providers.alipay.sandbox import china_time
from adapters.providers.alipay.sandbox.biz_content import TradeReference
from adapters.providers.alipay.sandbox.notice import notice_of
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.trade import as_of, next_deadline
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Callback, Order, Refund

NAME = "alipay"

#: What Alipay calls TRADE_NOT_EXIST (REFERENCE.md §4.3).
BEFORE_THE_TRADE = frozenset({TradeStatus.UNSCANNED, TradeStatus.CODE_DEAD})


class Trades:
    """Alipay's orders in the shared book; `pass_time` first, then ask."""

    def __init__(self, world: World, parties: Parties, rules: AlipayRules) -> None:
        self._book = world.book
        self._clock = world.clock
        self._parties = parties
        self._rules = rules
        self._deadlines: list[tuple[datetime, str]] = []
        for order in self._book.orders():
            if order.provider == NAME:
                self._watch(order)

    def order(self, out_trade_no: str) -> Order | None:
        """The order under the merchant's number, scanned or not."""
        return self._book.order(NAME, out_trade_no)

    def order_by_code(self, auth_code: str) -> Order | None:
        """The order that a payment code was charged for."""
        return self._book.order_by_code(auth_code)

    def trade(self, reference: TradeReference) -> Order:
        """The trade somebody opened; Refused with TRADE_NOT_EXIST while there is none."""
        if reference.trade_no:
            order = self._book.order_by_transaction(NAME, reference.trade_no)
        else:
            order = self._book.order(NAME, reference.out_trade_no or "")
        if order is None or order.state in BEFORE_THE_TRADE:
            raise business("ACQ.TRADE_NOT_EXIST")
        return order

    def refunds_of(self, order: Order) -> Sequence[Refund]:
        """All refunds of an order, oldest first."""
        return self._book.refunds_of(order)

    def keep(self, order: Order, *, was: Order | None = None, refund: Refund | None = None) -> None:
        """Remember the order and what the merchant is told about it, in one step."""
        if refund:
            self._book.keep(refund)
        self._book.keep(order)
        self._watch(order)
        changed = was is not None and order.state != was.state
        if order.notify_url and self._is_told(order, changed=changed, refund=refund):
            refunds = self._book.refunds_of(order) if refund else []
            self._book.keep(self._callback(order, refunds, order.notify_url))

    def pass_time(self) -> None:
        """Bring every order up to date whose deadline has come."""
        now = self._clock.now()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, out_trade_no = heapq.heappop(self._deadlines)
            order = self.order(out_trade_no)
            if order and (present := as_of(order, now, self._rules)) is not order:
                self.keep(present, was=order)

    def _watch(self, order: Order) -> None:
        deadline = next_deadline(order, self._rules)
        if deadline is not None:
            heapq.heappush(self._deadlines, (deadline, order.provider_order_no))

    def _is_told(self, order: Order, *, changed: bool, refund: Refund | None) -> bool:
        """The trigger table (REFERENCE.md §6.2)."""
        if refund and order.state == TradeStatus.TRADE_CLOSED:
            return self._rules.notifies_full_refund
        return (changed or refund is not None) and order.state in self._rules.notified

    def _callback(self, order: Order, refunds: Sequence[Refund], url: str) -> Callback:
        now = self._clock.now()
        notify_id = now.astimezone(china_time.CHINA).strftime("%Y%m%d") + digits(26)
        return Callback(
            id=notify_id,
            provider=NAME,
            provider_order_no=order.provider_order_no,
            event=order.state,
            url=url,
            content=dict(notice_of(order, refunds, parties=self._parties, notify_id=notify_id)),
            created_at=now,
            next_at=now,
        )


def new_trade_no(now: datetime) -> str:
    """28 digits that begin with the day (REFERENCE.md §9)."""
    return f"{now.astimezone(china_time.CHINA):%Y%m%d}2200{digits(16)}"


def digits(count: int) -> str:
    """So many digits that nobody can foretell."""
    return f"{secrets.randbelow(10**count):0{count}}"
