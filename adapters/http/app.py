"""Puts the routes of the wanted roles together into one Litestar application."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from litestar import Litestar, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler

from adapters.http import (
    browse,
    callbacks,
    discrepancies,
    domain_proof,
    events,
    health,
    one_fen,
    payments,
    reconciliations,
    refunds,
    webhooks,
    wechat,
    wechat_login,
)
from adapters.http.auth import Authentication
from adapters.http.errors import HANDLERS
from adapters.http.openapi import document
from adapters.http.watch import Watch
from adapters.http.wiring import provide
from application.app import App

Role = Literal["api", "gateway"]

#: Bytes. A payment with all its metadata is some 100 KiB.
MAX_BODY_BYTES = 1 << 20

API_ROUTES = [
    *payments.ROUTES,
    *refunds.ROUTES,
    *events.ROUTES,
    *webhooks.ROUTES,
    *wechat.ROUTES,
    *reconciliations.ROUTES,
    *discrepancies.ROUTES,
]


def create_http(
    app: App, *, roles: Sequence[Role] = ("api", "gateway"), test_switches: bool = False
) -> Litestar:
    """Serve the apps' API, the providers' callbacks, or both; health in any case.

    `test_switches`: in dev and test; in production these routes do not exist.
    """
    handlers: list[ControllerRouterHandler] = [*health.ROUTES]
    if "api" in roles:
        api = [*API_ROUTES, *(one_fen.ROUTES if test_switches else ())]
        handlers += [*api, *wechat_login.ROUTES, *browse.ROUTES, _openapi([*api, *health.ROUTES])]
    if "gateway" in roles:
        handlers += [*callbacks.ROUTES, *domain_proof.ROUTES]
    http = Litestar(
        route_handlers=handlers,
        dependencies=provide(app),
        before_request=Authentication(app.directory),
        exception_handlers=HANDLERS,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    http.asgi_handler = Watch(http.asgi_handler)
    return http


def _openapi(routes: Sequence[HTTPRouteHandler]) -> HTTPRouteHandler:
    spelled: list[bytes] = []  # when it is first asked for

    @get("/schema/openapi.json", opt=browse.OPEN)
    async def openapi() -> Response[bytes]:
        """Tell the API to machines."""
        if not spelled:
            spelled.append(msgspec.json.encode(document(routes)))
        return Response(spelled[0], media_type="application/vnd.oai.openapi+json")

    return openapi
