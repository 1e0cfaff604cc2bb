"""The AsyncAPI 3 document: what is published, told from the same types that are published."""

from typing import Any

import msgspec

from adapters.http.examples import EVENT, REFUND
from adapters.http.operator_events import CHANNEL, FINISHED, MEANING, ReconciliationFinished
from adapters.http.schemas import Event, Payment, Refund
from domain.events import EventType

Json = dict[str, Any]  # a JSON object, of whatever AsyncAPI wants in it

MEDIA_TYPE = "application/vnd.aai.asyncapi+json;version=3.0.0"
CLOUDEVENT = "application/cloudevents+json"
REF = "#/components/schemas/{name}"

INFO: Json = {
    "title": "basepay events",
    "version": "1",
    "description": (
        "Each final status of a payment or refund is announced as a CloudEvent 1.0, at least once, "
        "in order per order. Apply each `id` once and order the events of one `subject` by "
        "`sequence`: what is sent again may arrive after what came later. "
        "New fields may be added; ignore those that you don't know."
    ),
}
SERVERS: dict[str, Json] = {
    "nats": {
        "host": "{broker}",
        "protocol": "nats",
        "description": "NATS JetStream, stream `BASEPAY_EVENTS`.",
        "variables": {"broker": {"description": "Host and port of your deployment's NATS."}},
        "security": [{"$ref": "#/components/securitySchemes/nats_user"}],
    },
    "endpoint": {
        "host": "{receiver}",
        "protocol": "https",
        "description": "Your own receiver, made known by `POST /v1/webhook-endpoints`.",
        "variables": {"receiver": {"description": "Host and port of your URL."}},
    },
}
NATS_USER: Json = {
    "type": "userPassword",
    "description": "One user an app. It reads its own events only, and publishes nothing.",
}

#: What an event is about, by the middle word of its type: its data, and the channel it goes to.
SUBJECTS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "payment": ("payments", Payment),
    "refund": ("refunds", Refund),
}
MEANINGS: dict[EventType, str] = {
    EventType.PAYMENT_SUCCEEDED: "Real money moved.",
    EventType.PAYMENT_FAILED: "The provider's side failed; no money moved.",
    EventType.PAYMENT_CLOSED: "No money moved, or it moved and was reversed at once.",
    EventType.REFUND_SUCCEEDED: "The money went back.",
    EventType.REFUND_FAILED: "The provider refused it, or could not return the money.",
    EventType.REFUND_CLOSED: "The refund was closed; no money moved.",
}
EXAMPLES: dict[EventType, Json] = {
    EventType.PAYMENT_SUCCEEDED: EVENT,
    EventType.REFUND_SUCCEEDED: EVENT
    | {
        "id": "evt_01JD8ZA4C7M2X5R9T1W6Y8B3VD",
        "type": "basepay.refund.succeeded",
        "subject": REFUND["id"],
        "time": "2026-11-22T12:30:08.000+00:00",
        "data": REFUND
        | {"status": "succeeded", "sequence": 2, "succeeded_at": "2026-11-22T12:30:08.000+00:00"},
    },
}

EVENT_ID: Json = {"type": "string", "pattern": "^evt_[0-9A-Z]{26}$"}
NATS_HEADERS: Json = {
    "type": "object",
    "required": ["Nats-Msg-Id", "Content-Type"],
    "properties": {
        "Nats-Msg-Id": EVENT_ID | {"description": "The event's `id`."},
        "Content-Type": {"const": CLOUDEVENT},
    },
}
WEBHOOK_HEADERS: Json = {
    "type": "object",
    "description": "As Standard Webhooks say; the names in any case.",
    "required": ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "content-type": {"const": f"{CLOUDEVENT}; charset=utf-8"},
        "webhook-id": EVENT_ID | {"description": "The event's `id`, the same at every attempt."},
        "webhook-timestamp": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Seconds since 1970, of this attempt.",
        },
        "webhook-signature": {
            "type": "string",
            "pattern": "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$",
            "description": (
                "HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>` under the endpoint's "
                "secret; during a rotation one for each secret."
            ),
        },
    },
}


