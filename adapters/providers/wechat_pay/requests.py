"""The request bodies, built once as the exact bytes that are stored, signed and sent."""

from datetime import timedelta, timezone

import msgspec

from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.products import Product
from domain.errors import FieldError, InvalidRequest
from domain.payment import Payment
from domain.refund import Refund

BEIJING = timezone(timedelta(hours=8))
MAX_DESCRIPTION, MAX_REASON = 127, 80


def prepay_body(config: WeChatPayConfig, product: Product, payment: Payment) -> bytes:
    """Build the prepay of a payment. Raises InvalidRequest. Source: MAPPING.md §3."""
    return msgspec.json.encode(
        {
            "appid": product.app_id(config.app_ids),
            "mchid": config.mchid,
            "description": _description(payment.subject),
            "out_trade_no": payment.provider_order_no,
            "time_expire": payment.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "notify_url": config.notify_url,
            "amount": {
                "total": payment.charged_amount.fen,
                "currency": payment.charged_amount.currency,
            },
        }
    )


def refund_body(config: WeChatPayConfig, refund: Refund, payment: Payment) -> bytes:
    """Build the refund request. Source: MAPPING.md §5."""
    return msgspec.json.encode(
        {
            "out_trade_no": payment.provider_order_no,
            "out_refund_no": refund.provider_refund_no,
            "reason": printable(refund.reason)[:MAX_REASON] or refund.refund_no,
            "notify_url": config.notify_url,
            "amount": {
                "refund": refund.charged_amount.fen,
                "total": payment.charged_amount.fen,
                "currency": payment.charged_amount.currency,
            },
        }
    )


def close_body(config: WeChatPayConfig) -> bytes:
    return msgspec.json.encode({"mchid": config.mchid})


def printable(text: str) -> str:
    """Without what WeChat Pay refuses: characters of four UTF-8 bytes (emoji), and controls."""
    return "".join(c for c in text if c <= "\uffff" and c.isprintable()).strip()


def _description(subject: str) -> str:
    text = printable(subject)
    if not 1 <= len(text) <= MAX_DESCRIPTION:
        expected = f"1-{MAX_DESCRIPTION} characters that are not emoji"
        raise InvalidRequest(FieldError("subject", expected))
    return text
