"""Webhook endpoints and deliveries as rows, and back."""

import msgspec

from adapters.persistence.sql.values import (
    Row,
    Stored,
    instant,
    instant_or_none,
    micros,
    micros_or_null,
)
from domain.events import EventType
from domain.webhook import Attempt, Delivery, DeliveryStatus, Endpoint, EndpointStatus

_ATTEMPTS = msgspec.json.Decoder(tuple[Attempt, ...])
_TYPES = msgspec.json.Decoder(tuple[EventType, ...])


def endpoint_row(endpoint: Endpoint) -> Row:
    return {
        "id": endpoint.id,
        "app": endpoint.app,
        "url": endpoint.url,
        "types": msgspec.json.encode(endpoint.types),
        "secret": endpoint.secret,
        "old_secret": endpoint.old_secret,
        "old_secret_until": micros_or_null(endpoint.old_secret_until),
        "status": endpoint.status.value,
        "reason": endpoint.reason,
        "quiet_until": micros_or_null(endpoint.quiet_until) or 0,
        "giving_up_since": micros_or_null(endpoint.giving_up_since),
        "created_at": micros(endpoint.created_at),
        "version": endpoint.version + 1,
    }


def endpoint_of(row: Stored) -> Endpoint:
    return Endpoint(
        id=row["id"],
        app=row["app"],
        url=row["url"],
        types=_TYPES.decode(row["types"]),
        secret=row["secret"],
        old_secret=row["old_secret"],
        old_secret_until=instant_or_none(row["old_secret_until"]),
        status=EndpointStatus(row["status"]),
        reason=row["reason"],
        quiet_until=instant_or_none(row["quiet_until"] or None),
        giving_up_since=instant_or_none(row["giving_up_since"]),
        created_at=instant(row["created_at"]),
        version=row["version"],
    )


def delivery_row(delivery: Delivery) -> Row:
    """As it is kept: nobody is sending it."""
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "sequence": delivery.sequence,
        "cause": "redelivery" if delivery.redelivery else "event",
        "status": delivery.status.value,
        "attempts": msgspec.json.encode(delivery.attempts),
        "created_at": micros(delivery.created_at),
        "due_at": micros(delivery.due_at),
        "finished_at": micros_or_null(delivery.finished_at),
        "claimed_until": 0,
        "claim": None,
        "version": delivery.version + 1,
    }


def delivery_of(row: Stored) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint_id=row["endpoint_id"],
        event_id=row["event_id"],
        order_id=row["order_id"],
        sequence=row["sequence"],
        redelivery=row["cause"] == "redelivery",
        status=DeliveryStatus(row["status"]),
        attempts=_ATTEMPTS.decode(row["attempts"]),
        created_at=instant(row["created_at"]),
        due_at=instant(row["due_at"]),
        finished_at=instant_or_none(row["finished_at"]),
        version=row["version"],
    )
