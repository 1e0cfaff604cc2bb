"""What apps ask of basepay, with the key under which they ask it again."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from application.idempotency import Key
from domain.method import Method

Facts = dict[str, Any]

#: The last two digits of a payment code: what the wallet behind it does.
PAYS, ASKS_PASSWORD, HAS_NO_BALANCE = "00", "01", "02"

#: What methods want besides the facts that all have.
NEEDS: dict[Method, Facts] = {
    Method.WECHAT_JSAPI: {"payer": {"openid": "o-payer"}},
    Method.WECHAT_MINI_PROGRAM: {"payer": {"openid": "o-payer"}},
    Method.WECHAT_H5: {"client_ip": "203.0.113.7"},
    Method.ALIPAY_JSAPI: {"payer": {"buyer_id": "2088000000000011"}},
}
CODES = {Method.WECHAT_CODE: "1300000000000000", Method.ALIPAY_CODE: "2800000000000000"}


@dataclass(frozen=True)
class Asked:
    """One request of an app, to be repeated as often as it takes."""

    route: str
    key: str
    facts: Facts

    @property
    def idempotency_key(self) -> Key:
        """The key in its scope, bound to what is asked."""
        text = json.dumps(self.facts, sort_keys=True)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return Key(self.facts["app"], self.route, self.key, fingerprint)


def an_order(**changes: Any) -> Facts:
    """88.88 yuan for SO-1 by WeChat's QR code, or as `changes` say."""
    facts: Facts = {
        "app": "shop",
        "order_no": "SO-1",
        "amount": 8888,
        "subject": "Two cups of tea",
        "method": Method.WECHAT_NATIVE,
    }
    return facts | changes


def by(method: Method, wallet: str = PAYS) -> Facts:
    """The method with what it wants; a payment code belongs to a wallet that does so."""
    code = {"payer": {"auth_code": CODES[method] + wallet}} if method in CODES else {}
    return {"method": method} | NEEDS.get(method, {}) | code


def a_return(app: str, payment_id: str, **changes: Any) -> Facts:
    """10 yuan of a payment back as RF-1, or as `changes` say."""
    facts: Facts = {
        "app": app,
        "payment_id": payment_id,
        "refund_no": "RF-1",
        "amount": 1000,
        "reason": "cold tea",
    }
    return facts | changes
