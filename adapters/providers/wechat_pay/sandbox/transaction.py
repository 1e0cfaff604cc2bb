"""The transaction object that answers and callbacks carry (§4.2), and how an order gets paid."""

import secrets
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from adapters.providers.sandbox.records import Order
from adapters.providers.wechat_pay.sandbox.openids import openid_of
from adapters.providers.wechat_pay.sandbox.trade_states import DESCRIPTIONS, SUCCESS
from adapters.providers.wechat_pay.sandbox.wechat_time import BEIJING, wechat_time

#: The one person with a phone here, where the merchant did not name another.
PERSON = "phone"


def show(order: Order, *, unpaid_shows_amount: bool = False) -> dict[str, Any]:
    """Write the transaction object."""
    shown = {
        "appid": order.details["request"]["appid"],
        "mchid": order.merchant,
        "out_trade_no": order.provider_order_no,
        "trade_state": order.state,
        "trade_state_desc": DESCRIPTIONS[order.state],
    }
    if order.paid_at is not None:
        return shown | _paid_part(order, order.paid_at)
    if unpaid_shows_amount:
        shown["amount"] = {"total": order.amount, "currency": "CNY"}
    return shown


def paid(order: Order, now: datetime) -> Order:
    """The order after its money moved; all of it, at once."""
    request = order.details["request"]
    named = order.details["trade_type"] == "JSAPI"  # elsewhere a payer is no part of the body
    openid = request["payer"]["openid"] if named else openid_of(request["appid"], PERSON)
    return replace(
        order,
        state=SUCCESS,
        paid_at=now.replace(microsecond=0),
        charges=order.charges + 1,
        provider_transaction_id=transaction_id(now),
        details=order.details | {"openid": openid},
    )


def _paid_part(order: Order, paid_at: datetime) -> dict[str, Any]:
    request = order.details["request"]
    part = {
        "transaction_id": order.provider_transaction_id,
        "trade_type": order.details["trade_type"],
        "bank_type": "OTHERS",
        "success_time": wechat_time(paid_at),
        "payer": {"openid": order.details["openid"]},
        "amount": {
            "total": order.amount,
            "payer_total": order.amount,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }
    if "attach" in request:
        part["attach"] = request["attach"]
    if device := request.get("scene_info", {}).get("device_id"):
        part["scene_info"] = {"device_id": device}
    return part


def transaction_id(now: datetime) -> str:
    """Make a number of the platform: 28 digits beginning with 42 (§1.6)."""
    day = now.astimezone(BEIJING).strftime("%Y%m%d")
    return f"4200{secrets.randbelow(10**6):06d}{day}{secrets.randbelow(10**10):010d}"
