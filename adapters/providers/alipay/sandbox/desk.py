"""What every call has at hand: the trades, who trades, the rules, the time, and the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.biz_content import Content, read_content
from adapters.providers.alipay.sandbox.keys import AlipayKeys
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.refused import business
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statements import Statements
from adapters.providers.alipay.sandbox.trades import Trades
from adapters.providers.sandbox.faults import Struck


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the calls are carried out."""

    trades: Trades
    parties: Parties
    rules: AlipayRules
    clock: MovableClock
    keys: AlipayKeys
    statements: Statements

    def now(self) -> datetime:
        """Business time."""
        return self.clock.now()

    def read(self, request: "Request", kind: type[Content]) -> Content:
        """Read biz_content; Refused where a field is wrong."""
        text = request.parameters.get("biz_content", "")
        if not text.strip():
            raise business("ACQ.INVALID_PARAMETER", "biz_content")
        return read_content(text, kind, strict=self.rules.refuses_unknown_fields)


@dataclass(frozen=True, slots=True)
class Request:
    """One call after the gateway's checks, with the faults that struck it."""

    parameters: Mapping[str, str]
    struck: Struck
    base_url: str = ""  # by which the caller came, for links that lead back here
