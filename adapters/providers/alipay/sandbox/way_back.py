"""The payer's way back to the merchant: `return_url` and what is signed onto it. §6.6, §2.3."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from adapters.providers.alipay.sandbox.china_time import to_text
from adapters.providers.alipay.sandbox.notice import content_to_sign
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.trade import details_of
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.records import Order


def way_back(
    order: Order, parties: Parties, *, at: datetime, sign: Callable[[bytes], str | None]
) -> str:
    """Where the browser goes after paying; "" without a `return_url`. It tells no status."""
    url = details_of(order).return_url
    if not url:
        return ""
    fields = {
        "app_id": parties.app_id,
        "auth_app_id": parties.app_id,
        "charset": "utf-8",
        "method": f"alipay.trade.{order.product}.pay.return",
        "out_trade_no": order.provider_order_no,
        "trade_no": order.provider_transaction_id or "",
        "total_amount": to_yuan(order.amount),
        "seller_id": parties.seller_id,
        "timestamp": to_text(at),
        "version": "1.0",
        "sign_type": "RSA2",
    }
    fields["sign"] = sign(content_to_sign(fields)) or ""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
