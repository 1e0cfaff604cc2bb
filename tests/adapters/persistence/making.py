"""Valid things to keep, and a clock to keep them by."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from application.records import Evidence, Incident, Message, RawCallback, Request
from domain.events import EventType, IncidentKind
from domain.method import Method, Provider
from domain.money import Money
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus

NOW = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=UTC)


@dataclass
class HandSetClock:
    """Stands still until somebody moves it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Make:
    """Builds valid things, numbered so that no two collide; a test names only what matters."""

    count: int = field(default=0)

    def _next_number(self) -> str:
        self.count += 1
        return f"{self.count:026d}"

    def payment(self, **fields: Any) -> Payment:
        number = self._next_number()
        usual: dict[str, Any] = {
            "id": f"pay_{number}",
            "app": "shop",
            "order_no": f"SO-{number}",
            "account": "wechat-main",
            "method": Method.WECHAT_NATIVE,
            "amount": Money(10_000),
            "charged_amount": Money(10_000),
            "subject": "Tea",
            "provider_order_no": f"d1{number}",
            "created_at": NOW,
            "expires_at": NOW + timedelta(hours=2),
        }
        return Payment(**(usual | fields))

    def paid(self, **fields: Any) -> Payment:
        paid: dict[str, Any] = {
            "status": PaymentStatus.SUCCEEDED,
            "succeeded_at": NOW,
            "provider_transaction_id": "4200001",
        }
        return self.payment(**(paid | fields))

    def refund(self, payment: Payment, **fields: Any) -> Refund:
        number = self._next_number()
        usual: dict[str, Any] = {
            "id": f"ref_{number}",
            "app": payment.app,
            "refund_no": f"RF-{number}",
            "payment_id": payment.id,
            "order_no": payment.order_no,
            "account": payment.account,
            "amount": Money(1_000),
            "charged_amount": Money(1_000),
            "reason": "Broken cup",
            "initiated_by": Initiator.APP,
            "provider_refund_no": f"d1{number}",
            "created_at": NOW,
        }
        return Refund(**(usual | fields))

    def message(self, **fields: Any) -> Message:
        number = self._next_number()
        usual: dict[str, Any] = {
            "id": f"evt_{number}",
            "app": "shop",
            "type": EventType.PAYMENT_SUCCEEDED,
            "order_id": f"pay_{number}",
            "sequence": 2,
            "occurred_at": NOW,
            "late": False,
            "data": b'{"status":"succeeded"}',
        }
        return Message(**(usual | fields))

    def evidence(self, **fields: Any) -> Evidence:
        usual: dict[str, Any] = {
            "id": f"evi_{self._next_number()}",
            "order_id": "pay_1",
            "source": "callback",
            "text": "verified",
            "received_at": NOW,
            "headers": {"wechatpay-nonce": "n"},
            "body": b"\x00\xff raw",
        }
        return Evidence(**(usual | fields))

    def incident(self, **fields: Any) -> Incident:
        usual: dict[str, Any] = {
            "id": f"inc_{self._next_number()}",
            "kind": IncidentKind.PAYMENT_MISMATCH,
            "app": "shop",
            "order_id": "pay_1",
            "detail": "paid 1, charged 2",
            "created_at": NOW,
        }
        return Incident(**(usual | fields))

    def request(self, **fields: Any) -> Request:
        number = self._next_number()
        usual: dict[str, Any] = {
            "app": "shop",
            "route": "POST /v1/payments",
            "key": f"key-{number}",
            "fingerprint": "f" * 64,
            "order_id": f"pay_{number}",
            "created_at": NOW,
            "leased_until": NOW + timedelta(seconds=10),
        }
        return Request(**(usual | fields))

    def callback(self, **fields: Any) -> RawCallback:
        usual: dict[str, Any] = {
            "id": f"cb_{self._next_number()}",
            "provider": Provider.WECHAT,
            "account": "wechat-main",
            "headers": {"wechatpay-serial": "1"},
            "body": b'{"raw": "\xe2\x82\xac"}',
            "received_at": NOW,
        }
        return RawCallback(**(usual | fields))
