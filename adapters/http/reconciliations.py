"""The routes of reconciliation: for operators, who hold a day against its bill and settle it."""

from datetime import date
from functools import partial

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import known_id, sent_file, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, page_view
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.reconciliation_schemas import (
    AllDiscrepanciesQuery,
    ApprovalRequest,
    DiscrepanciesQuery,
    Discrepancy,
    DiscrepancyPage,
    Reconciliation,
    ReconciliationPage,
    ReconciliationRequest,
    ReconciliationsQuery,
    ResolutionRequest,
)
from adapters.http.wiring import TheApp
from application.app import App
from application.reconciliation_views import discrepancy_view, run_view
from application.views import View
from domain.discrepancy import Discrepancy as Found
from domain.errors import (
    ApprovalAwaited,
    DiscrepancyResolved,
    FieldError,
    InvalidRequest,
    MoneyDiffers,
    NothingToApprove,
    NotRepaired,
    ReconciliationNotFinished,
    SecondPersonNeeded,
)

PATH = "/v1/reconciliations"
ONE = PATH + "/{reconciliation_id:str}"
DISCREPANCY = "/v1/discrepancies/{discrepancy_id:str}"
TAG, RUN, LINE = "reconciliation", "reconciliation", "discrepancy"

CSV, SVG = "text/csv", "image/svg+xml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

NEW, RESOLUTION, APPROVAL = (
    Body(ReconciliationRequest),
    Body(ResolutionRequest),
    Body(ApprovalRequest),
)
RUNS, LINES, NONE = Query(ReconciliationsQuery), Query(DiscrepanciesQuery), Query(NoQuery)
ALL = Query(AllDiscrepanciesQuery)


@post(
    PATH,
    status_code=202,
    opt=Operation(
        tag=TAG,
        answers={202: ("Asked for; read it again to see how far it is.", Reconciliation)},
        body=ReconciliationRequest,
        example={"account": "wechat-main", "day": "2026-11-25"},
        audience=Audience.OPERATORS,
    ).opt(),
)
async def start_reconciliation(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Hold an account's day against its bill, again if it was; a worker does it.

    What persons settled stays settled.
    """
    NONE.read(request)
    asked = await NEW.read(request)
    run = await app.reconcile.start(asked.account, _day(asked.day), by=request.user.name)
    return shown(run_view(run), status=202)


@get(
    PATH,
    opt=Operation(
        tag=TAG,
        answers={200: ("A page of runs.", ReconciliationPage)},
        query=ReconciliationsQuery,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def list_reconciliations(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List runs, newest day first."""
    wanted = RUNS.read(request)
    page = await app.reconcile.page(
        account=wanted.account or None, limit=wanted.limit, cursor=wanted.cursor or None
    )
    return shown(page_view(page, run_view))


@get(
    ONE,
    opt=Operation(
        tag=TAG,
        answers={200: ("The run.", Reconciliation)},
        missing=RUN,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def get_reconciliation(
    request: ApiRequest, reconciliation_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Read one run; its report is there once it is finished."""
    NONE.read(request)
    return shown(run_view(await app.reconcile.get(_run_id(reconciliation_id))))


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
    run = await app.reconcile.get(_run_id(reconciliation_id))
    page = await app.resolve_discrepancy.page(
        run.id, status=wanted.status or None, limit=wanted.limit, cursor=wanted.cursor or None
    )
    return shown(page_view(page, partial(_view, app)))


@get(
    ONE + "/discrepancies.csv",
    opt=Operation(
        tag=TAG,
        file=(CSV, "All of them, amounts in yuan, times of Shanghai."),
        missing=RUN,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def export_csv(
    request: ApiRequest, reconciliation_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Export what differs for a spreadsheet, as CSV."""
    NONE.read(request)
    run = await app.reconcile.get(_run_id(reconciliation_id))
    content = await app.export_reconciliation.csv(run)
    return sent_file(content, media=CSV, name=f"{run.account}-{run.day}.csv")


@get(
    ONE + "/report.xlsx",
    opt=Operation(
        tag=TAG,
        file=(XLSX, "A workbook: the summary, and every discrepancy."),
        problems=(ReconciliationNotFinished,),
        missing=RUN,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def export_workbook(
    request: ApiRequest, reconciliation_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Export a finished run as an Excel workbook."""
    NONE.read(request)
    run = await app.reconcile.get(_run_id(reconciliation_id))
    content = await app.export_reconciliation.workbook(run)
    return sent_file(content, media=XLSX, name=f"{run.account}-{run.day}.xlsx")


@get(
    ONE + "/month.svg",
    opt=Operation(
        tag=TAG,
        file=(SVG, "Thirty bars."),
        missing=RUN,
        audience=Audience.OPERATORS,
    ).opt(),
)
async def draw_month(
    request: ApiRequest, reconciliation_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Draw the account's thirty days up to this run's: the net sums, and what is open."""
    NONE.read(request)
    run = await app.reconcile.get(_run_id(reconciliation_id))
    return Response(await app.export_reconciliation.month(run), media_type=SVG)


@get(
    "/v1/discrepancies",
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


def _run_id(id: str) -> str:
    return known_id(id, "rec", RUN)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(FieldError("day", "a day that exists, `YYYY-MM-DD`")) from None


ROUTES = [
    start_reconciliation,
    list_reconciliations,
    get_reconciliation,
    list_discrepancies,
    list_all_discrepancies,
    export_csv,
    export_workbook,
    draw_month,
    get_discrepancy,
    resolve_discrepancy,
    approve_discrepancy,
]
