"""The routes of refunds."""

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import answered, known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, OneQuery, RefundsQuery, page_view, wanted
from adapters.http.reading import ApiRequest, Body, Query, idempotency_key
from adapters.http.requests import RefundRequest, new_refund
from adapters.http.schemas import Refund, RefundPage
from adapters.http.wiring import TheApp
from application.views import refund_view
from domain import errors

PATH = "/v1/refunds"

NEW = Body(RefundRequest)
LIST, ONE, NONE = Query(RefundsQuery), Query(OneQuery), Query(NoQuery)

EXAMPLE = {
    "payment_id": "pay_01JD8Z6W8RC0VD2P6V2T9WQ4XN",
    "refund_no": "RO-1001-1",
    "amount": 500,
    "reason": "One cup was cold",
}


@post(
    PATH,
    opt=Operation(
        tag="refunds",
        answers={
            200: ("The same refund again.", Refund),
            201: ("The provider accepted it; `failed` if it refused.", Refund),
            202: ("Queued, or the provider's answer is not known yet.", Refund),
        },
        problems=(
            errors.PaymentNotSucceeded,
            errors.RefundExceedsPayment,
            errors.RefundNoReused,
            errors.RefundLimitReached,
            errors.RefundWindowClosed,
        ),
        missing="payment",
        body=RefundRequest,
        example=EXAMPLE,
        keyed=True,
        audience=Audience.APPS,
    ).opt(),
)
async def create_refund(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Give money back, in part or in full.

    The amount is reserved at once, so that racing refunds can't exceed what was paid. The same
    `refund_no` and content under a new key tries a refused refund again.
    """
    NONE.read(request)
    asked = await NEW.read(request)
    key = idempotency_key(request, route=f"POST {PATH}", wanted=asked)
    answer = await app.create_refund(new_refund(asked, app=request.user.name), key)
    return answered(answer, at=PATH)


@get(
    PATH,
    opt=Operation(
        tag="refunds", answers={200: ("A page of refunds.", RefundPage)}, query=RefundsQuery
    ).opt(),
)
async def list_refunds(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List refunds, newest first; `method` is the payment's."""
    page = await app.library.refunds(wanted(LIST.read(request), request.user))
    return shown(page_view(page, refund_view))


@get(
    PATH + "/{refund_id:str}",
    opt=Operation(
        tag="refunds", answers={200: ("The refund.", Refund)}, missing="refund", query=OneQuery
    ).opt(),
)
async def get_refund(request: ApiRequest, refund_id: FromPath[str], app: TheApp) -> Response[bytes]:
    """Read one refund, asking the provider first if wanted."""
    refresh = ONE.read(request).refresh
    id = known_id(refund_id, "ref", "refund")
    return shown(refund_view(await app.get_refund(request.user, id, refresh=refresh)))


ROUTES = [create_refund, list_refunds, get_refund]
