"""What is kept of a receiver's answer, or of there being none."""

import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import aiohttp

from adapters.webhooks.rules import AddressRefused

EXCERPT = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

#: A receiver that quotes our request in its answer must not put these into the log.
_SECRETS = re.compile(r"(whsec_|v1a?,|Bearer )[A-Za-z0-9+/=_.-]+")

#: Answers that may carry `Retry-After`.
_BUSY = (429, 503)


def excerpt(status: int, body: bytes) -> str:
    """The beginning of the body, for people."""
    # Blotted out first and cut then: half a secret is one too.
    text = _SECRETS.sub(r"\1…", body[: 8 * EXCERPT].decode("utf-8", "replace"))
    text = _CONTROL.sub(" ", text).strip()[:EXCERPT]
    if 300 <= status < 400:
        return f"redirects are not followed, give the final URL; {text}".rstrip("; ")
    return text


def silence(status: int, headers: Mapping[str, str], *, at: float) -> timedelta | None:
    """How long a 429 or 503 asks to be left alone; seconds or a date (`at`: wall time now)."""
    told = headers.get("Retry-After", "").strip()
    if status not in _BUSY or not told:
        return None
    if told.isascii() and told.isdigit():
        return timedelta(seconds=int(told[:9]))
    try:
        seconds = parsedate_to_datetime(told).replace(tzinfo=UTC).timestamp() - at
        return timedelta(seconds=max(0.0, seconds))
    except (ValueError, OverflowError):
        return None


def why(error: Exception, *, connect_seconds: float, total_seconds: float) -> str:
    """Why there is no answer, in one line that tells nothing of our side of the network."""
    match error:
        case aiohttp.ClientConnectorError(os_error=AddressRefused()):
            return "not sent: the URL does not lead to a public address"
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {connect_seconds:g} s"
        case TimeoutError():
            return f"no answer within {total_seconds:g} s"
        case aiohttp.ClientConnectorCertificateError():
            return f"TLS: {_reason(error.certificate_error)}"
        case aiohttp.ClientConnectorDNSError():
            return "the name does not resolve"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS: {_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection: {error.os_error.strerror or 'failed'}"
        case aiohttp.ClientResponseError():  # its own text quotes the whole address
            return "the answer is not HTTP"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "the connection was cut before an answer came"
        case _:
            return f"no answer: {type(error).__name__}"


def _reason(error: Exception) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "reason", "") or "failed"
