"""The browsable API at /schema, and its events: nothing is loaded from elsewhere."""

from functools import cache
from importlib.metadata import files
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from adapters.http.asyncapi import MEDIA_TYPE, asyncapi
from adapters.http.describe import AUDIENCE, Audience

OPEN = {AUDIENCE: Audience.ANYONE}

#: What the page loads, by name, and as what. The start script is ours.
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>basepay API</title>
<link rel="icon" type="image/png" href="/schema/favicon-32x32.png">
<link rel="stylesheet" href="/schema/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/schema/swagger-ui-bundle.js"></script>
<script src="/schema/start.js"></script>
</body>
</html>
"""
START = """const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark-mode", dark);
SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: true,
  validatorUrl: null
});
"""

#: The browser itself refuses whatever would leave this host.
POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"
    )
}


@get("/", status_code=302, opt=OPEN)
async def enter() -> Redirect:
    """Lead whoever opens the bare address to the API."""
    return Redirect("/schema")


@get("/schema", opt=OPEN)
async def browse() -> Response[str]:
    """Show the API for people."""
    return Response(PAGE, media_type="text/html", headers=POLICY)


@get("/schema/asyncapi.json", opt=OPEN)
async def tell_events() -> Response[bytes]:
    """Tell the events to machines."""
    return Response(_spelled(), media_type=MEDIA_TYPE)


@get("/schema/{name:str}", opt=OPEN)
async def browse_asset(name: FromPath[str]) -> Response[bytes]:
    """Serve what the page loads."""
    if name == "start.js":
        return Response(START.encode(), media_type="text/javascript")
    if name not in ASSETS:
        raise NotFoundException
    headers = {"Cache-Control": "max-age=86400"}
    return Response(_asset(name), media_type=ASSETS[name], headers=headers)


ROUTES = [enter, browse, tell_events, browse_asset]


@cache
def _spelled() -> bytes:
    return msgspec.json.encode(asyncapi())


@cache
def _asset(name: str) -> bytes:
    for file in files("flask-swagger-ui") or ():
        if file.name == name:
            return Path(str(file.locate())).read_bytes()
    raise FileNotFoundError(name)
