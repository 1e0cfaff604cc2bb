"""What the platform owes the merchant to know (REFERENCE.md §6)."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import Message
from adapters.providers.sandbox.records import Callback
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.trade_states import PROVIDER
from adapters.providers.wechat_pay.sandbox.wechat_time import wechat_time

#: `original_type` and `summary` per event (§6.1).
EVENTS: Mapping[str, tuple[str, str]] = {
    "TRANSACTION.SUCCESS": ("transaction", "支付成功"),
    "REFUND.SUCCESS": ("refund", "退款成功"),
    "REFUND.ABNORMAL": ("refund", "退款异常"),
    "REFUND.CLOSED": ("refund", "退款关闭"),
    "SECURITY_ECHO.SUCCESS": ("security_echo", "验签成功"),  # both words unverified
}


def notification(
    order_no: str, event: str, resource: Mapping[str, Any], url: str | None, now: datetime
) -> Sequence[Callback]:
    """Make the callback for an event, or none where nobody gave an address (§5.1)."""
    if url is None:
        return ()
    callback = Callback(
        id=str(uuid.uuid4()),
        provider=PROVIDER,
        provider_order_no=order_no,
        event=event,
        url=url,
        content=dict(resource),
        created_at=now,
        next_at=now,
    )
    return (callback,)


def render(
    callback: Callback,
    keys: PlatformKeys,
    struck: Struck,
    *,
    with_public_key: bool,
    associated_data: bool,
) -> Message:
    """Encrypt and sign one attempt; every attempt has its own timestamp (§2.3)."""
    original_type, summary = EVENTS[callback.event]
    content = _forged(callback.content) if "callback_forged" in struck else callback.content
    sealed = keys.encrypt(msgspec.json.encode(content), original_type if associated_data else "")
    body = msgspec.json.encode(
        {
            "id": callback.id,
            "create_time": wechat_time(callback.created_at),
            "resource_type": "encrypt-resource",
            "event_type": callback.event,
            "summary": summary,
            "resource": {"original_type": original_type, **sealed},
        }
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Mozilla/4.0",
        "Request-ID": request_id(),
        **keys.sign(body, struck, with_public_key=with_public_key),
    }
    return Message(headers=headers, body=body)


def request_id() -> str:
    """Name an exchange the way support asks for it (§1.3)."""
    return f"{uuid.uuid4().hex.upper()}{uuid.uuid4().hex[:12].upper()}-0"


def _forged(content: Mapping[str, Any]) -> dict[str, Any]:
    """Claim a fen more: whoever believes this has checked no signature."""
    if "amount" not in content:
        return dict(content)
    amount = content["amount"]
    return {**content, "amount": {**amount, "total": amount["total"] + 1}}
