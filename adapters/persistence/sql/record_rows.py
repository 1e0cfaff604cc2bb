"""Requests, events, evidence, incidents and callbacks as rows and back."""

from adapters.persistence.sql.values import (
    Row,
    Stored,
    instant,
    instant_or_none,
    micros,
    micros_or_null,
    texts,
    texts_of,
)
from application.records import Evidence, Incident, Message, RawCallback, Request
from domain.events import IncidentKind, event_type
from domain.method import Provider


def request_row(request: Request) -> Row:
    return {
        "app": request.app,
        "route": request.route,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "order_id": request.order_id,
        "created_at": micros(request.created_at),
        "leased_until": micros(request.leased_until),
        "status": request.status,
        "body": request.body,
        "version": request.version + 1,
    }


def request_of(row: Stored) -> Request:
    return Request(
        app=row["app"],
        route=row["route"],
        key=row["key"],
        fingerprint=row["fingerprint"],
        order_id=row["order_id"],
        created_at=instant(row["created_at"]),
        leased_until=instant(row["leased_until"]),
        status=row["status"],
        body=row["body"],
        version=row["version"],
    )


def message_row(message: Message) -> Row:
    return {
        "id": message.id,
        "app": message.app,
        "type": message.type.value,
        "order_id": message.order_id,
        "sequence": message.sequence,
        "occurred_at": micros(message.occurred_at),
        "late": message.late,
        "data": message.data,
        "published_at": micros_or_null(message.published_at),
    }


def message_of(row: Stored) -> Message:
    return Message(
        id=row["id"],
        app=row["app"],
        type=event_type(row["type"]),
        order_id=row["order_id"],
        sequence=row["sequence"],
        occurred_at=instant(row["occurred_at"]),
        late=bool(row["late"]),
        data=row["data"],
        published_at=instant_or_none(row["published_at"]),
    )


def evidence_row(evidence: Evidence) -> Row:
    return {
        "id": evidence.id,
        "order_id": evidence.order_id,
        "source": evidence.source,
        "text": evidence.text,
        "received_at": micros(evidence.received_at),
        "headers": texts(evidence.headers),
        "body": evidence.body,
    }


def incident_row(incident: Incident) -> Row:
    return {
        "id": incident.id,
        "kind": incident.kind.value,
        "app": incident.app,
        "order_id": incident.order_id,
        "detail": incident.detail,
        "created_at": micros(incident.created_at),
    }


def incident_of(row: Stored) -> Incident:
    return Incident(
        id=row["id"],
        kind=IncidentKind(row["kind"]),
        app=row["app"],
        order_id=row["order_id"],
        detail=row["detail"],
        created_at=instant(row["created_at"]),
    )


def callback_row(callback: RawCallback) -> Row:
    return {
        "id": callback.id,
        "provider": callback.provider.value,
        "account": callback.account,
        "headers": texts(callback.headers),
        "body": callback.body,
        "received_at": micros(callback.received_at),
        "attempts": 0,
        "due_at": 0,
        "dead": False,
    }


def callback_of(row: Stored) -> RawCallback:
    return RawCallback(
        id=row["id"],
        provider=Provider(row["provider"]),
        account=row["account"],
        headers=texts_of(row["headers"]),
        body=row["body"],
        received_at=instant(row["received_at"]),
    )
