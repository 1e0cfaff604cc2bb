"""How long Alipay wants to be left alone. Source: MAPPING.md §8."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from adapters.providers.alipay.wire import Head

LIMITED_CODE = "40005"
LIMITED_SUB_CODES = ("app-call-limited", "method-call-limited")

#: Alipay names no time; a few seconds let its one-second windows pass.
USUAL = timedelta(seconds=5)

#: Whatever a header says: not for ever, and not at once.
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=15)


def quiet_after_limit(head: Head) -> timedelta | None:
    """Tell the pause after an answer that says "too often"; None after any other."""
    is_limit = head.code == LIMITED_CODE or head.sub_code.endswith(LIMITED_SUB_CODES)
    return USUAL if is_limit else None


def quiet_after(response: httpx.Response, now: float) -> timedelta | None:
    """Tell the pause that a broken gateway asks for; `now` is wall time."""
    told = response.headers.get("retry-after", "")
    if not told:
        return USUAL if response.status_code == 429 else None
    return min(max(_span(told, now), SHORTEST), LONGEST)


def _span(told: str, now: float) -> timedelta:
    """Read seconds or an HTTP date."""
    if told.isascii() and told.isdigit():
        return timedelta(seconds=min(int(told[:9]), LONGEST.total_seconds()))
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return USUAL
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at - datetime.fromtimestamp(now, UTC)
