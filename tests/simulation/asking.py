"""What apps ask of basepay, with the key under which they ask it again."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from application.idempotency import Key
from domain.method import Method

Facts = dict[str, Any]


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
