"""How long Alipay wants to be left alone. Source: MAPPING.md §8."""

from datetime import timedelta
from http import HTTPStatus

import httpx

from adapters.providers.alipay.wire import Head
from adapters.providers.transport import retry_after

LIMITED_CODE = "40005"
LIMITED_SUB_CODES = ("app-call-limited", "method-call-limited")

#: Alipay names no time; a few seconds let its one-second windows pass.
USUAL = timedelta(seconds=5)


def quiet_after_limit(head: Head) -> timedelta | None:
    """Tell the pause after an answer that says "too often"; None after any other."""
    is_limit = head.code == LIMITED_CODE or head.sub_code.endswith(LIMITED_SUB_CODES)
    return USUAL if is_limit else None


def quiet_after(response: httpx.Response, *, at: float) -> timedelta | None:
    """Tell the pause that a broken gateway asks for; `at`: wall time now."""
    limited = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return retry_after(response.headers, at=at) or (USUAL if limited else None)
