"""The routes of payments."""

from litestar import Response, get, post
from litestar.params import FromPath

from adapters.http.answers import answered, known_id, shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery, OneQuery, PaymentsQuery, page_view, wanted
from adapters.http.reading import ApiRequest, Body, Query, idempotency_key
from adapters.http.requests import Nothing, PaymentRequest, new_payment
from adapters.http.schemas import Payment, PaymentPage
from adapters.http.wiring import TheApp
from application.views import payment_view
from domain import errors

PATH = "/v1/payments"

NEW, NO_FIELDS = Body(PaymentRequest), Body(Nothing)
LIST, ONE, NONE = Query(PaymentsQuery), Query(OneQuery), Query(NoQuery)

EXAMPLE = {
    "order_no": "SO-1001",
    "amount": 1999,
    "subject": "Two cups of tea",
    "method": "wechat_native",
    "metadata": {"table": "7"},
}


@post(
    PATH,
    opt=Operation(
        tag="payments",
        answers={
            200: ("The same order again: its open payment.", Payment),
            201: ("Created; `failed` if the provider refused it.", Payment),
            202: ("The provider's answer is not known yet; ask at `Location`.", Payment),
        },
        problems=(
            errors.AccountRequired,
            errors.MethodNotOffered,
            errors.OrderAlreadyPaid,
            errors.PaymentInProgress,
        ),
        body=PaymentRequest,
        example=EXAMPLE,
        keyed=True,
        audience=Audience.APPS,
    ).opt(),
)
async def create_payment(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Take a payment.

    Answers with the action that lets the payer pay. An open payment of the same `order_no` is
    returned if nothing differs, otherwise it is superseded.
    """
    NONE.read(request)
    asked = await NEW.read(request)
    key = idempotency_key(request, route=f"POST {PATH}", wanted=asked)
    answer = await app.create_payment(new_payment(asked, app=request.user.name), key)
    return answered(answer, at=PATH)


@get(
    PATH,
    opt=Operation(
        tag="payments", answers={200: ("A page of payments.", PaymentPage)}, query=PaymentsQuery
    ).opt(),
)
async def list_payments(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """List payments, newest first."""
    page = await app.library.payments(wanted(LIST.read(request), request.user))
    return shown(page_view(page, payment_view))


@get(
    PATH + "/{payment_id:str}",
    opt=Operation(
        tag="payments",
        answers={200: ("The payment.", Payment)},
        missing="payment",
        query=OneQuery,
    ).opt(),
)
async def get_payment(
    request: ApiRequest, payment_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Read one payment, asking the provider first if wanted."""
    refresh = ONE.read(request).refresh
    id = known_id(payment_id, "pay", "payment")
    return shown(payment_view(await app.get_payment(request.user, id, refresh=refresh)))


@post(
    PATH + "/{payment_id:str}/close",
    status_code=200,
    opt=Operation(
        tag="payments",
        answers={
            200: ("Not open any more.", Payment),
            202: ("The provider can't confirm yet: `closing` is true.", Payment),
        },
        problems=(errors.PaymentAlreadySucceeded,),
        missing="payment",
        audience=Audience.APPS,
    ).opt(),
)
async def close_payment(
    request: ApiRequest, payment_id: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Close a payment: at the provider, then here. Repeating it is harmless."""
    NONE.read(request)
    if body := await request.body():
        NO_FIELDS.decode(body)
    payment = await app.close_payment(request.user, known_id(payment_id, "pay", "payment"))
    return shown(payment_view(payment), status=202 if payment.open else 200)


ROUTES = [create_payment, list_payments, get_payment, close_payment]
