"""The gateway's routes: providers' messages, byte for byte, to the use case and its reply back."""

from collections.abc import Mapping

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.params import FromPath

from adapters.http.describe import AUDIENCE, Audience
from adapters.http.wiring import TheApp
from domain.method import Provider

#: Providers prove themselves by their signature, which the use case verifies.
OPEN = {AUDIENCE: Audience.ANYONE}

#: Bytes. A callback is some 2 KiB; a forged megabyte would cost ten times a forged callback.
MAX_CALLBACK_BYTES = 64 << 10

GatewayRequest = Request[None, None, State]


@post("/callbacks/wechat/{account:str}", opt=OPEN, request_max_body_size=MAX_CALLBACK_BYTES)
async def wechat_callback(
    request: GatewayRequest, account: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Take what WeChat Pay says about a payment or refund."""
    return await _receive(request, Provider.WECHAT, account, app)


@post("/callbacks/alipay/{account:str}", opt=OPEN, request_max_body_size=MAX_CALLBACK_BYTES)
async def alipay_callback(
    request: GatewayRequest, account: FromPath[str], app: TheApp
) -> Response[bytes]:
    """Take what Alipay says about a payment."""
    return await _receive(request, Provider.ALIPAY, account, app)


ROUTES = [wechat_callback, alipay_callback]


async def _receive(
    request: GatewayRequest, provider: Provider, account: str, app: TheApp
) -> Response[bytes]:
    body = await request.body()
    reply = await app.receive_callback(provider, account, _headers(request), body)
    return Response(reply.body, status_code=reply.status, media_type=reply.media_type)


def _headers(request: GatewayRequest) -> Mapping[str, str]:
    """Names in lower case; a header sent twice is joined, so that no half of it can verify."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
