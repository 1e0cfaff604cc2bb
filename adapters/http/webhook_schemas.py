"""What basepay answers about webhooks, and takes."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http.lists import INSTANT, Instant
from adapters.http.schemas import Time
from domain.events import EventType
from domain.status import PaymentStatus
from domain.webhook import DeliveryStatus, EndpointStatus

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=512,
        description="an https URL that leads to a public address",
        examples=["https://shop.example.com/basepay-events"],
    ),
]
EndpointId = Annotated[
    str,
    Meta(pattern=r"^whe_[0-9A-Z]{26}$(?!\n)", description="the id of an endpoint, `whe_…`"),
]
OrderId = Annotated[
    str,
    Meta(
        pattern=r"^(pay|ref)_[0-9A-Z]{26}$(?!\n)",
        description="the id of a payment or refund, `pay_…` or `ref_…`",
    ),
]
EventId = Annotated[
    str, Meta(pattern=r"^evt_[0-9A-Z]{26}$(?!\n)", description="the id of an event, `evt_…`")
]


class EndpointRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Where events are to be sent."""

    url: Url
    types: Annotated[
        list[EventType],
        Meta(max_length=32, description="the types of events to be sent; none: all of them"),
    ] = []


class RedeliveryRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which published events to send again; whatever is given must hold."""

    created_from: Annotated[Instant, Meta(description=INSTANT)] | UnsetType = UNSET
    created_to: Annotated[Instant, Meta(description=INSTANT)] | UnsetType = UNSET
    status: PaymentStatus | UnsetType = UNSET
    order_id: OrderId | UnsetType = UNSET
    endpoint_id: EndpointId | UnsetType = UNSET
    cursor: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9_]{1,64}$(?!\n)",
                description="`next_cursor` of the answer before",
            ),
        ]
        | UnsetType
    ) = UNSET


class WebhookEndpoint(Struct, kw_only=True):
    """An HTTP subscriber of one app."""

    id: Annotated[str, Meta(examples=["whe_01JD8ZB0M5T3R8W1Q9K7C4N6VX"])]
    app: str
    url: str
    types: Annotated[list[EventType], Meta(description="none: all of them")]
    status: EndpointStatus
    reason: Annotated[str, Meta(description="why it is `disabled`")] | None
    quiet_until: Annotated[str, Meta(description="it asked to be left alone so long")] | None
    giving_up_since: Annotated[str, Meta(description="no success since then")] | None
    old_secret_until: Annotated[str, Meta(description="the old secret signs too, so long")] | None
    created_at: Time


class NewWebhookEndpoint(WebhookEndpoint, kw_only=True):
    """An endpoint with its secret, which is shown this once."""

    secret: Annotated[str, Meta(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]


class WebhookEndpointList(Struct):
    """All of them, oldest first."""

    items: list[WebhookEndpoint]


class DeliveryAttempt(Struct):
    """One attempt; `status` null: there was no answer, and `answer` says why."""

    at: Time
    status: int | None
    duration_ms: int
    answer: Annotated[str, Meta(description="the beginning of the answer")]


class Delivery(Struct, kw_only=True):
    """One event on its way to one endpoint."""

    id: Annotated[str, Meta(examples=["del_01JD8ZC7X2H4N6Q8S0V3W5Y7ZA"])]
    endpoint_id: str
    event_id: str
    order_id: str
    sequence: int
    redelivery: bool
    status: DeliveryStatus
    attempts: list[DeliveryAttempt]
    next_attempt_at: Time | None
    created_at: Time
    finished_at: Time | None


class DeliveryPage(Struct):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[Delivery]
    next_cursor: str | None


class Redelivery(Struct):
    """What is on its way now; ask again with `next_cursor` for the rest, if it is not null."""

    events: int
    deliveries: int
    next_cursor: str | None
