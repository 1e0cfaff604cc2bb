"""How webhook endpoints and deliveries are shown: the one place that spells their JSON."""

from application.queue_webhooks import Queued
from application.views import View, instant
from domain.webhook import Attempt, Delivery, DeliveryStatus, Endpoint


def endpoint_view(endpoint: Endpoint, secret: str | None = None) -> View:
    """An endpoint; with its secret only where that was made a moment ago."""
    view: View = {
        "id": endpoint.id,
        "app": endpoint.app,
        "url": endpoint.url,
        "types": [each.value for each in endpoint.types],
        "status": endpoint.status.value,
        "reason": endpoint.reason,
        "quiet_until": instant(endpoint.quiet_until),
        "giving_up_since": instant(endpoint.giving_up_since),
        "old_secret_until": instant(endpoint.old_secret_until),
        "created_at": instant(endpoint.created_at),
    }
    return view if secret is None else {**view, "secret": secret}


def delivery_view(delivery: Delivery) -> View:
    """A delivery with every attempt so far."""
    waits = delivery.status is DeliveryStatus.WAITING
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "sequence": delivery.sequence,
        "redelivery": delivery.redelivery,
        "status": delivery.status.value,
        "attempts": [_attempt(each) for each in delivery.attempts],
        "next_attempt_at": instant(delivery.due_at) if waits else None,
        "created_at": instant(delivery.created_at),
        "finished_at": instant(delivery.finished_at),
    }


def queued_view(queued: Queued) -> View:
    """What a redelivery set on its way."""
    return {
        "events": queued.events,
        "deliveries": queued.deliveries,
        "next_cursor": queued.next_cursor,
    }


def _attempt(attempt: Attempt) -> View:
    return {
        "at": instant(attempt.at),
        "status": attempt.status,
        "duration_ms": attempt.milliseconds,
        "answer": attempt.text,
    }
