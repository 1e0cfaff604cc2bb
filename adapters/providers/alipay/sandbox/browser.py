"""The payer's browser, or app, at Alipay: it opens links and sits at the cashier. §2.4, §2.5."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.providers.alipay.sandbox import pages, payer
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.gateway_checks import GatewayChecks
from adapters.providers.alipay.sandbox.links import LINKS, open_link
from adapters.providers.alipay.sandbox.refused import Refused
from adapters.providers.alipay.sandbox.request import read_parameters
from adapters.providers.alipay.sandbox.way_back import way_back
from adapters.providers.sandbox.provider import Answer, Call, PayerAction, PayerRefused
from adapters.providers.sandbox.records import Order


@dataclass(frozen=True, slots=True)
class Browser:
    """Where links lead: checked as any call, then to the cashier, then back to the merchant."""

    desk: Desk
    checks: GatewayChecks
    sign: Callable[[bytes], str | None]

    def visit(self, parameters: Mapping[str, str]) -> Answer:
        """Open a link that came to the gateway."""
        try:
            return pages.to_cashier(self._open(parameters))
        except Refused as why:
            return pages.error_page(why)

    def open(self, link: str) -> Order | None:
        """Open a whole address or an order string; None if it is neither."""
        query = link.partition("?")[2] or link
        try:
            parameters = read_parameters(query.encode("utf-8", "replace"), b"")
        except Refused:
            return None
        if parameters.get("method") not in LINKS:
            return None
        try:
            return self._open(parameters)
        except Refused as why:
            raise PayerRefused(f"{why.sub_code} {why.sub_message}") from None

    def sit_at_cashier(self, call: Call) -> Answer:
        """Show the cashier, or do there what a button says."""
        try:
            asked = read_parameters(call.query.encode("latin-1"), call.body)
        except Refused as why:
            return pages.error_page(why)
        order = self.desk.trades.order(asked.get("out_trade_no", ""))
        if order is None:
            return pages.page("<h1>交易不存在 No such order</h1>", 404)
        action = asked.get("action")
        if call.method != "POST" or action not in {PayerAction.SCAN, PayerAction.PAY}:
            return pages.cashier_page(order, back=self._back(order))
        return self._act(order, PayerAction(action))

    def _open(self, parameters: Mapping[str, str]) -> Order:
        self.checks.check(parameters, wall_time=datetime.now(UTC))
        return open_link(self.desk, Request(parameters, {}))

    def _act(self, order: Order, action: PayerAction) -> Answer:
        try:
            payer.act(self.desk, order, action)
        except PayerRefused:
            return pages.cashier_page(order, back=self._back(order), status=409)
        after = self.desk.trades.order(order.provider_order_no) or order
        back = self._back(after)
        return pages.redirect(back, 303) if back else pages.to_cashier(after)

    def _back(self, order: Order) -> str:
        if order.paid_at is None:
            return ""
        return way_back(order, self.desk.parties, at=self.desk.now(), sign=self.sign)
