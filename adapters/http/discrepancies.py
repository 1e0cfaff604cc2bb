"""The routes of discrepancies: operators read what differs, and settle it."""

from functools import partial

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, page_view
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.reconciliation_schemas import (
    AllDiscrepanciesQuery,
    ApprovalRequest,
    DiscrepanciesQuery,
    Discrepancy,
    DiscrepancyPage,
    ResolutionRequest,
)
from adapters.http.reconciliations import ONE, RUN, TAG, run_of
from adapters.http.wiring import TheApp
from application.app import App
from application.reconciliation_views import discrepancy_view
from application.views import View
from domain.discrepancy import Discrepancy as Found
from domain.errors import (
    ApprovalAwaited,
    DiscrepancyResolved,
    MoneyDiffers,
    NothingToApprove,
    NotRepaired,
    SecondPersonNeeded,
)

PATH = "/v1/discrepancies"
LINE = "discrepancy"
DISCREPANCY = PATH + "/{discrepancy_id:str}"

RESOLUTION, APPROVAL = Body(ResolutionRequest), Body(ApprovalRequest)
LINES, ALL, NONE = Query(DiscrepanciesQuery), Query(AllDiscrepanciesQuery), Query(NoQuery)


@get(
    ONE + "/discrepancies",
    opt=Operation(
        tag=TAG,
        answers={200: ("A page of discrepancies.", DiscrepancyPage)},
        query=DiscrepanciesQuery,
        missing=RUN,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def list_discrepancies(
    request: ApiRequest, reconciliation_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """List what differs, in the order in which it was found."""
    wanted = LINES.read(request)
    run = await run_of(app, reconciliation_id)
    page = await app.resolve_discrepancy.page(
        run.id, status=wanted.status or None, limit=wanted.limit, cursor=wanted.cursor or None
    )
    return shown(page_view(page, partial(_view, app)))


@get(
    PATH,
    opt=Operation(
        tag=TAG,
        answers={200: ("A page of discrepancies.", DiscrepancyPage)},
        query=AllDiscrepanciesQuery,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def list_all_discrepancies(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List what differs on any day, oldest first: with `status=open`, what waits for persons."""
    wanted = ALL.read(request)
    page = await app.resolve_discrepancy.page(
        None,
        account=wanted.account or None,
        status=wanted.status or None,
        limit=wanted.limit,
        cursor=wanted.cursor or None,
    )
    return shown(page_view(page, partial(_view, app)))


@get(
    DISCREPANCY,
    opt=Operation(
        tag=TAG,
        answers={200: ("The discrepancy.", Discrepancy)},
        missing=LINE,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def get_discrepancy(
    request: ApiRequest, discrepancy_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Read one discrepancy and everything that was done about it."""
    NONE.read(request)
    id = known_id(discrepancy_id, "dis", LINE)
    return shown(_view(app, await app.resolve_discrepancy.get(id)))


@post(
    DISCREPANCY + "/resolve",
    status_code=200,
    opt=Operation(
        tag=TAG,
        answers={200: ("The discrepancy as it stands now.", Discrepancy)},
        problems=(DiscrepancyResolved, MoneyDiffers, ApprovalAwaited, NotRepaired),
        missing=LINE,
        body=ResolutionRequest,
        example={"resolution": "repair", "reason": "The callback was lost in our outage."},
        audience=Audience.OPERATORS,
    ).opt(),
)
async def resolve_discrepancy(
    request: ApiRequest, discrepancy_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Settle a discrepancy: `repair` asks the provider, `accept` takes it, `note` explains it.

    Accepting a difference in money waits for a second person's approval. Nothing is overwritten:
    an order learns from the provider's own answer or not at all.
    """
    NONE.read(request)
    id = known_id(discrepancy_id, "dis", LINE)
    asked = await RESOLUTION.read(request)
    settled = await app.resolve_discrepancy(
        id, asked.resolution, by=request.user.name, why=asked.reason
    )
    return shown(_view(app, settled))


@post(
    DISCREPANCY + "/approve",
    status_code=200,
    opt=Operation(
        tag=TAG,
        answers={200: ("The discrepancy as it stands now.", Discrepancy)},
        problems=(NothingToApprove, SecondPersonNeeded),
        missing=LINE,
        body=ApprovalRequest,
        example={"reason": "Checked with the bank statement."},
        audience=Audience.OPERATORS,
    ).opt(),
)
async def approve_discrepancy(
    request: ApiRequest, discrepancy_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Agree to what another person accepted."""
    NONE.read(request)
    id = known_id(discrepancy_id, "dis", LINE)
    asked = await APPROVAL.read(request)
    settled = await app.resolve_discrepancy.approve(id, by=request.user.name, why=asked.reason)
    return shown(_view(app, settled))


def _view(app: App, discrepancy: Found) -> View:
    return discrepancy_view(discrepancy, app.resolve_discrepancy.age(discrepancy))


ROUTES = [
    list_discrepancies,
    list_all_discrepancies,
    get_discrepancy,
    resolve_discrepancy,
    approve_discrepancy,
]
