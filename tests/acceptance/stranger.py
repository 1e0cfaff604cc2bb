"""A stranger's callback: everything that outsiders can know, but not the provider's signature."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from domain.money import Money
from tests.acceptance.stage import View

BEIJING = timezone(timedelta(hours=8))
SIGNATURE = "c2lnbmVkIGJ5IGEgc3RyYW5nZXI="


def forged(payment: View, credentials: Mapping[str, Any]) -> tuple[Mapping[str, str], bytes]:
    """Headers and body that claim the payment's success at its provider."""
    if payment["account"].startswith("wechat"):
        return _like_wechat_pay(credentials["wechat"]), b'{"event_type":"TRANSACTION.SUCCESS"}'
    form = urlencode(_like_alipay(payment, credentials["alipay"]))
    return {"Content-Type": "application/x-www-form-urlencoded"}, form.encode()


def _like_wechat_pay(credentials: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "Wechatpay-Serial": credentials["platform_serial_no"],
        "Wechatpay-Signature": SIGNATURE,
        "Wechatpay-Timestamp": str(int(time.time())),
        "Wechatpay-Nonce": "stranger",
    }


def _like_alipay(payment: View, credentials: Mapping[str, Any]) -> Mapping[str, str]:
    now = datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "notify_type": "trade_status_sync",
        "notify_id": "stranger",
        "notify_time": now,
        "app_id": credentials["app_id"],
        "seller_id": credentials["seller_id"],
        "trade_no": "2026000000000000000000000001",
        "out_trade_no": payment["provider_order_no"],
        "trade_status": "TRADE_SUCCESS",
        "total_amount": Money(payment["amount"]).to_yuan(),
        "gmt_payment": now,
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "sign": SIGNATURE,
    }
