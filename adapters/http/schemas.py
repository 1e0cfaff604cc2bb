"""What basepay answers, for the OpenAPI document; a test holds it against the real views."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from domain.events import EventType, IncidentKind
from domain.method import ActionType, Method
from domain.refund import Initiator
from domain.status import PaymentStatus, RefundStatus

Fen = Annotated[int, Meta(description="in fen", examples=[1999])]
Time = Annotated[
    str,
    Meta(
        description="RFC 3339 with offset",
        examples=["2026-11-22T12:00:00.000+00:00"],
        extra_json_schema={"format": "date-time"},
    ),
]


class Action(Struct, kw_only=True):
    """What the front end does next to let the payer pay; `type` tells which values come along."""

    type: ActionType
    code_url: Annotated[str, Meta(description="of `show_qr_code`")] | UnsetType = UNSET
    url: Annotated[str, Meta(description="of `redirect`")] | UnsetType = UNSET
    referer_host: (
        Annotated[
            str, Meta(description="of `wechat_h5`: the host that `Referer` must name at `url`")
        ]
        | UnsetType
    ) = UNSET
    params: (
        Annotated[dict[str, str], Meta(description="of `invoke_wechat_…`: signed, for the SDK")]
        | UnsetType
    ) = UNSET
    order_string: Annotated[str, Meta(description="of `invoke_alipay_app`")] | UnsetType = UNSET
    trade_no: Annotated[str, Meta(description="of `invoke_alipay_jsapi`")] | UnsetType = UNSET
    expires_at: Annotated[str, Meta(description="when the link or code goes stale")] | UnsetType = (
        UNSET
    )


class Failure(Struct):
    """Why it did not work: our code, and the provider's own words."""

    code: str
    provider_code: str | None
    message: str
    retryable: bool


class Payment(Struct, kw_only=True):
    """One payment, from prepay to its final status."""

    id: Annotated[str, Meta(examples=["pay_01JD8Z6W8RC0VD2P6V2T9WQ4XN"])]
    order_no: str
    app: str
    account: str
    method: Method
    status: PaymentStatus
    amount: Fen
    charged_amount: Fen
    currency: Literal["CNY"]
    refunded_amount: Fen
    subject: str
    action: Action | None
    cashier_url: str | None
    provider_order_no: str
    provider_transaction_id: str | None
    payer: str | None
    payer_amount: Annotated[int, Meta(description="what was paid after coupons, in fen")] | None
    closing: Annotated[bool, Meta(description="asked to close, not confirmed yet")]
    late: Annotated[bool, Meta(description="success proven after it was closed or failed")]
    reversed: Annotated[bool, Meta(description="money had moved and went straight back")]
    superseded_by: str | None
    duplicate_of: str | None
    sequence: int
    created_at: Time
    expires_at: Time
    succeeded_at: Time | None
    failure: Failure | None
    metadata: dict[str, str]


class Refund(Struct, kw_only=True):
    """One refund, an order of its own."""

    id: Annotated[str, Meta(examples=["ref_01JD8Z7A2Q4M8TQ6J3Y5R0KXSE"])]
    refund_no: str
    payment_id: str
    order_no: str
    app: str
    account: str
    status: RefundStatus
    amount: Fen
    charged_amount: Fen
    reason: str
    initiated_by: Initiator
    provider_refund_no: str
    provider_refund_id: str | None
    failure: Failure | None
    sequence: int
    created_at: Time
    accepted_at: Time | None
    succeeded_at: Time | None


class Event(Struct, kw_only=True):
    """A CloudEvent 1.0; order events of one subject by `sequence`."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(examples=["evt_01JD8Z7D5N1H3W9Z4C6B8K2VYA"])]
    source: str
    type: EventType
    subject: Annotated[str, Meta(description="the id of the payment or refund")]
    time: Time
    datacontenttype: Literal["application/json"]
    sequence: int
    late: bool
    data: Annotated[
        dict[str, Any],  # one of two kinds, told apart by `type`
        Meta(
            description="the payment or refund exactly as the API returned it at that moment",
            extra_json_schema={
                "anyOf": [
                    {"$ref": "#/components/schemas/Payment"},
                    {"$ref": "#/components/schemas/Refund"},
                ]
            },
        ),
    ]


class Incident(Struct, kw_only=True):
    """Something a person must look at."""

    id: str
    kind: IncidentKind
    app: str | None
    order_id: str | None
    detail: str
    created_at: Time


class PaymentPage(Struct):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[Payment]
    next_cursor: str | None


class RefundPage(Struct):
    """Newest first."""

    items: list[Refund]
    next_cursor: str | None


class EventPage(Struct):
    """Newest first."""

    items: list[Event]
    next_cursor: str | None


class IncidentPage(Struct):
    """Newest first."""

    items: list[Incident]
    next_cursor: str | None


class FieldProblem(Struct):
    """One wrong field."""

    field: str
    expected: str


class Problem(Struct, kw_only=True):
    """RFC 9457. `code` is stable and for programs, `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]
    request_id: str
    instance: str
    payment_id: str | UnsetType = UNSET
    refund_id: str | UnsetType = UNSET


class Switch(Struct):
    """A switch of dev and test."""

    on: bool


class Health(Struct):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Struct):
    """Each part we depend on: `ok`, or what is wrong with it."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]
