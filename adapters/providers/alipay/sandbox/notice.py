"""The asynchronous notify: its fields, and how each delivery is signed. Source: REFERENCE.md §6."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from adapters.providers.alipay.sandbox.buyer import buyer_of
from adapters.providers.alipay.sandbox.china_time import to_text, to_text_with_milliseconds
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.signature import text_to_sign
from adapters.providers.alipay.sandbox.trade import details_of
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.records import Order, Refund


def notice_of(
    order: Order, refunds: Sequence[Refund], *, parties: Parties, notify_id: str
) -> dict[str, str]:
    """What is told about the trade now; every delivery repeats it as it is (§6.3).

    `refunds`: all of them when the last one is the news, none when it is something else.
    """
    details = details_of(order)
    fields = {
        "notify_type": "trade_status_sync",
        "notify_id": notify_id,
        "app_id": parties.app_id,
        "auth_app_id": parties.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": order.provider_transaction_id or "",
        "out_trade_no": order.provider_order_no,
        "trade_status": order.state,
        "total_amount": to_yuan(order.amount),
        "subject": order.subject,
        "body": details.body,
        "passback_params": details.passback_params,
        **buyer_of(order, parties, id_field="buyer_id"),
        "seller_id": parties.seller_id,
        "gmt_create": to_text(details.scanned_at) if details.scanned_at else "",
        "gmt_close": to_text(order.closed_at) if order.closed_at else "",
        **(_money_came_in(order, order.paid_at) if order.paid_at else {}),
        **(_money_went_back(refunds) if refunds else {}),
    }
    return {name: value for name, value in fields.items() if value}


def stamped(notice: Mapping[str, str], *, sent_at: datetime) -> dict[str, str]:
    """One delivery's own fields: `notify_time` makes its signature its own (§6.5)."""
    return {**notice, "notify_time": to_text(sent_at), "sign_type": "RSA2"}


def content_to_sign(fields: Mapping[str, str]) -> bytes:
    """Of a notify `sign_type` is not signed, other than of a request (§2.3)."""
    return text_to_sign(fields, without={"sign", "sign_type"}).encode()


def form(fields: Mapping[str, str], signature: str | None) -> bytes:
    """The body as posted."""
    signed = {} if signature is None else {"sign": signature}
    return urlencode({**fields, **signed}).encode("ascii")


def _money_came_in(order: Order, paid_at: datetime) -> dict[str, str]:
    total = to_yuan(order.amount)
    channels = [{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]
    return {
        "gmt_payment": to_text(paid_at),
        "buyer_pay_amount": total,
        "receipt_amount": total,
        "invoice_amount": total,
        "point_amount": "0.00",
        "fund_bill_list": msgspec.json.encode(channels).decode(),
    }


def _money_went_back(refunds: Sequence[Refund]) -> dict[str, str]:
    """`refund_fee` is cumulative, `send_back_fee` is the last refund (§5.4)."""
    last = refunds[-1]
    return {
        "gmt_refund": to_text_with_milliseconds(last.created_at),
        "out_biz_no": last.provider_refund_no,
        "refund_fee": to_yuan(sum(refund.amount for refund in refunds)),
        "send_back_fee": to_yuan(last.amount),
    }
