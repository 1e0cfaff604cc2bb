"""One table from what went wrong to the answer: RFC 9457 problems with stable codes."""

import logging
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from adapters.http.watch import request_id_of
from application.official_account_ports import (
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from application.ports import AlreadyExists, LostUpdate, Unavailable
from application.webhook_ports import WebhooksNotConfigured
from domain import errors as domain

log = logging.getLogger("basepay.http")

MEDIA_TYPE = "application/problem+json"


class Unauthenticated(Exception):
    """No API key, or none that lives."""


class AppKeyRequired(Exception):
    """Operators read; only apps move money."""


class OperatorKeyRequired(Exception):
    """Only operators see this."""


class MalformedJson(Exception):
    """The body is not JSON."""


class UnsupportedMediaType(Exception):
    """The body is something else than JSON."""


class IdempotencyKeyRequired(Exception):
    """The header is missing."""


class IdempotencyKeyInvalid(Exception):
    """The header came twice, or is not 1 to 255 visible ASCII characters."""


#: Each error's status and code; braces are filled with the error's own facts.
ANSWERS: dict[type[Exception], tuple[int, str]] = {
    Unauthenticated: (401, "api_key_invalid"),
    AppKeyRequired: (403, "app_key_required"),
    OperatorKeyRequired: (403, "operator_key_required"),
    MalformedJson: (400, "malformed_json"),
    UnsupportedMediaType: (415, "unsupported_media_type"),
    IdempotencyKeyRequired: (400, "idempotency_key_required"),
    IdempotencyKeyInvalid: (400, "idempotency_key_invalid"),
    domain.InvalidRequest: (422, "invalid_request"),
    domain.AccountRequired: (422, "account_required"),
    domain.MethodNotOffered: (422, "method_not_offered"),
    domain.NotFound: (404, "{kind}_not_found"),
    domain.OrderAlreadyPaid: (409, "order_already_paid"),
    domain.PaymentInProgress: (409, "payment_in_progress"),
    domain.PaymentAlreadySucceeded: (409, "payment_already_succeeded"),
    domain.PaymentNotSucceeded: (409, "payment_not_succeeded"),
    domain.RefundExceedsPayment: (409, "refund_exceeds_payment"),
    domain.RefundNoReused: (409, "refund_no_reused"),
    domain.RefundLimitReached: (409, "refund_limit_reached"),
    domain.RefundWindowClosed: (409, "refund_window_closed"),
    domain.WebhookLimitReached: (409, "webhook_limit_reached"),
    domain.DiscrepancyResolved: (409, "discrepancy_resolved"),
    domain.MoneyDiffers: (409, "money_differs"),
    domain.ApprovalAwaited: (409, "approval_awaited"),
    domain.NothingToApprove: (409, "nothing_to_approve"),
    domain.SecondPersonNeeded: (409, "second_person_needed"),
    domain.NotRepaired: (409, "not_repaired"),
    domain.ReconciliationNotFinished: (409, "reconciliation_not_finished"),
    domain.IdempotencyKeyReused: (422, "idempotency_key_reused"),
    domain.IdempotencyInProgress: (409, "idempotency_in_progress"),
    LostUpdate: (409, "changed_meanwhile"),
    AlreadyExists: (409, "changed_meanwhile"),
    Unavailable: (503, "unavailable"),
    WeChatCodeInvalid: (422, "wechat_code_invalid"),
    WeChatPayerRefused: (422, "wechat_payer_refused"),
    WeChatMisconfigured: (502, "wechat_misconfigured"),
    WeChatUnavailable: (503, "wechat_unavailable"),
    WebhooksNotConfigured: (409, "webhooks_not_configured"),
}

#: What to do, for errors whose own words are not meant for callers.
SENTENCES: dict[type[Exception], str] = {
    Unauthenticated: "Send a live API key as `Authorization: Bearer <api key>`.",
    AppKeyRequired: "Operators read everything; use an app's key to create or close.",
    OperatorKeyRequired: "This needs an operator's key.",
    MalformedJson: "The body is not valid JSON in UTF-8.",
    UnsupportedMediaType: "Send the body as `Content-Type: application/json`.",
    IdempotencyKeyRequired: "Send an `Idempotency-Key` header; repeat it when you repeat this.",
    IdempotencyKeyInvalid: "Send one `Idempotency-Key` of 1 to 255 visible ASCII characters.",
    LostUpdate: "Somebody else changed it at the same moment; repeat the request.",
    AlreadyExists: "Somebody else changed it at the same moment; repeat the request.",
    WebhooksNotConfigured: "Operators must set `webhooks.seal_key`; `/v1/events` tells the same.",
    Unavailable: "Repeat the request later, a POST with the same Idempotency-Key.",
}

#: Headers that an answer needs besides `Retry-After`.
HEADERS: dict[type[Exception], dict[str, str]] = {
    Unauthenticated: {"WWW-Authenticate": 'Bearer realm="basepay"'},
}

#: Seconds, for errors that do not say themselves when to come back.
RETRY_AFTER: dict[type[Exception], int] = {LostUpdate: 1, AlreadyExists: 1, Unavailable: 5}

#: Facts that a program can act on.
FACTS = ("payment_id", "refund_id")

#: What the framework refuses before a route is reached.
FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method; `Allow` names those."),
    413: ("body_too_large", "The body is larger than 1 MiB."),
}

