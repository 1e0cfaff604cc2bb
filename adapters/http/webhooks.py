"""The routes of webhook endpoints."""

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http.answers import known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, page_view
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.requests import Name
from adapters.http.webhook_schemas import (
    DeliveryPage,
    EndpointRequest,
    EventId,
    NewWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointList,
)
from adapters.http.wiring import TheApp
from application.webhook_ports import DeliveryFilter, WebhooksNotConfigured
from application.webhook_views import delivery_view, endpoint_view
from domain.errors import WebhookLimitReached
from domain.webhook import DeliveryStatus

PATH = "/v1/webhook-endpoints"
ONE = PATH + "/{endpoint_id:str}"
KIND = "webhook_endpoint"

EXAMPLE = {
    "url": "https://shop.example.com/basepay-events",
    "types": ["basepay.payment.succeeded", "basepay.refund.succeeded"],
}


class EndpointsQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Whose endpoints: an operator names the app."""

    app: Name | UnsetType = UNSET


class DeliveriesQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Which deliveries."""

    limit: Annotated[int, Meta(ge=1, le=200, description="an integer from 1 to 200")] = 50
    cursor: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9_]{1,64}$(?!\n)",
                description="`next_cursor` of the page before",
            ),
        ]
        | UnsetType
    ) = UNSET
    status: DeliveryStatus | UnsetType = UNSET
    event_id: EventId | UnsetType = UNSET


NEW = Body(EndpointRequest)
LIST, LOG, NONE = Query(EndpointsQuery), Query(DeliveriesQuery), Query(NoQuery)


@post(
    PATH,
    opt=Operation(
        tag="webhooks",
        answers={201: ("Made; `secret` is shown this once.", NewWebhookEndpoint)},
        problems=(WebhookLimitReached, WebhooksNotConfigured),
        body=EndpointRequest,
        example=EXAMPLE,
        audience=Audience.APPS,
    ).opt(),
)
async def create_webhook_endpoint(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Have events sent to a URL, signed as Standard Webhooks say."""
    NONE.read(request)
    asked = await NEW.read(request)
    made = await app.webhook_endpoints.create(request.user, asked.url, asked.types)
    return shown(endpoint_view(*made), status=201)


@get(
    PATH,
    opt=Operation(
        tag="webhooks",
        answers={200: ("The app's endpoints.", WebhookEndpointList)},
        problems=(WebhooksNotConfigured,),
        query=EndpointsQuery,
    ).opt(),
)
async def list_webhook_endpoints(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List the app's endpoints; operators name an `app`."""
    named = LIST.read(request).app
    found = await app.webhook_endpoints.list(request.user, None if named is UNSET else named)
    return shown({"items": [endpoint_view(each) for each in found]})


def _changing(answers: dict[int, tuple[str, type[Struct]]]) -> dict[str, object]:
    return Operation(
        tag="webhooks",
        answers=answers,
        problems=(WebhooksNotConfigured,),
        missing=KIND,
        audience=Audience.APPS,
    ).opt()


@delete(
    ONE,
    status_code=200,
    opt=_changing({200: ("The endpoint that is gone.", WebhookEndpoint)}),
)
async def delete_webhook_endpoint(
    request: ApiRequest, endpoint_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Forget an endpoint, what waits for it, and its log."""
    NONE.read(request)
    id = known_id(endpoint_id, "whe", KIND)
    return shown(endpoint_view(await app.webhook_endpoints.remove(request.user, id)))


@post(ONE + "/pause", opt=_changing({200: ("The endpoint, paused.", WebhookEndpoint)}))
async def pause_webhook_endpoint(
    request: ApiRequest, endpoint_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Let events wait, for maintenance; none is lost."""
    NONE.read(request)
    id = known_id(endpoint_id, "whe", KIND)
    return shown(endpoint_view(await app.webhook_endpoints.pause(request.user, id)))


@post(ONE + "/resume", opt=_changing({200: ("The endpoint, active.", WebhookEndpoint)}))
async def resume_webhook_endpoint(
    request: ApiRequest, endpoint_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Send what has waited, and what comes; also after a 410 has disabled the endpoint."""
    NONE.read(request)
    id = known_id(endpoint_id, "whe", KIND)
    return shown(endpoint_view(await app.webhook_endpoints.resume(request.user, id)))


@post(
    ONE + "/rotate-secret",
    opt=_changing({200: ("The endpoint with its new secret.", NewWebhookEndpoint)}),
)
async def rotate_webhook_secret(
    request: ApiRequest, endpoint_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Make a new secret; the old one signs too for another day."""
    NONE.read(request)
    id = known_id(endpoint_id, "whe", KIND)
    return shown(endpoint_view(*await app.webhook_endpoints.rotate_secret(request.user, id)))


@get(
    ONE + "/deliveries",
    opt=Operation(
        tag="webhooks",
        answers={200: ("A page of deliveries.", DeliveryPage)},
        problems=(WebhooksNotConfigured,),
        missing=KIND,
        query=DeliveriesQuery,
    ).opt(),
)
async def list_deliveries(
    request: ApiRequest, endpoint_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """List what was sent and what waits, with every attempt; newest first."""
    query = LOG.read(request)
    wanted = DeliveryFilter(
        known_id(endpoint_id, "whe", KIND),
        status=None if query.status is UNSET else query.status,
        event_id=None if query.event_id is UNSET else query.event_id,
        cursor=None if query.cursor is UNSET else query.cursor,
        limit=query.limit,
    )
    page = await app.webhook_endpoints.deliveries(request.user, wanted)
    return shown(page_view(page, delivery_view))


ROUTES = [
    create_webhook_endpoint,
    list_webhook_endpoints,
    delete_webhook_endpoint,
    pause_webhook_endpoint,
    resume_webhook_endpoint,
    rotate_webhook_secret,
    list_deliveries,
]
