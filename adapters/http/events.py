"""The routes of events and incidents."""

from litestar import Response, get
from litestar.params import FromPath

from adapters.http.answers import known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import EventsQuery, ListQuery, NoQuery, page_view, wanted
from adapters.http.reading import ApiRequest, Query
from adapters.http.schemas import Event, EventPage, IncidentPage
from adapters.http.wiring import TheApp
from application.records import Filter
from application.views import event_view, incident_view
from domain.errors import NotFound

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


ROUTES = [list_events, get_event, list_incidents]
