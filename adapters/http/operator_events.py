"""The operators' own event, for the AsyncAPI document: no app's, and in no app's list."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from adapters.http.reconciliation_schemas import Reconciliation
from adapters.http.schemas import Time
from application.records import OPERATOR
from domain.events import OperatorEventType

FINISHED = OperatorEventType.RECONCILIATION_FINISHED


class ReconciliationFinished(Struct, kw_only=True):
    """A day was held against its bill; `data` is the run with its report."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: OperatorEventType
    subject: Annotated[str, Meta(description="the id of the run")]
    time: Time
    datacontenttype: Literal["application/json"]
    sequence: Annotated[int, Meta(description="grows when the same run is executed again")]
    late: bool
    data: Reconciliation


CHANNEL: dict[str, Any] = {
    "address": f"basepay.events.{OPERATOR}.{FINISHED.value.removeprefix('basepay.')}",
    "title": "Events of reconciliation",
    "description": "For operators: no app's bus user may read it, and no webhook is sent.",
    "servers": [{"$ref": "#/servers/nats"}],
}
MEANING = "A day was held against its bill: the report tells what agrees and what does not."
