"""The business contents, built once as the exact JSON text that is stored, signed and sent."""

import msgspec

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.wire import CHINA
from domain.errors import FieldError, InvalidRequest
from domain.payment import Payment
from domain.refund import Refund

MAX_SUBJECT, MAX_REASON = 256, 256

#: Alipay refuses these in a subject; they become spaces. Source: MAPPING.md §3.
FORBIDDEN = str.maketrans(dict.fromkeys('/=&<>"\\', " "))


def precreate_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build the precreate of a payment. Raises InvalidRequest. Source: MAPPING.md §3."""
    return msgspec.json.encode(
        {
            "out_trade_no": payment.provider_order_no,
            "total_amount": payment.charged_amount.to_yuan(),
            "subject": _subject(payment.subject),
            "product_code": config.qr_product_code,
            "seller_id": config.seller_id,
            "time_expire": payment.expires_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
        }
    )


def order_content(payment: Payment) -> bytes:
    """Name an order, for query and close."""
    return msgspec.json.encode({"out_trade_no": payment.provider_order_no})


def refund_content(refund: Refund, payment: Payment) -> bytes:
    """Build the refund request. Source: MAPPING.md §5."""
    return msgspec.json.encode(
        {
            "out_trade_no": payment.provider_order_no,
            "refund_amount": refund.charged_amount.to_yuan(),
            "out_request_no": refund.provider_refund_no,
            "refund_reason": plain(refund.reason)[:MAX_REASON] or refund.refund_no,
        }
    )


def refund_query_content(refund: Refund, payment: Payment) -> bytes:
    """Name a refund, and ask when it was paid."""
    return msgspec.json.encode(
        {
            "out_trade_no": payment.provider_order_no,
            "out_request_no": refund.provider_refund_no,
            "query_options": ["gmt_refund_pay"],
        }
    )


def plain(text: str) -> str:
    """Without what Alipay refuses or spoils: some punctuation, emoji and controls."""
    kept = (c for c in text.translate(FORBIDDEN) if c <= "\uffff" and c.isprintable())
    return " ".join("".join(kept).split())


def _subject(subject: str) -> str:
    text = plain(subject)
    if not 1 <= len(text) <= MAX_SUBJECT:
        expected = f"1-{MAX_SUBJECT} characters that are not emoji or one of / = &"
        raise InvalidRequest(FieldError("subject", expected))
    return text
