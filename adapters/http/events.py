"""The routes of events and incidents."""

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import EventsQuery, ListQuery, NoQuery, page_view, range_of, wanted
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.schemas import Event, EventPage, IncidentPage
from adapters.http.webhook_schemas import Redelivery, RedeliveryRequest
from adapters.http.wiring import TheApp
from application.records import Filter
from application.views import event_view, incident_view
from application.webhook_ports import WebhooksNotConfigured
from application.webhook_views import queued_view
from domain.errors import NotFound

AGAIN = Body(RedeliveryRequest)
EVENTS, INCIDENTS, NONE = Query(EventsQuery), Query(ListQuery), Query(NoQuery)


@get(
    "/v1/events",
    opt=Operation(
        tag="events", answers={200: ("A page of events.", EventPage)}, query=EventsQuery
    ).opt(),
)
async def list_events(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List published events, newest first; `status` is the last word of the type."""
    page = await app.library.messages(wanted(EVENTS.read(request), request.user))
    return shown(page_view(page, event_view))


@get(
    "/v1/events/{event_id:str}",
    opt=Operation(tag="events", answers={200: ("The event.", Event)}, missing="event").opt(),
)
async def get_event(request: ApiRequest, event_id: FromPath[str], app: TheApp) -> Response[bytes]:
    """Read one published event."""
    NONE.read(request)
    id = known_id(event_id, "evt", "event")
    owner = None if request.user.operator else request.user.name
    page = await app.library.messages(Filter(app=owner, id=id, limit=1))
    if not page.items:
        raise NotFound("event", id)
    return shown(event_view(page.items[0]))


@post(
    "/v1/events/{event_id:str}/redeliver",
    status_code=200,
    opt=Operation(
        tag="events",
        answers={200: ("What is on its way now.", Redelivery)},
        problems=(WebhooksNotConfigured,),
        missing="event",
    ).opt(),
)
async def redeliver_event(
    request: ApiRequest, event_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Send one event again to every webhook endpoint that wants it.

    Where it is still on its way nothing is added, but it is sent at once.
    """
    NONE.read(request)
    id = known_id(event_id, "evt", "event")
    return shown(queued_view(await app.redeliver_events.one(request.user, id)))


@post(
    "/v1/events/redeliver",
    status_code=200,
    opt=Operation(
        tag="events",
        answers={200: ("What is on its way now.", Redelivery)},
        problems=(WebhooksNotConfigured,),
        missing="webhook_endpoint",
        body=RedeliveryRequest,
        example={
            "created_from": "2026-11-22T00:00:00+08:00",
            "created_to": "2026-11-22T06:00:00+08:00",
        },
        audience=Audience.APPS,
    ).opt(),
)
async def redeliver_events(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Send a time range of events again, or those of one order or status.

    Where one is still on its way nothing is added, but it is sent at once. At most 2000 events at
    a time: `next_cursor` leads to the rest, which is older.
    """
    NONE.read(request)
    asked = await AGAIN.read(request)
    created_from, created_to = range_of(asked.created_from, asked.created_to)
    meant = Filter(
        app=request.user.name,
        status=asked.status or None,
        payment_id=asked.order_id or None,
        cursor=asked.cursor or None,
        created_from=created_from,
        created_to=created_to,
    )
    queued = await app.redeliver_events.all(meant, endpoint_id=asked.endpoint_id or None)
    return shown(queued_view(queued))


@get(
    "/v1/incidents",
    opt=Operation(
        tag="incidents",
        answers={200: ("A page of incidents.", IncidentPage)},
        query=ListQuery,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def list_incidents(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List what a person must look at, newest first. Operators only."""
    page = await app.library.incidents(wanted(INCIDENTS.read(request), request.user))
    return shown(page_view(page, incident_view))


ROUTES = [list_events, get_event, redeliver_event, redeliver_events, list_incidents]