AnyRequest = Request[object, object, object]  # type: ignore[type-var]  # any state will do


def answer_known(request: AnyRequest, error: Exception) -> Response[bytes]:
    """An error of the table."""
    kind = next(each for each in type(error).__mro__ if each in ANSWERS)
    status, code = ANSWERS[kind]
    if status == 503:
        log.warning("request_id=%s %s", request_id_of(request.scope), error)
    headers = dict(HEADERS.get(kind, {}))
    seconds = getattr(error, "retry_after_seconds", RETRY_AFTER.get(kind))
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    return problem(
        request,
        status,
        code.format_map(vars(error)),
        SENTENCES.get(kind) or str(error),
        errors=error.errors if isinstance(error, domain.InvalidRequest) else (),
        facts={name: getattr(error, name) for name in FACTS if hasattr(error, name)},
        headers=headers,
    )


def answer_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses."""
    if error.status_code not in FRAMEWORK:
        log.warning("request_id=%s %s", request_id_of(request.scope), error.detail)
        return _internal_error(request)
    code, sentence = FRAMEWORK[error.status_code]
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else {}
    return problem(request, error.status_code, code, sentence, headers=headers)


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The last resort: we are wrong. The log has the traceback, the caller the request id."""
    log.error("request_id=%s failed", request_id_of(request.scope), exc_info=error)
    return _internal_error(request)


HANDLERS: ExceptionHandlersMap = {
    **dict.fromkeys(ANSWERS, answer_known),
    HTTPException: answer_framework,
    Exception: answer_unexpected,
}


def problem(
    request: AnyRequest,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[domain.FieldError] = (),
    facts: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """RFC 9457, with our `code`, the wrong fields, and the request id to quote to operators."""
    body = {
        "type": f"urn:basepay:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": each.field, "expected": each.expected} for each in errors],
        "request_id": request_id_of(request.scope),
        "instance": quote(request.scope["path"]),
        **(facts or {}),
    }
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def _internal_error(request: AnyRequest) -> Response[bytes]:
    sentence = "Something is wrong on our side; quote the request id when you ask about it."
    return problem(request, 500, "internal_error", sentence)


def _allowed(request: AnyRequest) -> str:
    """The methods of the route that this path belongs to."""
    path = request.scope["path"].rstrip("/").split("/")
    for route in request.app.routes:
        wanted = route.path_format.rstrip("/").split("/")
        fits = len(wanted) == len(path) and all(
            want == have or want.startswith("{") for want, have in zip(wanted, path, strict=True)
        )
        if fits:
            return ", ".join(sorted(route.methods))
    return ""
