"""Which calls the gateway knows, what they are in the trade's words, and how they refuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.bill_calls import find_bill
from adapters.providers.alipay.sandbox.certificate_calls import download_certificate
from adapters.providers.alipay.sandbox.charge import pay
from adapters.providers.alipay.sandbox.create import create
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.precreate import precreate
from adapters.providers.alipay.sandbox.refund_calls import query_refund, refund
from adapters.providers.alipay.sandbox.trade_calls import cancel, close, query


@dataclass(frozen=True, slots=True)
class Method:
    """One API: its word among the faults, its work, and the fields its refusals have as 0.00."""

    operation: str
    carry_out: Callable[[Desk, Request], Fields]
    zero_when_refused: tuple[str, ...] = ()

    def fields_when_refused(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """What stands besides the error, as in captured samples (REFERENCE.md §4.1, §5.1)."""
        if not self.zero_when_refused:
            return {}
        return dict.fromkeys(self.zero_when_refused, "0.00") | _number_asked(parameters)


class _Asked(msgspec.Struct):
    out_trade_no: str = ""


def _number_asked(parameters: Mapping[str, str]) -> dict[str, str]:
    try:
        asked = msgspec.json.decode(parameters.get("biz_content", ""), type=_Asked)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {"out_trade_no": asked.out_trade_no} if asked.out_trade_no else {}


_MONEY_RECEIVED = ("buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount")

METHODS: dict[str, Method] = {
    "alipay.trade.precreate": Method("prepay", precreate),
    "alipay.trade.create": Method("prepay", create),
    "alipay.trade.pay": Method("charge", pay, _MONEY_RECEIVED),
    "alipay.trade.query": Method("query", query, _MONEY_RECEIVED),
    "alipay.trade.close": Method("close", close),
    "alipay.trade.cancel": Method("reverse", cancel),
    "alipay.trade.refund": Method("refund", refund, ("refund_fee", "send_back_fee")),
    "alipay.trade.fastpay.refund.query": Method("refund_query", query_refund),
    "alipay.open.app.alipaycert.download": Method("certificates", download_certificate),
    "alipay.data.dataservice.bill.downloadurl.query": Method("bill", find_bill),
}