def asyncapi() -> Json:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:basepay:events",
        "info": INFO,
        "defaultContentType": CLOUDEVENT,
        "servers": SERVERS,
        "channels": {
            **{channel: _subject(word) for word, (channel, _) in SUBJECTS.items()},
            "reconciliations": CHANNEL | {"messages": {FINISHED.value: _finished()}},
            "webhooks": _webhooks(),
        },
        "operations": {
            **{f"publish_{channel}": _operation(channel) for channel, _ in SUBJECTS.values()},
            "publish_reconciliations": _operation("reconciliations"),
            "post_webhooks": _operation("webhooks")
            | {"bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"nats_user": NATS_USER},
        },
    }


def _subject(word: str) -> Json:
    """The NATS subjects of one kind of order."""
    types = [type for type in EventType if _about(type) == word]
    return {
        "address": f"basepay.events.{{app}}.{word}.{{status}}",
        "title": f"Events of {SUBJECTS[word][0]}",
        "description": "Your durable consumer on the stream `BASEPAY_EVENTS` is `app-<app>`.",
        "servers": [{"$ref": "#/servers/nats"}],
        "parameters": {
            "app": {"description": "The app that the order belongs to."},
            "status": {
                "description": "The final status.",
                "enum": [_status(type) for type in types],
            },
        },
        "messages": {type.value: _message(type, "NatsHeaders") for type in types},
    }


def _webhooks() -> Json:
    return {
        "address": None,  # each app's own
        "title": "Webhooks",
        "description": (
            "One queue an endpoint, in order per order. 2xx means taken; a redirect is not "
            "followed, 410 disables the endpoint, `Retry-After` of a 429 or 503 is honoured, "
            "anything else is tried again over 24 hours."
        ),
        "servers": [{"$ref": "#/servers/endpoint"}],
        "messages": {type.value: _message(type, "WebhookHeaders") for type in EventType},
    }


def _message(type: EventType, headers: str) -> Json:
    return _described(type.value, _name(type), MEANINGS[type], headers)


def _finished() -> Json:
    return _described(FINISHED.value, ReconciliationFinished.__name__, MEANING, "NatsHeaders")


def _described(name: str, schema: str, meaning: str, headers: str) -> Json:
    return {
        "name": name,
        "title": schema,
        "summary": meaning,
        "contentType": CLOUDEVENT,
        "headers": {"$ref": REF.format(name=headers)},
        "payload": {"$ref": REF.format(name=schema)},
    }


def _operation(channel: str) -> Json:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}


def _schemas() -> dict[str, Json]:
    """Each kind as the API describes it, and each type of event as what is special about it."""
    kinds = [Event, Payment, Refund, ReconciliationFinished]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    schemas |= {"NatsHeaders": NATS_HEADERS, "WebhookHeaders": WEBHOOK_HEADERS}
    schemas |= {_name(type): _event(type) for type in EventType}
    return dict(sorted(schemas.items()))


def _event(type: EventType) -> Json:
    status, kind = _status(type), SUBJECTS[_about(type)][1]
    data = {
        "allOf": [
            {"$ref": REF.format(name=kind.__name__)},
            {"properties": {"status": {"const": status}}},
        ]
    }
    return {
        "title": _name(type),
        "description": MEANINGS[type],
        "allOf": [
            {"$ref": REF.format(name=Event.__name__)},
            {"properties": {"type": {"const": type.value}, "data": data}},
        ],
        **({"examples": [EXAMPLES[type]]} if type in EXAMPLES else {}),
    }


def _about(type: EventType) -> str:
    return type.value.split(".")[1]


def _status(type: EventType) -> str:
    return type.value.split(".")[2]


def _name(type: EventType) -> str:
    """`PaymentSucceeded` of `basepay.payment.succeeded`."""
    return (_about(type) + " " + _status(type)).title().replace(" ", "")
