"""The request bodies, built once as the exact bytes that are stored, signed and sent."""

from collections.abc import Callable
from datetime import timedelta, timezone

import msgspec

from adapters.providers.text import plain, plain_subject
from adapters.providers.wechat_pay.config import WeChatPayConfig
from domain.payment import Payment
from domain.refund import Refund

BEIJING = timezone(timedelta(hours=8))
MAX_DESCRIPTION, MAX_REASON = 127, 80

#: Builds the request of a payment for this app id. Raises InvalidRequest. Source: MAPPING.md §3.
Body = Callable[[WeChatPayConfig, str | None, Payment], bytes]


def prepay_body(config: WeChatPayConfig, app_id: str | None, payment: Payment) -> bytes:
    """Build the prepay that asks for nothing of the payer."""
    return _prepay(config, app_id, payment, _scene(payment.client_ip))


def openid_body(config: WeChatPayConfig, app_id: str | None, payment: Payment) -> bytes:
    """Build the prepay for one payer, named as this app id knows them."""
    more = {"payer": {"openid": payment.payer["openid"]}}
    return _prepay(config, app_id, payment, more | _scene(payment.client_ip))


def h5_body(config: WeChatPayConfig, app_id: str | None, payment: Payment) -> bytes:
    """Build the prepay for a browser, which must later come from the same address."""
    kind = {"h5_info": {"type": "Wap"}}
    return _prepay(config, app_id, payment, _scene(payment.client_ip, **kind))


def charge_body(config: WeChatPayConfig, app_id: str | None, payment: Payment) -> bytes:
    """Build the charge of a payment code: no expiry, and no address for callbacks."""
    store = _present(id=config.store_id, out_id=config.store_out_id)
    scene = _present(device_ip=payment.client_ip) | {"store_info": store}
    payer = {"auth_code": payment.payer["auth_code"]}
    order = _order(config, app_id, payment)
    return msgspec.json.encode(order | {"payer": payer, "scene_info": scene})


def _prepay(
    config: WeChatPayConfig, app_id: str | None, payment: Payment, more: dict[str, object]
) -> bytes:
    until = payment.expires_at.astimezone(BEIJING).isoformat(timespec="seconds")
    promised = {"time_expire": until, "notify_url": config.notify_url}
    return msgspec.json.encode(_order(config, app_id, payment) | promised | more)


def _order(config: WeChatPayConfig, app_id: str | None, payment: Payment) -> dict[str, object]:
    charged = payment.charged_amount
    return {
        "appid": app_id,
        "mchid": config.mchid,
        "description": plain_subject(payment.subject, limit=MAX_DESCRIPTION),
        "out_trade_no": payment.provider_order_no,
        "amount": {"total": charged.fen, "currency": charged.currency},
    }


def _scene(client_ip: str | None, **more: object) -> dict[str, object]:
    """Tell where the payer is; the part is left out where that is not known."""
    return {"scene_info": {"payer_client_ip": client_ip} | more} if client_ip else {}


def _present(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}


def refund_body(config: WeChatPayConfig, refund: Refund, payment: Payment) -> bytes:
    """Build the refund request. Source: MAPPING.md §5."""
    return msgspec.json.encode(
        {
            "out_trade_no": payment.provider_order_no,
            "out_refund_no": refund.provider_refund_no,
            "reason": plain(refund.reason, limit=MAX_REASON) or refund.refund_no,
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


def reverse_body(config: WeChatPayConfig, payment: Payment) -> bytes:
    """Without the app id, WeChat Pay answers with a system error. Source: MAPPING.md §4."""
    return msgspec.json.encode({"appid": payment.payee.app_id, "mchid": config.mchid})
