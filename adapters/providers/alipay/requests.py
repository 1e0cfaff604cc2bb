"""The business contents, built once as the exact JSON text that is stored, signed and sent."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.wire import CHINA
from adapters.providers.text import plain, plain_subject
from domain.errors import FieldError, InvalidRequest
from domain.payment import Payment
from domain.refund import Refund

MAX_SUBJECT, MAX_REASON, MAX_RETURN_URL = 256, 256, 256

#: Alipay refuses these in a subject. Source: MAPPING.md §3.
FORBIDDEN = '/=&<>"\\'

#: Alipay takes no deadline closer than a minute; a charge is taken back before this one comes.
CHARGE_LASTS = timedelta(minutes=2)


def precreate_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build the precreate of a payment. Raises InvalidRequest. Source: MAPPING.md §3."""
    return _encoded(
        _order(payment, config.qr_product_code)
        | {"seller_id": config.seller_id}
        | _seen_from(payment)
    )


def create_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build the trade of a payer who is known already. Likewise."""
    return _encoded(
        _order(payment, "JSAPI_PAY")
        | {"seller_id": config.seller_id, "op_app_id": config.jsapi_app_id or config.app_id}
        | {k: v for k, v in payment.payer.items() if k in ("buyer_id", "buyer_open_id")}
        | _seen_from(payment)
    )


def charge_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build the charge of the code that the payer shows. Likewise."""
    deadline = max(payment.expires_at, payment.created_at + CHARGE_LASTS)
    return _encoded(
        _order(payment, config.code_product_code)
        | {"seller_id": config.seller_id, "time_expire": _china(deadline)}
        | {"scene": "bar_code", "auth_code": payment.payer["auth_code"]}
        | _seen_from(payment)
    )


def page_content(_: AlipayConfig, payment: Payment) -> bytes:
    """Build the page for a computer's browser; it names no seller. Likewise."""
    _check_return_url(payment)
    return _encoded(_order(payment, "FAST_INSTANT_TRADE_PAY") | _seen_from(payment, as_text=True))


def wap_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build the page for a phone's browser. Likewise."""
    _check_return_url(payment)
    return _encoded(
        _order(payment, "QUICK_WAP_WAY")
        | {"seller_id": config.seller_id}
        | _seen_from(payment, as_text=True)
    )


def app_content(config: AlipayConfig, payment: Payment) -> bytes:
    """Build what the payer's app hands to Alipay's. Likewise."""
    return _encoded(
        _order(payment, "QUICK_MSECURITY_PAY")
        | {"seller_id": config.seller_id}
        | _seen_from(payment, as_text=True)
    )


def order_content(payment: Payment) -> bytes:
    """Name an order, for query, close and cancel."""
    return _encoded({"out_trade_no": payment.provider_order_no})


def refund_content(refund: Refund, payment: Payment) -> bytes:
    """Build the refund request. Source: MAPPING.md §5."""
    reason = plain(refund.reason, forbidden=FORBIDDEN, limit=MAX_REASON)
    return _encoded(
        {
            "out_trade_no": payment.provider_order_no,
            "refund_amount": refund.charged_amount.to_yuan(),
            "out_request_no": refund.provider_refund_no,
            "refund_reason": reason or refund.refund_no,
        }
    )


def refund_query_content(provider_refund_no: str, payment: Payment) -> bytes:
    """Name a refund, and ask when it was paid."""
    return _encoded(
        {
            "out_trade_no": payment.provider_order_no,
            "out_request_no": provider_refund_no,
            "query_options": ["gmt_refund_pay"],
        }
    )


def _order(payment: Payment, product_code: str) -> dict[str, object]:
    """Say what every way to pay says of an order."""
    return {
        "out_trade_no": payment.provider_order_no,
        "total_amount": payment.charged_amount.to_yuan(),
        "subject": plain_subject(payment.subject, forbidden=FORBIDDEN, limit=MAX_SUBJECT),
        "product_code": product_code,
        "time_expire": _china(payment.expires_at),
    }


def _seen_from(payment: Payment, *, as_text: bool = False) -> dict[str, object]:
    """The payer's address, which risk control may ask for; the web products want it as text."""
    if not payment.client_ip:
        return {}
    told = {"mc_create_trade_ip": payment.client_ip}
    return {"business_params": _encoded(told).decode() if as_text else told}


def _check_return_url(payment: Payment) -> None:
    if len(payment.return_url or "") > MAX_RETURN_URL:
        raise InvalidRequest(FieldError("return_url", f"at most {MAX_RETURN_URL} characters"))


def _china(instant: datetime) -> str:
    return instant.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _encoded(content: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(content)
