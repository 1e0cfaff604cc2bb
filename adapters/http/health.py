"""Whether the process lives and can work; for load balancers, without a key."""

from litestar import Response, get

from adapters.http.answers import shown
from adapters.http.describe import Audience, Operation
from adapters.http.schemas import Health, Readiness
from adapters.http.wiring import TheApp
from application.views import View


@get(
    "/healthz",
    opt=Operation(
        tag="health", answers={200: ("It lives.", Health)}, audience=Audience.ANYONE
    ).opt(),
)
async def healthz() -> Response[bytes]:
    """Tell that the process answers."""
    return shown({"status": "ok"})


@get(
    "/readyz",
    opt=Operation(
        tag="health",
        answers={
            200: ("Everything we depend on answers.", Readiness),
            503: ("Something does not; `checks` tells what.", Readiness),
        },
        audience=Audience.ANYONE,
    ).opt(),
)
async def readyz(app: TheApp) -> Response[bytes]:
    """Tell whether everything we depend on answers."""
    checks = await app.ready()
    ready = all(state == "ok" for state in checks.values())
    view: View = {"status": "ok" if ready else "unavailable", "checks": dict(checks)}
    return shown(view, status=200 if ready else 503)


ROUTES = [healthz, readyz]
