"""The routes of the 1-fen switch; in production they do not exist."""

from typing import Annotated

from litestar import Response, get, put
from msgspec import Meta, Struct

from adapters.http.answers import shown
from adapters.http.describe import Audience, Operation
from adapters.http.lists import NoQuery
from adapters.http.reading import ApiRequest, Body, Query
from adapters.http.schemas import Switch
from adapters.http.wiring import TheApp

PATH = "/v1/test-switches/one-fen"


class SwitchRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """What the switch should be."""

    on: Annotated[bool, Meta(description="`true` or `false`")]


WANTED, NONE = Body(SwitchRequest), Query(NoQuery)


@get(
    PATH,
    opt=Operation(
        tag="test switches",
        answers={200: ("How the switch stands.", Switch)},
        audience=Audience.OPERATORS,
    ).opt(),
)
async def read_one_fen(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Tell whether new payments charge 1 fen. Only in dev and test."""
    NONE.read(request)
    return shown({"on": await app.one_fen.is_on()})


@put(
    PATH,
    opt=Operation(
        tag="test switches",
        answers={200: ("How the switch stands now.", Switch)},
        body=SwitchRequest,
        example={"on": True},
        audience=Audience.OPERATORS,
    ).opt(),
)
async def turn_one_fen(request: ApiRequest, app: TheApp) -> Response[bytes]:
    """Let new payments charge 1 fen instead of their amount, or their amount again.

    Payments made before keep what they charge. If the configuration turns the switch on for the
    whole deployment, it stays on.
    """
    NONE.read(request)
    wanted = await WANTED.read(request)
    return shown({"on": await app.one_fen.turn(request.user, on=wanted.on)})


ROUTES = [read_one_fen, turn_one_fen]
