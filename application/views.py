"""Orders and events as the API shows them and as events carry them: the same words, once."""

import json
from datetime import UTC, datetime

from application.records import Incident, Message
from domain.method import ActionType
from domain.money import Money
from domain.outcome import Failure
from domain.payment import Payment
from domain.refund import Refund

View = dict[str, object]

#: CloudEvents `source` of everything we announce.
SOURCE = "/basepay"


def to_json(view: View) -> bytes:
    """The bytes that are answered, stored for repetitions, and published."""
    return json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode()


def payment_view(payment: Payment) -> View:
    """A payment as `GET /v1/payments/{id}` returns it."""
    return {
        "id": payment.id,
        "order_no": payment.order_no,
        "app": payment.app,
        "account": payment.account,
        "method": payment.method.value,
        "status": payment.status.value,
        "amount": payment.amount.fen,
        "charged_amount": payment.charged_amount.fen,
        "currency": payment.amount.currency,
        "refunded_amount": payment.refunded_amount.fen,
        "subject": payment.subject,
        "action": _action(payment),
        "cashier_url": None,
        "provider_order_no": payment.provider_order_no,
        "provider_transaction_id": payment.provider_transaction_id,
        "payer": payment.paid_by,
        "payer_amount": _fen(payment.payer_amount),
        "closing": payment.closing,
        "late": payment.late,
        "reversed": payment.reversed,
        "superseded_by": payment.superseded_by,
        "duplicate_of": payment.duplicate_of,
        "sequence": payment.sequence,
        "created_at": instant(payment.created_at),
        "expires_at": instant(payment.expires_at),
        "succeeded_at": instant(payment.succeeded_at),
        "failure": _failure(payment.failure),
        "metadata": dict(payment.metadata),
    }


def refund_view(refund: Refund) -> View:
    """A refund as `GET /v1/refunds/{id}` returns it."""
    return {
        "id": refund.id,
        "refund_no": refund.refund_no,
        "payment_id": refund.payment_id,
        "order_no": refund.order_no,
        "app": refund.app,
        "account": refund.account,
        "status": refund.status.value,
        "amount": refund.amount.fen,
        "charged_amount": refund.charged_amount.fen,
        "reason": refund.reason,
        "initiated_by": refund.initiated_by.value,
        "provider_refund_no": refund.provider_refund_no,
        "provider_refund_id": refund.provider_refund_id,
        "failure": _failure(refund.failure),
        "sequence": refund.sequence,
        "created_at": instant(refund.created_at),
        "accepted_at": instant(refund.accepted_at),
        "succeeded_at": instant(refund.succeeded_at),
    }


def event_view(message: Message) -> View:
    """An event as a CloudEvent 1.0; `sequence` and `late` are extension attributes."""
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": SOURCE,
        "type": message.type.value,
        "subject": message.order_id,
        "time": instant(message.occurred_at),
        "datacontenttype": "application/json",
        "sequence": message.sequence,
        "late": message.late,
        "data": json.loads(message.data),
    }


def incident_view(incident: Incident) -> View:
    """An incident as `GET /v1/incidents` returns it."""
    return {
        "id": incident.id,
        "kind": incident.kind.value,
        "app": incident.app,
        "order_id": incident.order_id,
        "detail": incident.detail,
        "created_at": instant(incident.created_at),
    }


def _action(payment: Payment) -> View | None:
    """What the front end must do next: nothing any more, once it is final."""
    action = payment.action
    if action is None or not (payment.open or action.type is ActionType.NONE):
        return None
    view: View = {"type": action.type.value, **action.details}
    if action.expires_at:
        view["expires_at"] = instant(action.expires_at)
    return view


def _failure(failure: Failure | None) -> View | None:
    if failure is None:
        return None
    return {
        "code": failure.code,
        "provider_code": failure.provider_code,
        "message": failure.message,
        "retryable": failure.retryable,
    }


def _fen(money: Money | None) -> int | None:
    return None if money is None else money.fen


def instant(at: datetime | None) -> str | None:
    """RFC 3339, milliseconds, UTC: how every view spells a time."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")
