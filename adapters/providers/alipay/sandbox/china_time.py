"""Times as Alipay writes them: China time without a mark of the zone."""

from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))

LAYOUT = "%Y-%m-%d %H:%M:%S"


def to_text(instant: datetime) -> str:
    """Write an instant as "2026-01-15 10:00:09", China time."""
    return instant.astimezone(CHINA).strftime(LAYOUT)


def to_text_with_milliseconds(instant: datetime) -> str:
    """Write an instant as "2026-01-15 10:00:09.123", the form of `gmt_refund`."""
    return f"{to_text(instant)}.{instant.microsecond // 1000:03}"


def from_text(text: str) -> datetime:
    """Read "2026-01-15 10:00:09", China time, as UTC; ValueError for any other layout."""
    try:
        return datetime.strptime(text, LAYOUT).replace(tzinfo=CHINA).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"before the first day there is: {text!r}") from None
