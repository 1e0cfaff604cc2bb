"""The routes of reconciliation: for operators, who hold a day against its bill."""

from datetime import date

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import known_id, sent_file, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, page_view
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.reconciliation_schemas import (
    Reconciliation,
    ReconciliationPage,
    ReconciliationRequest,
    ReconciliationsQuery,
)
from adapters.http.wiring import TheApp
from application.app import App
from application.reconciliation_records import Run
from application.reconciliation_views import run_view
from domain.errors import (
    FieldError,
    InvalidRequest,
    ReconciliationNotFinished,
)

PATH = "/v1/reconciliations"
ONE = PATH + "/{reconciliation_id:str}"
TAG, RUN = "reconciliation", "reconciliation"

CSV, SVG = "text/csv", "image/svg+xml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

NEW, RUNS, NONE = Body(ReconciliationRequest), Query(ReconciliationsQuery), Query(NoQuery)


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
    return shown(run_view(await run_of(app, reconciliation_id)))


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
    run = await run_of(app, reconciliation_id)
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
    run = await run_of(app, reconciliation_id)
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
    run = await run_of(app, reconciliation_id)
    return Response(await app.export_reconciliation.month(run), media_type=SVG)


async def run_of(app: App, id: str) -> Run:
    """The run of this id. Raises NotFound."""
    return await app.reconcile.get(known_id(id, "rec", RUN))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(FieldError("day", "a day that exists, `YYYY-MM-DD`")) from None


ROUTES = [
    start_reconciliation,
    list_reconciliations,
    get_reconciliation,
    export_csv,
    export_workbook,
    draw_month,
]
