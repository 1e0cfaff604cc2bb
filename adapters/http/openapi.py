"""The OpenAPI 3.1 document, told from the routes themselves."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from adapters.http.describe import OPERATION, Audience, Operation
from adapters.http.errors import (
    ANSWERS,
    MEDIA_TYPE,
    AppKeyRequired,
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    MalformedJson,
    OperatorKeyRequired,
    Unauthenticated,
    UnsupportedMediaType,
)
from adapters.http.examples import EXAMPLES
from adapters.http.schemas import Problem
from application.ports import LostUpdate, Unavailable
from domain.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidRequest, NotFound

Json = dict[str, Any]  # a JSON object, of whatever OpenAPI wants in it

REF = "#/components/schemas/{name}"

INFO: Json = {
    "title": "basepay",
    "version": "1",
    "summary": "Payments and refunds over WeChat Pay and Alipay.",
    "description": (
        "Amounts are integers in fen, times are RFC 3339 with offset, ids sort by time. "
        "Unknown fields and parameters are refused. Errors are `application/problem+json` with a "
        "stable `code`; quote `request_id` when you ask about one. "
        "A status is `created` until the provider has proven another; 202 means: ask again later."
    ),
}
TAGS = {
    "payments": "Take money.",
    "refunds": "Give it back.",
    "events": "What was published about payments and refunds.",
    "webhooks": "Have events sent to you, and see what was.",
    "wechat": "Who pays in WeChat, and how a page there is configured.",
    "reconciliation": "Hold a day against the provider's bill, and settle what differs.",
    "incidents": "What operators must look at.",
    "test switches": "What can be turned on and off in dev and test; absent in production.",
    "health": "For load balancers.",
}
#: A route refuses these whatever it is about.
EVERYWHERE: tuple[type[Exception], ...] = (Unauthenticated, InvalidRequest, Unavailable)
BODIED: tuple[type[Exception], ...] = (MalformedJson, UnsupportedMediaType)
KEYED: tuple[type[Exception], ...] = (
    IdempotencyKeyRequired,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    IdempotencyInProgress,
)
SCOPES: dict[Audience, tuple[type[Exception], ...]] = {
    Audience.APPS: (AppKeyRequired,),
    Audience.OPERATORS: (OperatorKeyRequired,),
}
KEY_PARAMETER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "One key, one execution: a repetition gets the first answer, byte for byte.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    "example": "7f0c3d1e-5a52-4d0e-9d0b-8f6f1f0c2a11",
}
HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "Yours if you sent one.", "schema": {"type": "string"}},
    "Location": {"description": "Where the order is read.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` if this answer was given before.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
}


def document(routes: Iterable[HTTPRouteHandler]) -> Json:
    """The whole document; routes without a description stay out."""
    described = [(route, route.opt[OPERATION]) for route in routes if OPERATION in route.opt]
    components = _components([operation for _, operation in described])
    queries = {operation.query.__name__ for _, operation in described}
    paths: dict[str, Json] = {}
    for route, operation in described:
        for path in route.paths:
            spelled = path.replace(":str}", "}")
            entry = paths.setdefault(spelled, {})
            for method in route.http_methods:
                entry[method.lower()] = _operation(route, operation, spelled, components)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "headers": HEADERS,
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An app's or operator's API key.",
                }
            },
        },
    }


def _components(operations: Iterable[Operation]) -> dict[str, Json]:
    """Every kind by its name, with the examples there are; queries too, to be taken apart."""
    kinds = {kind for each in operations for kind in _kinds(each)} | {Problem}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF
    )
    for kind, example in EXAMPLES.items():
        schemas[kind.__name__]["examples"] = [example]
    return dict(sorted(schemas.items()))


def _kinds(operation: Operation) -> Iterable[type[msgspec.Struct]]:
    yield from (kind for _, kind in operation.answers.values())
    yield operation.query
    if operation.body is not None:
        yield operation.body


def _operation(
    route: HTTPRouteHandler, operation: Operation, path: str, components: Mapping[str, Json]
) -> Json:
    summary, _, description = cleandoc(route.fn.__doc__ or "").partition("\n\n")
    described: Json = {
        "operationId": route.handler_name,
        "tags": [operation.tag],
        "summary": summary.rstrip(".").replace("`", ""),  # no page reads Markdown there
        "description": description or summary,
        "parameters": [
            *_path_parameters(path),
            *_query_parameters(components[operation.query.__name__]),
            *([KEY_PARAMETER] if operation.keyed else []),
        ],
        "responses": {**_answers(operation), **_problems(_refusals(route, operation), operation)},
    }
    if operation.body is not None:
        content = {"schema": _ref(operation.body), "example": operation.example}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if operation.audience is Audience.ANYONE:
        described["security"] = []
    return described


def _path_parameters(path: str) -> list[Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _query_parameters(schema: Json) -> list[Json]:
    parameters = []
    for name, field in schema.get("properties", {}).items():
        parameter: Json = {"name": name, "in": "query", "schema": field}
        if "description" in field:
            parameter["description"] = field["description"]
        parameters.append(parameter)
    return parameters


def _answers(operation: Operation) -> dict[str, Json]:
    answers: dict[str, Json] = {}
    for status, (description, kind) in operation.answers.items():
        headers = ["X-Request-Id"]
        if operation.keyed:
            headers += ["Idempotent-Replayed"] + (["Location"] if status != 200 else [])
        answers[str(status)] = {
            "description": description,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
            "content": {"application/json": {"schema": _ref(kind)}},
        }
    if operation.file is not None:
        media, description = operation.file
        answers["200"] = {
            "description": description,
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
            "content": {media: {"schema": {"type": "string", "format": "binary"}}},
        }
    return answers


def _refusals(route: HTTPRouteHandler, operation: Operation) -> Sequence[type[Exception]]:
    if operation.audience is Audience.ANYONE:
        return ()
    return (
        *EVERYWHERE,
        *SCOPES.get(operation.audience, ()),
        *(BODIED if operation.body else ()),
        *(KEYED if operation.keyed else ()),
        *((NotFound,) if operation.missing else ()),
        *((LostUpdate,) if "POST" in route.http_methods else ()),
        *operation.problems,
    )


def _problems(refusals: Sequence[type[Exception]], operation: Operation) -> dict[str, Json]:
    codes: dict[int, list[str]] = {}
    for kind in refusals:
        status, code = ANSWERS[kind]
        codes.setdefault(status, []).append(code.format(kind=operation.missing))
    if refusals:
        codes[500] = ["internal_error"]
    if operation.body is not None:
        codes[413] = ["body_too_large"]
    return {str(status): _problem(status, codes[status]) for status in sorted(codes)}


def _problem(status: int, codes: Sequence[str]) -> Json:
    example = {
        "type": f"urn:basepay:problem:{codes[0]}",
        "title": codes[0].replace("_", " ").capitalize(),
        "status": status,
        "detail": "A sentence that says what to do.",
        "code": codes[0],
        "errors": [],
        "request_id": "4c5d8a1be1a94b0d8e0f",
        "instance": "/v1/payments",
    }
    return {
        "description": f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{code}`" for code in codes),
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-Id", *(("Retry-After",) if status in (409, 503) else ()))
        },
        "content": {MEDIA_TYPE: {"schema": _ref(Problem), "example": example}},
    }


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": REF.format(name=kind.__name__)}
