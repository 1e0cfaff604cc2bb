"""The pretended Alipay as the shared simulator runs it."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.providers.alipay.sandbox import answer, notice, payer
from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.bill_calls import download
from adapters.providers.alipay.sandbox.browser import Browser
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.gateway_checks import GatewayChecks, in_certificate_mode
from adapters.providers.alipay.sandbox.key_stage import STEPS
from adapters.providers.alipay.sandbox.keys import AlipayKeys
from adapters.providers.alipay.sandbox.links import LINKS
from adapters.providers.alipay.sandbox.methods import METHODS
from adapters.providers.alipay.sandbox.pages import CASHIER, error_page
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.refund_calls import NO_FUND_CHANGE, refund_on_site
from adapters.providers.alipay.sandbox.refused import Refused, of_code
from adapters.providers.alipay.sandbox.request import codec_of, read_parameters
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.signature import sign, sign_with_flaws
from adapters.providers.alipay.sandbox.statements import DOWNLOAD, Statements
from adapters.providers.alipay.sandbox.trade_calls import RETRY_FLAG
from adapters.providers.alipay.sandbox.trades import NAME, Trades
from adapters.providers.sandbox.faults import Fault, Struck
from adapters.providers.sandbox.provider import (
    Answer,
    Call,
    Message,
    PayerAction,
    PayerRefused,
    World,
)
from adapters.providers.sandbox.records import Callback, Order, Refund

GATEWAY = "/gateway.do"

#: Our own fault: the node comes twice, the second one forged and outside the signature (§11, 3).
DUPLICATE_ROOT = "duplicate_root"

MINUTE, HOUR = 60.0, 3600.0


class AlipaySandbox:
    """Alipay's gateway for one app and one account, by keys or certificates, with one payer."""

    name = NAME
    paths: Sequence[str] = (GATEWAY, CASHIER, DOWNLOAD)
    fault_kinds = frozenset({DUPLICATE_ROOT, NO_FUND_CHANGE, RETRY_FLAG})
    #: Eight deliveries in all (REFERENCE.md §6.5).
    retry_delays_seconds: Sequence[float] = (
        4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR,
    )  # fmt: skip

    def __init__(
        self, world: World, *, parties: Parties | None = None, rules: AlipayRules | None = None
    ) -> None:
        self._parties = parties or Parties()
        self._keys = AlipayKeys(world.keys, self._parties)
        self._rules = rules or AlipayRules()
        self._trades = Trades(world, self._parties, self._rules)
        statements = Statements(world, self._parties, self._rules)
        self._desk = Desk(
            self._trades, self._parties, self._rules, world.clock, self._keys, statements
        )
        self._checks = GatewayChecks(
            app_id=self._parties.app_id,
            keys=self._keys,
            methods=METHODS.keys() | LINKS.keys(),
            timestamp_window_seconds=self._rules.timestamp_window_seconds,
            links=LINKS.keys(),
            link_window_seconds=self._rules.link_window_seconds,
            demands_certificates=self._rules.demands_certificates,
        )
        self._browser = Browser(
            self._desk, self._checks, lambda content: sign(content, self._keys.alipay)
        )

    def credentials(self, base_url: str) -> Mapping[str, Any]:
        """Hand out the merchant's side of the keys."""
        return self._keys.credentials(base_url + GATEWAY)

    def operation(self, call: Call) -> str:
        """Name the call in the trade's words."""
        name = _parameters(call).get("method", "")
        if call.path.startswith((CASHIER, DOWNLOAD)):
            return "bill_download" if call.path == DOWNLOAD else "other"
        if name in LINKS:
            return "prepay"
        return METHODS[name].operation if name in METHODS else "other"

    def answer(self, call: Call, struck: Struck) -> Answer:
        """Check the request as the gateway does, carry it out, and sign what is said."""
        if call.path.startswith(CASHIER):
            return self._browser.sit_at_cashier(call)
        if call.path == DOWNLOAD:
            return download(self._desk, call, struck)
        if (asked := _parameters(call)).get("method") in LINKS:
            return self._browser.visit(asked)
        try:
            parameters = read_parameters(call.query.encode("latin-1"), call.body)
            self._checks.check(parameters, wall_time=datetime.now(UTC))
        except Refused as why:
            return self._say(_parameters(call), answer.refused(why, {}), struck, signed=why.signed)
        method = METHODS[parameters["method"]]
        try:
            request = Request(parameters, struck, _base_url(call))
            fields = answer.succeeded(method.carry_out(self._desk, request))
        except Refused as why:
            fields = answer.refused(why, method.fields_when_refused(parameters))
        return self._say(parameters, fields, struck)

    def trouble(self, call: Call, fault: Fault) -> Answer:
        """Answer as infrastructure in trouble (not 200), or as the gateway with an error code."""
        if fault.kind == "status":
            page = f"<html><body><h1>{fault.status}</h1></body></html>".encode()
            return Answer(fault.status, {"content-type": "text/html"}, page)
        parameters = _parameters(call)
        why = of_code(fault.code)
        if parameters.get("method") in LINKS:
            return error_page(why)
        method = METHODS.get(parameters.get("method", ""))
        also = method.fields_when_refused(parameters) if method and why.code == "40004" else {}
        return self._say(parameters, answer.refused(why, also), {})

    def opens(self, link: str) -> Order | None:
        """Open a page's or wap's address, or an app's order string (§3.4, §3.5)."""
        return self._browser.open(link)

    def payer_acts(self, order: Order, action: PayerAction) -> None:
        """Let the payer scan, pay, hesitate or let the time run out."""
        payer.act(self._desk, order, action)

    def merchant_refunds(self, order: Order, refund_no: str, amount: int, reason: str) -> None:
        """Refund on the merchant's own site; told of as any refund (§5.4)."""
        refund_on_site(self._desk, order, refund_no, amount, reason)

    def merchant_mends(self, refund: Refund, *, arrives: bool) -> None:  # noqa: ARG002 - the seam's
        """Refuse: at Alipay a refund never becomes abnormal (§5.3)."""
        raise PayerRefused("支付宝没有异常退款 Alipay knows no abnormal refunds")

    @property
    def key_steps(self) -> Sequence[str]:
        """What Alipay's certificates go through (§2.6)."""
        return list(STEPS)

    def turn_keys(self, step: str) -> None:
        """Do one of them; everything said from now on is signed accordingly."""
        self._keys.turn(step)

    @property
    def merchant_key_steps(self) -> Sequence[str]:
        """None: how an app's own key is replaced is told nowhere."""
        return ()

    def merchant_turns_keys(self, step: str) -> None:
        """Refuse: there are no steps."""
        raise PayerRefused(step)

    def pass_time(self) -> None:
        """Close what has expired."""
        self._trades.pass_time()

    def render(self, callback: Callback, struck: Struck) -> Message:
        """Write one delivery of a notify, signed for itself."""
        fields = notice.stamped(callback.content, sent_at=self._desk.now())
        key = self._keys.stranger if "callback_forged" in struck else self._keys.alipay
        signature = sign_with_flaws(notice.content_to_sign(fields), key, struck)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Message(headers, notice.form(fields, signature))

    def acknowledged(self, status: int, body: bytes) -> bool:
        """200 and exactly `success` (§6.5)."""
        if self._rules.upper_case_ack_counts:
            body = body.lower()
        return status == 200 and body == b"success"

    def _say(
        self,
        parameters: Mapping[str, str],
        fields: Fields,
        struck: Struck,
        *,
        signed: bool = True,
    ) -> Answer:
        method, charset = parameters.get("method", ""), codec_of(parameters) or "utf-8"
        name = answer.node_name(method if method in METHODS else None)
        node = answer.write_node(fields, codec=charset)
        signature = sign_with_flaws(node, self._keys.alipay, struck) if signed else None
        forged = b""
        if DUPLICATE_ROOT in struck:
            forged = answer.write_node(answer.forge(fields), codec=charset)
        number = self._certificate_number(parameters, struck) if signed else None
        body = answer.write_body(name, node, signature, forged=forged, certificate_sn=number)
        return Answer(200, {"content-type": f"text/html;charset={charset}"}, body)

    def _certificate_number(self, parameters: Mapping[str, str], struck: Struck) -> str | None:
        """Whose key signed, for callers who work with certificates (§2.6)."""
        if not in_certificate_mode(parameters):
            return None
        return secrets.token_hex(16) if "unknown_serial" in struck else self._keys.alipay_number


def _base_url(call: Call) -> str:
    """Where the caller found this simulator; TLS, if there is any, ends in front of it."""
    scheme = call.headers.get("x-forwarded-proto", "http")
    return f"{scheme}://{call.headers.get('host', '127.0.0.1')}"


def _parameters(call: Call) -> Mapping[str, str]:
    """What can be read of the call; nothing, where it is no form at all."""
    try:
        return read_parameters(call.query.encode("latin-1"), call.body)
    except Refused:
        return {}
